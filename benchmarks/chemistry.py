"""Decoding graphs to canonical SMILES beside RDKit's own floor for it."""

from rdkit import Chem

from benchmarks.timing import cpu_seconds
from molgan import chem
from molgan.data import MoleculeDataset, embedded, read_rows


def rows():
    """`(what, ours, floor, ratio)`, microseconds a molecule."""
    smiles = [text for _, text in read_rows(embedded())][::60]
    data = MoleculeDataset.from_smiles(smiles)
    atoms, orders = data.atoms.numpy(), data.orders.numpy()
    mols = [Chem.MolFromSmiles(text) for text in data.smiles]

    def floor():
        for mol in mols:
            copy = Chem.Mol(mol)
            Chem.SanitizeMol(copy)
            Chem.MolToSmiles(copy)

    def decode():
        for mol in chem.decode(atoms, orders, data.vocabulary):
            chem.strict_smiles(mol)

    def encode():
        for text in data.smiles:
            chem.to_graph(chem.parse(text))

    def parse():
        for text in data.smiles:
            Chem.MolToSmiles(Chem.MolFromSmiles(text))

    scale = 1e6 / len(mols)
    ours, least = cpu_seconds(decode) * scale, cpu_seconds(floor) * scale
    yield "arrays -> SMILES, us (RDKit: sanitise + SMILES)", ours, least, least / ours
    ours, least = cpu_seconds(encode) * scale, cpu_seconds(parse) * scale
    yield "SMILES -> graph, us (RDKit: parse + SMILES)", ours, least, least / ours
