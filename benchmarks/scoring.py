"""Scores a second beside RDKit's own functions, one process; from the cache; and with two processes."""

import statistics
import time
from itertools import islice

from rdkit import Chem
from rdkit.Chem import QED, Crippen
from rdkit.Contrib.SA_Score import sascorer

from benchmarks.timing import cpu_seconds
from molgan.data.dataset import embedded, read_rows
from molgan.scoring.properties import PROPERTIES, Molecule
from molgan.scoring.scorer import Scorer

MANY = 10_000
_TURNS = 5


def rows(smiles: list[str] | None = None, short: bool = False):
    """`(what, ours, peer's, ratio)`. smiles: drug-like molecules; the embedded ones if not given."""
    smiles = smiles or [text for _, text in islice(read_rows(embedded()), 1300 if short else None) if text][::13]
    smiles, repeat = smiles[:MANY], 1 if short else 3
    functions = [PROPERTIES[name].function for name in ("qed", "sa", "logp")]
    peers = (QED.qed, sascorer.calculateScore, Crippen.MolLogP)  # pyright: ignore

    def read() -> None:
        for text in smiles:
            Chem.MolToSmiles(Chem.MolFromSmiles(text))

    def ours() -> None:
        for text in smiles:
            mol = Chem.MolFromSmiles(text)
            molecule = Molecule(mol, Chem.MolToSmiles(mol))  # a score has the SMILES anyway, as the key of its cache
            for function in functions:
                function(molecule)

    def apart() -> None:
        for text in smiles:
            mol = Chem.MolFromSmiles(text)
            Chem.MolToSmiles(mol)
            for peer in peers:
                peer(mol)

    reading = cpu_seconds(read, repeat)
    mine, theirs = (max(1e-9, cpu_seconds(call, repeat) - reading) for call in (ours, apart))
    each = 1e6 / len(smiles)
    yield "score QED + SA + logP, CPU-us a molecule", each * mine, each * theirs, theirs / mine

    scorer = Scorer("druglike", processes=1)
    scorer(smiles)
    cached = cpu_seconds(lambda: scorer(smiles))
    held = dict.fromkeys(smiles, 0.5)
    looked_up = cpu_seconds(lambda: [held[text] for text in smiles])
    yield "score from the cache, us a molecule (a dict's look-up)", each * cached, each * looked_up, looked_up / cached

    one, two = _seconds(smiles, 1 if short else _TURNS)
    yield "score, s: two processes (ours) beside one (peer)", two, one, one / two


def _seconds(smiles: list[str], turns: int) -> list[float]:
    """Median seconds by the clock with one process and with two, in turns, the processes already started."""
    times: dict[int, list[float]] = {1: [], 2: []}
    for turn in range(turns + 1):
        for processes, taken in times.items():
            scorer = Scorer("druglike", processes=processes)
            start = time.perf_counter()
            scorer(smiles)
            if turn:  # the first warms up
                taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times.values()]


def main() -> None:
    """Drug-like molecules from a file: `python -m benchmarks.scoring --data moses_test.csv`."""
    import argparse

    from molgan.data.dataset import as_rows

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data")
    parser.add_argument("--short", action="store_true", help="seconds; the figures mean nothing")
    given = parser.parse_args()
    smiles = [text for text in as_rows(given.data) if text] if given.data else None
    for what, ours, peer, ratio in rows(smiles, given.short):
        print(f"{what:60}{ours:10.4g}{peer:10.4g}{ratio:8.3g}", flush=True)


if __name__ == "__main__":
    main()
