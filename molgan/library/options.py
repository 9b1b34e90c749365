"""Options of the command line that several commands have, or that are long."""

from typing import Annotated, Literal

import typer

Train = Annotated[
    list[str],
    typer.Option("--train", metavar="qm9|moses|zinc|FILE", help="Training molecules, for novelty; repeatable."),
]
Reference = Annotated[
    str | None,
    typer.Option(metavar="qm9|moses|zinc|FILE", help="Real molecules to compare with."),
]
Sample = Annotated[int, typer.Option(min=2, help="Most molecules for the suites; a larger file is sampled at random.")]
Unequal = Annotated[
    bool, typer.Option("--allow-unequal-n", help="Compute FCD even if the numbers of molecules differ.")
]
Only = Annotated[
    list[str],
    typer.Option(
        help="Group of metrics: moses, guacamol, diversity, motifs, memorisation, alerts, precision or subgroups; "
        "repeatable. Default: all except subgroups."
    ),
]
Subgroup = Annotated[
    str,
    typer.Option(metavar="COLUMN", help="Column of the reference with a label for each molecule: recall by label."),
]
Fragments = Annotated[
    Literal["reject", "largest", "keep"],
    typer.Option(help="How salts and mixtures are compared with training or reference molecules."),
]
Tolerance = Annotated[
    list[str],
    typer.Option(metavar="NAME=WIDTH", help="Largest accepted distance from the requested value; repeatable."),
]
Guidances = Annotated[
    list[float], typer.Option("--guidance", help="Guidance of the samples; repeat to compare several values.")
]
Standardize = Annotated[
    bool, typer.Option("--standardize", help="Neutralise charges and normalise functional groups before comparing.")
]

GivenFragments = Annotated[
    str | None,
    typer.Option(
        "--fragments",
        metavar="FILE|SMILES",
        help="Fragments that each molecule must have: a SMILES, or a file with one request per line, -n molecules for "
        "each. [*] marks a site where the molecule may grow; a dot separates fragments.",
    ),
]
Ceiling = Annotated[
    float | None,
    typer.Option(
        "--ceiling",
        min=1,
        metavar="RATIO",
        help="Density ratio above which the critic accepts every sample; a lower one is faster and less strict. "
        "Default: the model's critic.ceiling.",
    ),
]
Precision = Annotated[
    Literal["float32", "bfloat16"] | None,
    typer.Option(
        help="Of the products of the recurrent layers. bfloat16 is faster on a processor with AVX512-BF16 and "
        "can be slower without. Default: float32."
    ),
]
Optional = Annotated[
    list[int],
    typer.Option("--optional", metavar="NUMBER", help="Number of a site that may keep its hydrogen; repeatable."),
]
Linked = Annotated[
    bool, typer.Option("--linked", help="Connect all sites by new atoms: two sites of one fragment close a ring.")
]
Size = Annotated[tuple[int, int] | None, typer.Option(metavar="LEAST MOST", help="Heavy atoms of a molecule.")]
Added = Annotated[
    tuple[int, int] | None, typer.Option(metavar="LEAST MOST", help="Heavy atoms in addition to the fragments.")
]
Distinct = Annotated[bool, typer.Option("--distinct", help="Replace duplicates by new samples.")]
Require = Annotated[
    list[str], typer.Option(metavar="SMARTS", help="Substructure that each molecule must have; repeatable.")
]
Forbid = Annotated[
    list[str], typer.Option(metavar="SMARTS", help="Substructure that no molecule may have; repeatable.")
]
Isomers = Annotated[
    int,
    typer.Option(
        min=0, help="Write this many stereoisomers of each molecule, the likeliest; 0: new centres unspecified."
    ),
]
