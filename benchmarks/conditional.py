"""How near samples come to what is requested: `python -m benchmarks.conditional text`, `active` or `molecules MODEL`.

text: two dialects of the embedded grammar; the second has the verb last and another article. One model learns both by
their label, and one without. `in dialect`: share of the samples asked for a dialect that are in it; `right`: of those
in either, the share in the one asked for; `in either`: of the model without labels. Mean and deviation over seeds.

active: a scikit-learn classifier (fingerprint, then a random forest) learns from 300 molecules of QM9 which are amides,
and labels all others; a model conditioned on its labels is asked for active ones. `predicted`: share of the samples
that the classifier calls active; `amides`: share that are. --distinct draws a repeated molecule again.

molecules: each MODEL, one for each seed, is conditioned on properties. Requests are properties of held-out molecules
(`held_out.smi` of the run, or FILE): all conditions, or those after --ask; or with --percentiles each of these alone,
at percentiles of the held-out molecules. For each guidance: mean absolute error in standard deviations, the share
within a tolerance of each (a quarter of a deviation, or --tolerance in the property's unit) and of all, correlation,
unique, novel against --train, the Fréchet distance of all samples to the held-out molecules, and that of as many
samples without a request. Of several models: mean and deviation. --raw leaves out the critic. --check draws a sample
that is not within the tolerances again, up to ten times.
"""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem

import seqgan
from gancore.statistics.frechet import frechet, moments
from molgan import Config, MolGAN, chemistry
from molgan.data.dataset import as_rows
from molgan.data.downloads import DATA
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
    show(rows)


def classifier(molecules: Sequence[str], seed: int) -> Callable[[Sequence[str]], np.ndarray]:
    """What calls a molecule active, 1 or 0, after 300 of these with their labels, half of them active."""
    from sklearn.ensemble import RandomForestClassifier

    active = amide(molecules)
    rows = np.random.default_rng(seed).permutation(len(molecules))
    picked = [*rows[active[rows]][:150], *rows[~active[rows]][:150]]
    forest = RandomForestClassifier(200, random_state=seed)
    forest.fit(chemistry.fingerprints([molecules[row] for row in picked]), active[picked])
    return lambda smiles: forest.predict(chemistry.fingerprints(smiles)).astype(int)


def amide(smiles: Sequence[str]) -> np.ndarray:
    """Whether each molecule is one."""
    pattern = Chem.MolFromSmarts("[NX3][CX3]=O")
    return np.array([Chem.MolFromSmiles(text).HasSubstructMatch(pattern) for text in smiles])


def of_active(seeds: Sequence[int], molecules: int, n: int, distinct: bool, overrides: Sequence[str]) -> None:
    """Print the table of a user's own classifier as the condition."""
    known, rows = [text for text in as_rows(DATA.files("qm9")) if text], []
    for seed in seeds:
        picked = [known[row] for row in np.random.default_rng(seed).permutation(len(known))[:molecules]]
        label = classifier(picked, seed)
        gan = MolGAN(Config.load("conditional", [f"seed={seed}", *overrides]))
        gan.fit(picked, condition={"active": label}, quiet=True)
        drawn = [text for text in gan.sample(n, seed=seed, condition={"active": "1"}, distinct=distinct) if text]
        found = {"valid": len(drawn) / n, "predicted": label(drawn).mean(), "amides": amide(drawn).mean()}
        found |= {"unique": len(set(drawn)) / len(drawn), "predicted of the data": label(picked).mean()}
        rows.append(found)
        print(seed, {key: round(float(value), 4) for key, value in found.items()}, flush=True)
    show(rows)


def show(rows: Sequence[Mapping[str, float]]) -> None:
    """Print mean and deviation over seeds."""
    table = pd.DataFrame(rows)
    print(pd.DataFrame({"mean": table.mean(), "deviation": table.std(ddof=0)}).round(4).to_string())


