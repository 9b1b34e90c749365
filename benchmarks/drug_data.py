"""Training molecules of the bundled `drug`: those of MOSES and ZINC together, without what it is measured on.

    python -m benchmarks.drug_data zinc.csv.gz OUT

writes `train.smi.gz` (MOSES' training molecules and ZINC's, one SMILES a line, without stereo) and `zinc_held_out.smi`
(10,000 molecules of ZINC, picked by a seed). ZINC's molecules that MOSES tests on are left out of both. MOSES is
fetched by `molgan data fetch moses`; ZINC by `molgan data fetch zinc`, or any file of it.
"""

import argparse
import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from molgan import chemistry
from molgan.chemistry.parallel import map_chunks
from molgan.data.dataset import read_rows
from molgan.data.downloads import DATA

_HELD_OUT, _SEED = 10_000, 0


def canonical(source: object) -> list[str]:
    """Canonical SMILES without stereo of the molecules of a file that can be read, each once, in its order."""
    texts = [text or "" for _, text in read_rows(source)]
    found = map_chunks(chemistry.graph_or_reason, texts, failed=str)
    return list(dict.fromkeys(one.smiles for one in found if not isinstance(one, str)))


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drug_data", description=__doc__.splitlines()[0])
    parser.add_argument("zinc", help="file with ZINC's molecules")
    parser.add_argument("out", type=Path, help="folder for the two files")
    parser.add_argument("--moses", type=int, default=0, help="take so many of MOSES' molecules at random; 0 takes all")
    args = parser.parse_args(argv)
    folder = DATA.path("moses")
    random = np.random.default_rng(_SEED)
    tested = {text for name in ("test", "test_scaffolds") for text in canonical(folder / f"{name}.csv.gz")}
    zinc = [text for text in canonical(args.zinc) if text not in tested]
    held_out = set(random.permutation(len(zinc))[:_HELD_OUT].tolist())
    moses = [text for _, text in read_rows(folder / "train.csv.gz") if text]
    if 0 < args.moses < len(moses):
        moses = [moses[place] for place in np.sort(random.permutation(len(moses))[: args.moses])]
    aside = {zinc[place] for place in held_out}
    kept = [text for text in dict.fromkeys(zinc + moses) if text not in aside]
    args.out.mkdir(parents=True, exist_ok=True)
    with gzip.open(args.out / "train.smi.gz", "wt", encoding="utf-8") as out:
        out.writelines(f"{text}\n" for text in kept)
    (args.out / "zinc_held_out.smi").write_text("".join(f"{zinc[place]}\n" for place in sorted(held_out)))
    print(f"{len(kept):,} molecules for training, {len(held_out):,} of ZINC held out, in {args.out}")


if __name__ == "__main__":
    main()
