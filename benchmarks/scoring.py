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


def rows(smiles: list[str] | None = None):
    """`(what, ours, peer's, ratio)`. smiles: drug-like molecules; the embedded ones if not given."""
    smiles = smiles or [text for _, text in read_rows(embedded()) if text][::13]
    smiles = smiles[:MANY]
    functions = [PROPERTIES[name].function for name in ("qed", "sa", "logp")]
    peers = (QED.qed, sascorer.calculateScore, Crippen.MolLogP)  # pyright: ignore

    def fresh() -> list[tuple[Chem.Mol, str]]:
        mols = [Chem.MolFromSmiles(text) for text in smiles]
        return [(mol, Chem.MolToSmiles(mol)) for mol in mols]

    reading = cpu_seconds(fresh, 3)

    def ours() -> None:
        for mol, text in fresh():
            molecule = Molecule(mol, text)
            for function in functions:
                function(molecule)

    def apart() -> None:
        for peer in peers:  # each on molecules of its own: RDKit keeps Crippen's contributions with a molecule
            for mol, _ in fresh():
                peer(mol)

    mine, theirs = cpu_seconds(ours, 3) - reading, cpu_seconds(apart, 3) - 3 * reading
    yield (
        "score QED + SA + logP, CPU-us a molecule",
        1e6 * mine / len(smiles),
        1e6 * theirs / len(smiles),
        theirs / mine,
    )

    scorer = Scorer("druglike", processes=1)
    scorer(smiles)
    cached = cpu_seconds(lambda: scorer(smiles))
    yield (
        "score from the cache, molecules/s against 200,000",
        len(smiles) / cached,
        200_000,
        200_000 * cached / len(smiles),
    )

    one, two = (_seconds(smiles, processes) for processes in (1, 2))
    yield "score, s: two processes (ours) beside one (peer)", two, one, one / two


def _seconds(smiles: list[str], processes: int) -> float:
    """Seconds by the clock, processes already started."""
    Scorer("druglike", processes=processes)(smiles[:200])
    times = []
    for _ in range(3):
        scorer = Scorer("druglike", processes=processes)
        start = time.perf_counter()
        scorer(smiles)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


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
