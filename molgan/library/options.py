"""Options of the command line that several commands have, or that are long."""

from typing import Annotated, Literal

import typer

Train = Annotated[
    list[str],
    typer.Option(
        "--train", metavar="qm9|moses|zinc|FILE", help="Training molecules, to tell what is novel; repeatable."
    ),
]
Reference = Annotated[
    str | None,
    typer.Option(metavar="qm9|moses|zinc|FILE", help="Real molecules, for the suites of MOSES and GuacaMol."),
]
Sample = Annotated[int, typer.Option(min=2, help="Molecules that the suites are worked out of, at random, if more.")]
Unequal = Annotated[bool, typer.Option("--allow-unequal-n", help="FCD also where numbers of molecules differ.")]
Only = Annotated[
    list[str],
    typer.Option(
        help="Group of figures, repeatable; default: all that molgan.metrics.GROUPS has; subgroups on request."
    ),
]
Subgroup = Annotated[
    str,
    typer.Option(metavar="COLUMN", help="Column of the reference with a label of each molecule: recall by its labels."),
]
Fragments = Annotated[
    Literal["reject", "largest", "keep"],
    typer.Option(help="What counts of a salt or mixture where molecules are compared with training or reference ones."),
]
Tolerance = Annotated[
    list[str], typer.Option(metavar="NAME=WIDTH", help="How far from --condition counts as obtained; repeatable.")
]
Guidances = Annotated[list[float], typer.Option("--guidance", help="Of the draws; repeat it to compare values.")]
Standardize = Annotated[
    bool, typer.Option("--standardize", help="Compare with charges neutralised and functional groups normalised.")
]

GivenFragments = Annotated[
    str | None,
    typer.Option(
        "--fragments",
        metavar="FILE|SMILES",
        help="Fragments that each molecule has: a SMILES, or a file with a request a line; -n molecules for each. "
        "[*] marks a site; a dot separates several.",
    ),
]
Ceiling = Annotated[
    float | None,
    typer.Option(
        "--ceiling",
        min=1,
        metavar="RATIO",
        help="Density ratio from which on the critic rejects no sample; a lower one takes fewer draws. "
        "Default: the model's critic.ceiling.",
    ),
]
Precision = Annotated[
    Literal["float32", "bfloat16"] | None,
    typer.Option(
        help="Of the products of the recurrent layers. bfloat16 takes about half of their time on processors with "
        "AVX512-BF16 or AMX, and may take more on others. Default: float32."
    ),
]
Optional = Annotated[
    list[int],
    typer.Option("--optional", metavar="NUMBER", help="Site of the fragments that may stay empty; repeatable."),
]
Linked = Annotated[
    bool, typer.Option("--linked", help="Join all sites of the fragments by new atoms: two sites of one close a ring.")
]
Size = Annotated[tuple[int, int] | None, typer.Option(metavar="LEAST MOST", help="Heavy atoms of a molecule.")]
Added = Annotated[tuple[int, int] | None, typer.Option(metavar="LEAST MOST", help="Heavy atoms beside the fragments.")]
Distinct = Annotated[bool, typer.Option("--distinct", help="Draw again what repeats an earlier molecule.")]
Require = Annotated[list[str], typer.Option(metavar="SMARTS", help="Substructure that each molecule has; repeatable.")]
Forbid = Annotated[list[str], typer.Option(metavar="SMARTS", help="Substructure that no molecule has; repeatable.")]
Isomers = Annotated[
    int,
    typer.Option(min=0, help="Write so many stereoisomers of each molecule, the likeliest; 0 leaves new centres open."),
]
