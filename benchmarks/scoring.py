"""Scores a second beside RDKit's own functions, one process; from the cache; and with two processes."""

import statistics
import time

from rdkit import Chem
from rdkit.Chem import QED, Crippen
from rdkit.Contrib.SA_Score import sascorer

from benchmarks.timing import cpu_seconds
from molgan.data import embedded, read_rows
from molgan.properties import PROPERTIES, Molecule
from molgan.scoring import Scorer

MANY = 10_000
_TURNS = 5


def rows(smiles: list[str] | None = None):
    """`(what, ours, peer's, ratio)`. smiles: drug-like molecules; the embedded ones if not given."""
    smiles = smiles or [text for _, text in read_rows(embedded()) if text][::13]
    smiles = smiles[:MANY]
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

    reading = cpu_seconds(read, 3)
    mine, theirs = cpu_seconds(ours, 3) - reading, cpu_seconds(apart, 3) - reading
    each = 1e6 / len(smiles)
    yield "score QED + SA + logP, CPU-us a molecule", each * mine, each * theirs, theirs / mine

    scorer = Scorer("druglike", processes=1)
    scorer(smiles)
    cached = cpu_seconds(lambda: scorer(smiles))
    yield (
        "score from the cache, molecules/s against 200,000",
        len(smiles) / cached,
        200_000,
        200_000 * cached / len(smiles),
    )

    one, two = _seconds(smiles)
    yield "score, s: two processes (ours) beside one (peer)", two, one, one / two


def _seconds(smiles: list[str]) -> list[float]:
    """Median seconds by the clock with one process and with two, in turns, the processes already started."""
    times: dict[int, list[float]] = {1: [], 2: []}
    for turn in range(_TURNS + 1):
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

    from molgan.data import as_rows

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data")
    data = parser.parse_args().data
    for what, ours, peer, ratio in rows([text for text in as_rows(data) if text] if data else None):
        print(f"{what:60}{ours:10.4g}{peer:10.4g}{ratio:8.3g}", flush=True)


if __name__ == "__main__":
    main()
