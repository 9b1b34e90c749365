"""Molecules: parsing and identity, graphs, arrays, fingerprints, substructures. RDKit and numpy, no torch."""

from molgan.chemistry.arrays import PAD, decode, encode, pair_ends
from molgan.chemistry.fingerprints import fingerprints
from molgan.chemistry.graph import IMPLIED, MOST_ATOMS, ORDERS, AtomType, Graph, graph_or_reason, hydrogens, to_graph
from molgan.chemistry.identity import Judged, Policy, Rejected, flat, judge, parse, strict_smiles
from molgan.chemistry.molecule import Molecule
from molgan.chemistry.parsed_text import ParsedText, Text
from molgan.chemistry.vocabulary import Vocabulary

__all__ = [
    "IMPLIED",
    "MOST_ATOMS",
    "ORDERS",
    "PAD",
    "AtomType",
    "Graph",
    "Judged",
    "Molecule",
    "ParsedText",
    "Policy",
    "Rejected",
    "Text",
    "Vocabulary",
    "decode",
    "encode",
    "fingerprints",
    "flat",
    "graph_or_reason",
    "hydrogens",
    "judge",
    "pair_ends",
    "parse",
    "strict_smiles",
    "to_graph",
]
