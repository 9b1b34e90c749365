"""Proteins as text: the twenty amino acids, and the reason if a sequence has any other sign."""

import re
from collections.abc import Sequence

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
"""The standard amino acids, one letter each (IUPAC-IUB 1984)."""
OTHERS = {
    "B": "aspartic acid or asparagine",
    "Z": "glutamic acid or glutamine",
    "J": "leucine or isoleucine",
    "X": "any amino acid",
    "U": "selenocysteine",
    "O": "pyrrolysine",
    "*": "a stop inside the sequence",
    "-": "a gap of an alignment",
    ".": "a gap of an alignment",
    ">": "the mark of a FASTA header: name the file .fasta",
}
"""Signs that sequences hold beside them, and what they mean: ambiguity codes, rare amino acids, stops, gaps."""
_FOREIGN = re.compile(f"[^{RESIDUES}{RESIDUES.lower()}]")
_NUCLEOTIDES = re.compile("[ACGTN]+", re.IGNORECASE)
_LOOKED_AT = 1000  # lines that advice rests on


def residues(text: str) -> str:
    """A sequence in capitals, without white space and without the stop (`*`) at its end.

    >>> residues("mkv laa*")
    'MKVLAA'
    """
    sequence = "".join(text.split())
    sequence = sequence.removesuffix("*")
    return sequence.upper() if sequence.isascii() else sequence


def refusal(text: str) -> str:
    """Why a text is no sequence of standard amino acids, a few words; "" where it is one.

    >>> refusal("MKVX"), refusal("MK-V"), refusal("mkv*")
    ('has X, any amino acid', 'has -, a gap of an alignment', '')
    """
    sequence = residues(text)
    if not sequence:
        return "has no amino acid"
    found = _FOREIGN.search(sequence)
    if found is None:
        return ""
    sign = ">" if sequence.startswith(">") else found[0]
    return f"has {sign}, {OTHERS[sign]}" if sign in OTHERS else f"has {sign!r}, which is no amino acid"


def nucleotide_advice(sequences: Sequence[str]) -> str:
    """What to say where most sequences are of the letters A, C, G, T and N alone; "" where they are not.

    >>> nucleotide_advice(["MKVLAA", "GIGKFL"])
    ''
    """
    sequences = [text for text in sequences[:_LOOKED_AT] if text]
    alike = sum(_NUCLEOTIDES.fullmatch(text) is not None for text in sequences)
    if 2 * alike <= len(sequences):
        return ""
    return (
        f"{alike / len(sequences):.0%} of the sequences have no letters but A, C, G, T and N: if they are nucleotides, "
        "set the tokens (data.tokens) to char, or translate them first."
    )