class Requests:
    """Molecules that models have not seen, and what is requested of samples.

    tolerance: by name, in the property's unit; a quarter of a standard deviation where it has none.
    """

    def __init__(self, file: Path, names: Sequence[str], n: int, seed: int, tolerance: Mapping[str, float]):
        held = [text for text in as_rows(str(file)) if text]
        rows = np.random.default_rng(seed).permutation(len(held))[: min(n, 10_000)]
        self.molecules = list(filter(None, (canonical(held[row]) for row in rows)))
        self.names, self.values = list(names), property_frame(self.molecules, names)
        self.spread = self.values.std()
        self.tolerance = pd.Series({name: tolerance.get(name, 0.25 * self.spread[name]) for name in names})
        self.moments = moments(chemnet.activations(self.molecules))

    def of_rows(self, n: int) -> list[dict[str, float]]:
        """The properties of `n` of the molecules."""
        return [self.values.iloc[row].to_dict() for row in range(n)]

    def of_percentiles(self, name: str, percentiles: Sequence[float]) -> list[dict[str, float]]:
        """One property at its percentiles."""
        return [{name: float(np.percentile(self.values[name], one))} for one in percentiles]

    def distance(self, smiles: Sequence[str]) -> float:
        """The Fréchet distance of molecules to all of these."""
        return frechet(moments(chemnet.activations(list(smiles))), self.moments)

    def figures(
        self, gan: MolGAN, requests: Sequence[Mapping[str, float]], n: int, seed: int, check: bool, **options: Any
    ) -> tuple[dict[str, float], list[str]]:
        """What `n` samples are worth, as many for each request; and the valid ones.

        check: whether those that are not within the tolerance are drawn again.
        """
        names, drawn, wanted = list(requests[0]), [], []
        if check:
            options["tolerance"] = self.tolerance[names].to_dict()
        for number, request in enumerate(requests):
            drawn += gan.sample(n // len(requests), seed=seed + number, condition=request, **options)
            wanted += [request] * (n // len(requests))
        usable = [row for row, text in enumerate(drawn) if text]
        smiles = [str(drawn[row]) for row in usable]
        obtained = property_frame(smiles, names)
        target = pd.DataFrame([wanted[row] for row in usable])
        apart = (obtained - target).abs()
        figures = {"valid": len(usable) / len(drawn)}
        for name in names:
            figures[f"error {name}"] = (apart[name] / self.spread[name]).mean()
            figures[f"within {name}"] = (apart[name] <= self.tolerance[name]).mean()
            figures[f"correlation {name}"] = obtained[name].corr(target[name])
        figures["within all"] = (apart <= self.tolerance[names]).all(axis=1).mean()
        return figures | {"unique": len(set(smiles)) / len(smiles)}, smiles


def of_molecules(models: Sequence[str], arguments: argparse.Namespace) -> None:
    """Print the tables of models by what is requested and by guidance."""
    rows = []
    train = arguments.train
    seen = set(filter(None, map(canonical, as_rows(str(train))))) if train is not None else set()
    for model in models:
        gan = MolGAN.load(model)
        assert gan.conditions is not None, "the model has no conditions"
        names = list(arguments.ask or gan.conditions.names)
        file = arguments.file or Path(model) / "held_out.smi"
        seed, n = arguments.seeds[0], arguments.n
        tolerance = {name: float(width) for name, _, width in (one.partition("=") for one in arguments.tolerance)}
        held = Requests(file, names, n, seed, tolerance)
        asked = {"": held.of_rows(arguments.requests)}
        if arguments.percentiles:
            asked = {name: held.of_percentiles(name, arguments.percentiles) for name in names}
        free = [text for text in gan.sample(n, seed=seed, raw=arguments.raw) if text]
        print(f"{model}: FCD without a request {held.distance(free):.3f}", flush=True)
        for what, requests in asked.items():
            for guidance in arguments.guidance:
                figures, smiles = held.figures(
                    gan, requests, n, seed, arguments.check, raw=arguments.raw, guidance=guidance
                )
                if seen:
                    figures["novel"] = float(np.mean([text not in seen for text in set(smiles)]))
                figures["FCD"] = held.distance(smiles)
                rows.append({"requested": what or ", ".join(names), "guidance": guidance} | figures)
                print(*(f"{key} {value:.3f}" if isinstance(value, float) else value for key, value in rows[-1].items()))
    table = pd.DataFrame(rows).groupby(["requested", "guidance"])
    if len(models) > 1:
        print(pd.concat({"mean": table.mean(), "deviation": table.std(ddof=0)}).T.round(4).to_string())


def canonical(text: str | None) -> str | None:
    """The form in which samples are written."""
    return chemistry.judge(text).smiles


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["text", "active", "molecules"])
    parser.add_argument("model", nargs="*", help="of molecules: conditional models, one for each seed")
    parser.add_argument("--file", type=Path, help="molecules that they have not seen; default held_out.smi of the run")
    parser.add_argument("--train", type=Path, help="molecules that they have seen")
    parser.add_argument("--guidance", type=float, nargs="+", default=[1.0, 1.5, 2.0])
    parser.add_argument("--ask", nargs="+", default=[], metavar="NAME", help="these conditions alone; default all")
    parser.add_argument(
        "--percentiles", type=float, nargs="+", default=[], help="request each condition alone at these"
    )
    parser.add_argument("--tolerance", nargs="+", default=[], metavar="NAME=WIDTH", help="in the property's unit")
    parser.add_argument("--raw", action="store_true", help="leave out the critic")
    parser.add_argument("--check", action="store_true", help="draw again what is not within the tolerances")
    parser.add_argument("--distinct", action="store_true", help="of active: draw again what repeats a sample")
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("-n", type=int, default=10_000)
    parser.add_argument("--lines", type=int, default=5000, help="of each dialect")
    parser.add_argument("--molecules", type=int, default=30_000, help="of QM9, that the classifier labels")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2], help="of text; of molecules the first counts"
    )
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="of the models of text or active")
    arguments = parser.parse_args()
    if arguments.what == "text":
        of_text(arguments.seeds, arguments.lines, arguments.n // 2, arguments.set)
    elif arguments.what == "active":
        of_active(arguments.seeds, arguments.molecules, arguments.n, arguments.distinct, arguments.set)
    elif not arguments.model:
        parser.error("molecules: name a model")
    else:
        of_molecules(arguments.model, arguments)


if __name__ == "__main__":
    main()
