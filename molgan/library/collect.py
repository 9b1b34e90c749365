"""Candidate libraries: sample, keep the distinct valid molecules, score, write."""

import html
from collections.abc import Iterable, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
from rdkit import Chem
from rdkit.Chem import AllChem

from gancore.training.device import derive_seed
from gancore.types import Reward, Sampler
from molgan.library.drawing import svg
from molgan.scoring.measurement import Measured
from molgan.scoring.records import Part
from molgan.scoring.scorer import Scorer
from molgan.scoring.tables import DESCRIBED, property_frame, property_row

_DRAWN = 12


class Draws(list):
    """SMILES in the order they were drawn, None for a draw that is no molecule; shows itself as a grid in a notebook.

    >>> Draws(["CCO", None, "CCO"]).distinct
    ['CCO']
    """

    @property
    def distinct(self) -> list[str]:
        """Each molecule once, in order of appearance."""
        return list(dict.fromkeys(smiles for smiles in self if smiles is not None))

    def _repr_html_(self) -> str:
        """The first dozen distinct ones, drawn."""
        distinct = self.distinct
        head = f"<p>{len(self):,} draws, {len(distinct):,} distinct molecules</p>"
        return head + grid((smiles, "") for smiles in distinct[:_DRAWN])


def grid(molecules: Iterable[tuple[str, str]]) -> str:
    """Drawings with their SMILES, and what is to be said of each below."""
    cells = (
        f'<div style="width:180px;overflow-wrap:anywhere">{svg(smiles)}<small>{html.escape(smiles)}'
        f"{'<br>' if caption else ''}{html.escape(caption)}</small></div>"
        for smiles, caption in molecules
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:8px">{"".join(cells)}</div>'


@dataclass(frozen=True)
class Library:
    """Distinct molecules with their properties, best first.

    frame: columns smiles, novel (None where no training set was given), score (where one was
        asked for), and the properties of `molgan.scoring.properties`. draws: how many it took.
    """

    frame: pd.DataFrame
    draws: int

    def __len__(self) -> int:
        return len(self.frame)

    def _repr_html_(self) -> str:
        """The best dozen, drawn."""
        head = f"<p>{len(self):,} distinct valid molecules from {self.draws:,} draws</p>"
        return head + grid(
            (row["smiles"], f"QED {row['qed']:.2f}, SA {row['sa']:.1f}, logP {row['logp']:.1f}")
            for row in self.frame.head(_DRAWN).to_dict("records")
        )

    def write(self, folder: str | Path) -> list[Path]:
        """Write library.parquet, library.smi (one SMILES a line) and library.sdf (2D); returns the paths."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        table, lines, records = (folder / f"library.{suffix}" for suffix in ("parquet", "smi", "sdf"))
        self.frame.to_parquet(table, index=False)
        lines.write_text("".join(f"{smiles}\n" for smiles in self.frame["smiles"]), encoding="utf-8")
        with Chem.SDWriter(str(records)) as writer:
            for row in self.frame.to_dict("records"):
                mol = Chem.MolFromSmiles(row["smiles"])
                AllChem.Compute2DCoords(mol)  # pyright: ignore
                mol.SetProp("_Name", row["smiles"])
                for name, value in row.items():
                    if name != "smiles" and value is not None:
                        mol.SetProp(str(name), f"{value:.4f}" if isinstance(value, float) else str(value))
                writer.write(mol)
        return [table, lines, records]


def collect(
    sampler: Sampler,
    n: int,
    seed: int = 0,
    known: Set[str] | None = None,
    reward: Reward | None = None,
    patience: int = 10,
    rank_by: str = "qed",
) -> Library:
    """Draw until there are `n` distinct valid molecules, or `patience` times `n` draws are spent.

    known: canonical SMILES of the training set, for the column `novel`. reward: fills the column `score`.
    rank_by: the column to sort by, highest first; ties by SMILES. The same seed gives the same library.
    Raises ValueError when n is below 1.

    >>> class Sampler:
    ...     def sample(self, n, seed):
    ...         return ["CCO", None, "CC(=O)N", "CCO"] * (n // 4)
    >>> library = collect(Sampler(), 2, known={"CCO"})
    >>> library.frame[["smiles", "novel"]].to_numpy().tolist(), library.draws
    ([['CCO', False], ['CC(=O)N', True]], 20)
    """
    if n < 1:
        raise ValueError(f"a library of {n} molecules cannot be collected; ask for at least 1.")
    distinct: dict[str, None] = {}
    draws = rounds = 0
    while len(distinct) < n and draws < patience * n:
        batch = min(max(1000, n - len(distinct)), patience * n - draws)
        distinct |= dict.fromkeys(
            smiles
            for smiles in sampler.sample(batch, derive_seed(seed, rounds) if rounds else seed)
            if smiles is not None
        )
        draws += batch
        rounds += 1
    smiles = list(distinct)[:n]
    frame = pd.DataFrame({"smiles": pd.Series(smiles, dtype=str)})
    frame["novel"] = [text not in known for text in smiles] if known is not None else None
    frame = pd.concat((frame, _scored(smiles, reward)), axis=1)
    frame = frame.sort_values([rank_by, "smiles"], ascending=[False, True], ignore_index=True)
    return Library(frame, draws)


def _scored(smiles: list[str], reward: Reward | None) -> pd.DataFrame:
    """The score of each molecule, if there is a reward, and its properties; a `Scorer` parses it once for both."""
    if not isinstance(reward, Scorer):
        frame = property_frame(smiles)
        if reward is not None:
            frame.insert(0, "score", reward(smiles))
        return frame
    nothing = [float("nan")] * len(DESCRIBED)
    properties = Part(partial(property_row, names=DESCRIBED), lambda reason: nothing)
    records = reward.examine(smiles, {"measured": reward.part, "properties": properties})
    measured: dict[str | None, Measured] = {
        text: record["measured"] for text, record in zip(smiles, records, strict=True)
    }
    frame = pd.DataFrame([record["properties"] for record in records], columns=list(DESCRIBED), dtype=float)
    frame.insert(0, "score", reward.scores(reward.values(smiles, measured)))
    return frame
