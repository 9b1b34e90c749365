"""Lead optimisation as translation: `python -m benchmarks.lead_translation FILE --out FOLDER [--methods ...]`.

Molecules of a file are to have a higher logP, by one standard deviation of the file, and stay similar (Tanimoto of
ECFP4 at least 0.4), with the same QED. Each method gives 20 candidates a lead: pix2pix learns from matched pairs, with
the changes of both properties as conditions, cyclegan from the lowest and the highest third by logP, stargan from all
with logP and QED as conditions; `retrieval` applies the commonest transformations of pairs whose logP rises so;
`improve` is the search of `molgan improve`, which alone asks for scores.

Columns: valid candidates; leads with a candidate that is all that is asked, and whose first candidate is; of those
leads, QED of the best candidate within 5% of the lead's; for leads of held-out pairs, any true partner among the
candidates (`exact`); CPU seconds of training, and for each lead. Pairs and runs are kept in FOLDER and gone on with.
"""

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem, DataStructs, RDLogger

from molgan.chemistry.fingerprints import morgan
from molgan.chemistry.matched_pairs import cuts, exchanged, matched_pairs
from molgan.data.inputs import as_rows
from molgan.optimize.leads import DEFAULT, improve
from molgan.scoring.tables import property_frame
from seqgan import Config, SeqGAN

SIMILAR, CANDIDATES, UNTOUCHED = 0.4, 20, 0.05
Candidates = Mapping[str, Sequence[str]]


def similarity(pairs: Iterable[tuple[str, str]]) -> list[float]:
    """Tanimoto of each pair of SMILES that are valid."""
    known: dict[str, DataStructs.ExplicitBitVect] = {}

    def print_of(smiles: str) -> DataStructs.ExplicitBitVect:
        if smiles not in known:
            known[smiles] = morgan().GetFingerprint(Chem.MolFromSmiles(smiles))
        return known[smiles]

    return [DataStructs.TanimotoSimilarity(print_of(one), print_of(other)) for one, other in pairs]


