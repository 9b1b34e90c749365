"""Motifs with a name, as SMARTS: groups that are strained, or do not last in air or water, and that bad draws have."""

MOTIF_NAMES: dict[str, str] = {
    "N-N single bond": "[NX3;!$(N=*)]-[N;!$([NX4])]",
    "O-O single bond": "[OX2]-[OX2]",
    "hemiaminal": "[OX2H]-[CX4]-[NX3]",
    "gem-diol": "[OX2H]-[CX4]-[OX2H]",
    "enol": "[OX2H]-[CX3]=[CX3]",
    "cumulated double bonds": "*=[CX2]=*",
    "ring alkyne": "*#@*",
}
"""By the name that tables of figures give them. Aromatic bonds are none of these: pyrazole has no N-N single bond."""
