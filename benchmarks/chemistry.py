"""Decoding graphs to canonical SMILES beside RDKit's own floor for it, and beside the usual loop."""

from itertools import islice

from rdkit import Chem

from benchmarks.peers import decoding
from benchmarks.timing import cpu_seconds
from molgan import chemistry
from molgan.data import graphs
from molgan.data.dataset import MoleculeDataset, embedded, read_rows


def rows(short: bool = False):
    """`(what, ours, floor or peer, ratio)`, microseconds a molecule."""
    smiles = [text for _, text in islice(read_rows(embedded()), 2000 if short else None)][::60]
    repeat = 1 if short else 5
    data = MoleculeDataset.from_smiles(smiles)
    atoms, orders = data.atoms.numpy(), data.orders.numpy()
    numbers = [(Chem.Atom(atom.symbol).GetAtomicNum(), atom.charge) for atom in data.vocabulary.atoms]
    loop = decoding(atoms, graphs.to_matrix(data.orders, atoms.shape[1]).numpy(), numbers)
    mols = [Chem.MolFromSmiles(text) for text in data.smiles]

    def floor():
        for mol in mols:
            copy = Chem.Mol(mol)
            Chem.SanitizeMol(copy)
            Chem.MolToSmiles(copy)

    def decode():
        for mol in chemistry.decode(atoms, orders, data.vocabulary):
            chemistry.strict_smiles(mol)

    def encode():
        for text in data.smiles:
            chemistry.to_graph(chemistry.parse(text))

    def parse():
        for text in data.smiles:
            Chem.MolToSmiles(Chem.MolFromSmiles(text))

    scale = 1e6 / len(mols)
    ours, least = cpu_seconds(decode, repeat) * scale, cpu_seconds(floor, repeat) * scale
    yield "arrays -> SMILES, us (RDKit: sanitise + SMILES)", ours, least, least / ours
    usual = cpu_seconds(loop, repeat) * scale
    yield "arrays -> SMILES, us (the usual loop over matrices)", ours, usual, usual / ours
    ours, least = cpu_seconds(encode, repeat) * scale, cpu_seconds(parse, repeat) * scale
    yield "SMILES -> graph, us (RDKit: parse + SMILES)", ours, least, least / ours