def similar(pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs that are similar, each once."""
    near = similarity(zip(pairs["first"], pairs["second"], strict=True))
    return pairs[np.array(near) >= SIMILAR].drop_duplicates(["first", "second"]).reset_index(drop=True)


class Task:
    """Molecules with their properties, the pairs that do what is asked, and leads that no method has seen."""

    def __init__(self, file: Path, folder: Path, molecules: int, lines: int, leads: int, seed: int):
        texts = [text for text in as_rows(file) if text and "." not in text]
        picked = np.random.default_rng(seed).permutation(len(texts))[:molecules]
        known = list(dict.fromkeys(filter(None, (canonical(texts[row]) for row in picked))))
        kept = [folder / name for name in ("pairs.parquet", "values.parquet")]
        if not kept[1].exists():
            pairs = similar(pd.DataFrame(matched_pairs(known, seed=seed, processes=0)))
            pairs.to_parquet(kept[0])
            described = list(dict.fromkeys([*known[:lines], *pairs["first"]]))
            property_frame(described, ["logp", "qed"]).assign(smiles=described).to_parquet(kept[1])
        pairs, self.values = pd.read_parquet(kept[0]), pd.read_parquet(kept[1]).set_index("smiles")
        first, second = (self.values.loc[pairs[side]].reset_index(drop=True) for side in ("first", "second"))
        changes = {"logp_change": second["logp"] - first["logp"], "qed_change": second["qed"] / first["qed"] - 1}
        pairs, self.step = pairs.assign(**changes), float(self.values["logp"].std())
        self.asked = pairs[(pairs["logp_change"] >= self.step) & (pairs["qed_change"].abs() <= UNTOUCHED)]
        firsts = self.asked["first"].unique()
        self.leads = list(np.random.default_rng(seed + 1).permutation(firsts)[:leads])
        unseen = set(self.leads)
        self.train = pairs[~pairs["first"].isin(unseen) & ~pairs["second"].isin(unseen)]
        self.others = [text for text in known[:lines] if text not in unseen]

    def figures(self, made: Candidates) -> dict[str, float]:
        """What the candidates of each lead are worth."""
        true = self.asked.groupby("first")["second"].agg(set)
        valid, best, first, untouched, exact = [], [], [], [], []
        for lead in self.leads:
            some = [canonical(text) for text in made.get(lead, ())]
            valid += [text is not None for text in some]
            kept = [text for text in some if text is not None]
            met = self.met(lead, kept)
            exact.append(bool(true[lead] & set(kept)))
            best.append(bool(met))
            first.append(bool(some) and bool(met) and some[0] == met[0][0])
            if met:
                untouched.append(min(change for _, change in met) <= UNTOUCHED)
        named = {"valid": valid, "met": best, "first met": first, "QED within 5%": untouched, "exact": exact}
        return {name: float(np.mean(values)) if values else 0.0 for name, values in named.items()}

    def met(self, lead: str, candidates: Sequence[str]) -> list[tuple[str, float]]:
        """The candidates that are all that is asked, in order, and how much the QED of each has changed, relative."""
        if not candidates:
            return []
        values = property_frame(list(candidates), ["logp", "qed"])
        near = similarity((lead, text) for text in candidates)
        own = self.values.loc[lead]
        rows = zip(candidates, values["logp"], values["qed"], near, strict=True)
        return [
            (text, abs(qed / own["qed"] - 1))
            for text, logp, qed, alike in rows
            if logp - own["logp"] >= self.step and alike >= SIMILAR and text != lead
        ]


def canonical(text: str | None) -> str | None:
    """A molecule's own SMILES; None for what is none."""
    mol = Chem.MolFromSmiles(text) if text else None
    return Chem.MolToSmiles(mol) if mol is not None and mol.GetNumAtoms() else None


# Methods -----------------------------------------------------------------------------------------


def translated(gan: SeqGAN, leads: Sequence[str], **asked) -> Candidates:
    """The likeliest translations of each lead."""
    table = gan.translate(leads, CANDIDATES, **asked)
    return {lead: rows["target"].dropna().tolist() for lead, rows in table.groupby("source")}


def fitted(name: str, rows: pd.DataFrame, given: argparse.Namespace, condition: Sequence[str] = ()) -> SeqGAN:
    """A model of that recipe, kept in the folder."""
    own = ["data.tokens=smiles", "data.max_length=100", "data.test=0", f"seed={given.seed}", *given.set]
    return SeqGAN(Config.load(name, own)).fit(
        rows, out=given.out / name, resume=True, quiet=True, condition=list(condition)
    )


def pix2pix(task: Task, given: argparse.Namespace) -> Callable[[], Candidates]:
    """Learns from the matched pairs with the change of both properties; asked are 1.2 steps, and the same QED."""
    rows = task.train.rename(columns={"first": "source", "second": "target"})
    gan = fitted("pix2pix", rows, given, ["logp_change", "qed_change"])
    by = min(1.2 * task.step, float(rows["logp_change"].max()))
    return lambda: translated(gan, task.leads, condition={"logp_change": by, "qed_change": 0.0})


def cyclegan(task: Task, given: argparse.Namespace) -> Callable[[], Candidates]:
    """Learns from the lowest and the highest third by logP."""
    ordered = task.values.loc[task.others, "logp"].sort_values()
    third = len(ordered) // 3
    low, high = (list(part.index) for part in (ordered[:third], ordered[-third:]))
    rows = pd.DataFrame({"text": [*low, *high], "label": ["low"] * third + ["high"] * third})
    gan = fitted("cyclegan", rows, given, ["label:class"])
    return lambda: translated(gan, task.leads, condition={"label": "high"})


def stargan(task: Task, given: argparse.Namespace) -> Callable[[], Candidates]:
    """Learns from all molecules with logP and QED; the lead's own QED is asked for, and a logP higher by 1.5 steps."""
    rows = task.values.loc[task.others].reset_index(names="text")
    gan = fitted("stargan", rows, given, ["logp", "qed"])
    own = task.values.loc[task.leads]
    wanted = {"logp": own["logp"] + 1.5 * task.step, "qed": own["qed"]}
    asked = {name: values.clip(rows[name].min(), rows[name].max()).tolist() for name, values in wanted.items()}
    return lambda: translated(gan, task.leads, condition=asked)


def retrieval(task: Task, given: argparse.Namespace) -> Callable[[], Candidates]:
    """Learns nothing: the transformations of the training pairs, the commonest first, wherever they apply."""
    common: dict[str, Counter[str]] = defaultdict(Counter)
    upward = task.train[task.train["logp_change"] >= task.step]
    for before, after in zip(upward["before"], upward["after"], strict=True):
        common[before][after] += 1

    def made() -> Candidates:
        found = {}
        for lead in task.leads:
            known = cuts(lead)
            options = [
                (-count, cut.constant, after)
                for cut in (known[1] if known is not None else [])
                for after, count in common[cut.variable].items()
            ]
            products = (exchanged(constant, after) for _, constant, after in sorted(options))
            found[lead] = list(dict.fromkeys(filter(None, products)))[:CANDIDATES]
        return found

    return made


def plain(task: Task, given: argparse.Namespace) -> Callable[[], Candidates]:
    """The search of `molgan improve`, 500 scores a lead."""

    def made() -> Candidates:
        config = replace(DEFAULT, budget=given.calls, seed=given.seed)
        table = improve(task.leads, {"logp": task.step}, SIMILAR, n=CANDIDATES, config=config, processes=0)
        return {lead: rows["smiles"].dropna().tolist() for lead, rows in table.groupby("origin")}

    return made


METHODS = {"retrieval": retrieval, "pix2pix": pix2pix, "cyclegan": cyclegan, "stargan": stargan, "improve": plain}


def main() -> None:
    """Print a row for each method."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--molecules", type=int, default=40_000)
    parser.add_argument("--lines", type=int, default=12_000, help="molecules that cyclegan and stargan learn from")
    parser.add_argument("--leads", type=int, default=200)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[])
    given = parser.parse_args()
    RDLogger.DisableLog("rdApp.*")  # pyright: ignore
    given.out.mkdir(parents=True, exist_ok=True)
    task = Task(given.file, given.out, given.molecules, given.lines, given.leads, given.seed)
    print(f"{len(task.train):,} training pairs; logP is to rise by {task.step:.2f}", flush=True)
    for name in given.methods:
        begun = time.process_time()
        method = METHODS[name](task, given)
        middle = time.process_time()
        figures = task.figures(method())
        figures |= {"training CPU s": middle - begun, "CPU s a lead": (time.process_time() - middle) / len(task.leads)}
        print(name, {key: round(value, 3) for key, value in figures.items()}, flush=True)


if __name__ == "__main__":
    main()
