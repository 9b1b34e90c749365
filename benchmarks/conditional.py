"""How near samples come to what is asked: `python -m benchmarks.conditional text`, or `... molecules MODEL`.

text: two dialects of the embedded grammar; the second has the verb last and another article. One model learns both by
their label, and one without. `in dialect`: share of the samples asked for a dialect that are in it; `right`: of those
in either, the share in the one asked for; `in either`: of the model without labels. Mean and deviation over seeds.

molecules: MODEL is conditioned on properties. Requests are properties of held-out molecules (`held_out.smi` of the run,
or FILE): all conditions, or those after --ask. For each guidance: mean absolute error in standard deviations, the share
within a quarter of one of each and of all, correlation, unique, novel against --train, and the Fréchet distance of all
samples to the held-out molecules. --raw leaves out the critic.
"""

import argparse
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

import seqgan
from gancore.statistics.frechet import frechet, moments
from molgan import MolGAN, chemistry
from molgan.data.dataset import as_rows
from molgan.metrics import chemnet
from molgan.scoring.tables import property_frame
from seqgan import SeqGAN
from seqgan.data.grammar import Grammar


def dialects() -> dict[str, Grammar]:
    """The embedded grammar, and one of its words in another order."""
    rules = (resources.files("seqgan.data") / "english.pcfg").read_text(encoding="utf-8")
    last = re.sub(r"^(\w+ -> )(Tverb_\w) Object", r"\1Object \2", rules, flags=re.MULTILINE)
    last = re.sub(r"^(\w+VP -> )('is'|'are') (\w+)", r"\1\3 \2", last, flags=re.MULTILINE)
    return {"first": Grammar(rules), "last": Grammar(last.replace("'the'", "'ze'"))}


def of_text(seeds: Sequence[int], lines: int, n: int, overrides: Sequence[str]) -> None:
    """Print the table of the dialects."""
    grammars, rows = dialects(), []
    for seed in seeds:
        parts = [pd.DataFrame({"text": g.sample(lines, seed), "dialect": name}) for name, g in grammars.items()]
        frame = pd.concat(parts).sample(frac=1, random_state=seed)
        config = seqgan.Config.load("grammar", ["recipe=mle", f"seed={seed}", *overrides])
        free = SeqGAN(config).fit(frame["text"].tolist(), quiet=True).sample(2 * n, seed=seed)
        gan = SeqGAN(config).fit(frame, condition="dialect", quiet=True)
        found = {"in either": np.mean(sum(g.contains(free) for g in grammars.values()) > 0)}
        for name, grammar in grammars.items():
            texts = gan.sample(n, seed=seed, condition={"dialect": name})
            asked, other = grammar.contains(texts), *(g.contains(texts) for o, g in grammars.items() if o != name)
            found[f"in dialect {name}"] = asked.mean()
            found[f"right {name}"] = asked.sum() / max(1, (asked | other).sum())
        mixed = gan.sample(2 * n, seed=seed)
        found["in either, without a request"] = np.mean(sum(g.contains(mixed) for g in grammars.values()) > 0)
        rows.append(found)
        print(seed, {key: round(float(value), 4) for key, value in found.items()}, flush=True)
    table = pd.DataFrame(rows)
    print(pd.DataFrame({"mean": table.mean(), "deviation": table.std(ddof=0)}).round(4).to_string())


def of_molecules(
    model: str,
    file: Path,
    train: Path | None,
    guidances: Sequence[float],
    ask: Sequence[str],
    requests: int,
    n: int,
    seed: int,
    raw: bool,
) -> None:
    """Print the table of a model by guidance."""
    gan = MolGAN.load(model)
    assert gan.conditions is not None, "the model has no conditions"
    names = list(ask or gan.conditions.names)
    held = [text for text in as_rows(str(file)) if text]
    held = [held[row] for row in np.random.default_rng(seed).permutation(len(held))[: max(requests, min(n, 10_000))]]
    known = property_frame(held, names)
    spread, each = known.std(), n // requests
    reference = moments(chemnet.activations([text for text in map(canonical, held) if text]))
    seen = set(filter(None, map(canonical, as_rows(str(train))))) if train is not None else set()
    for guidance in guidances:
        drawn, wanted = [], []
        for row in range(requests):
            asked = known.iloc[row]
            drawn += gan.sample(each, seed=seed + row, raw=raw, condition=asked.to_dict(), guidance=guidance)
            wanted += [asked] * each
        usable = [row for row, text in enumerate(drawn) if text]
        table = property_frame([drawn[row] for row in usable], names)
        target = pd.DataFrame([wanted[row] for row in usable]).reset_index(drop=True)
        apart = (table - target).abs() / spread
        valid = [str(drawn[row]) for row in usable]
        figures = {"guidance": guidance, "valid": len(usable) / len(drawn)}
        figures |= {f"error {name}": apart[name].mean() for name in names}
        figures |= {f"within {name}": (apart[name] <= 0.25).mean() for name in names}
        figures |= {f"correlation {name}": table[name].corr(target[name]) for name in names}
        figures |= {"within all": (apart <= 0.25).all(axis=1).mean(), "unique": len(set(valid)) / len(valid)}
        if seen:
            figures["novel"] = np.mean([text not in seen for text in set(valid)])
        figures["FCD"] = frechet(moments(chemnet.activations(valid)), reference)
        print(" ".join(f"{key} {value:.3f}" for key, value in figures.items()), flush=True)


def canonical(text: str | None) -> str | None:
    """The form in which samples are written."""
    return chemistry.judge(text).smiles


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["text", "molecules"])
    parser.add_argument("model", nargs="?", help="of molecules: a conditional model")
    parser.add_argument("--file", type=Path, help="molecules that it has not seen; default held_out.smi of the run")
    parser.add_argument("--train", type=Path, help="molecules that it has seen")
    parser.add_argument("--guidance", type=float, nargs="+", default=[1.0, 1.5, 2.0])
    parser.add_argument("--ask", nargs="+", default=[], metavar="NAME", help="these conditions alone; default all")
    parser.add_argument("--raw", action="store_true", help="leave out the critic")
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("-n", type=int, default=10_000)
    parser.add_argument("--lines", type=int, default=5000, help="of each dialect")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="of the text models")
    arguments = parser.parse_args()
    if arguments.what == "text":
        of_text(arguments.seeds, arguments.lines, arguments.n // 2, arguments.set)
        return
    if arguments.model is None:
        parser.error("molecules: name a model")
    file = arguments.file or Path(arguments.model) / "held_out.smi"
    of_molecules(
        *(arguments.model, file, arguments.train, arguments.guidance, arguments.ask),
        *(arguments.requests, arguments.n, arguments.seeds[0], arguments.raw),
    )


if __name__ == "__main__":
    main()
