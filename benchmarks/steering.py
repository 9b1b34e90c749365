"""What a QED reward does at the demo's budget, one table: `python -m benchmarks.steering` (a quarter of an hour)."""

import time

from molgan.config import Config
from molgan.data import MoleculeDataset, embedded
from molgan.gan import MolGAN
from molgan.metrics import evaluate
from molgan.scoring import property_frame

WEIGHTS = (0, 5, 10)
DRAWS = 10_000


def main() -> None:
    data = MoleculeDataset.from_file(embedded(), min_atom_share=0.005)
    known = frozenset(data.smiles)
    print("| reward.weight | mean QED of distinct valid | valid, raw | unique | product | CPU-s |")
    print("|---|---|---|---|---|---|")
    for weight in WEIGHTS:
        start = time.process_time()
        steer = [f"reward.weight={weight}", "reward.kl=0.02"] if weight else []
        gan = MolGAN(Config.load("qm9", steer)).fit(data, quiet=True)
        seconds = time.process_time() - start
        raw = evaluate(gan.sample(DRAWS, seed=0, raw=True), ks=())
        smiles = gan.sample(DRAWS, seed=0)
        figures = {name: f"{estimate.value:.3f}" for name, estimate in evaluate(smiles, known, ks=()).items()}
        qed = property_frame(sorted({text for text in smiles if text}), ("qed",))["qed"].mean()
        valid = f"{raw['connected'].value:.3f}"
        print(
            f"| {weight} | {qed:.3f} | {valid} | {figures['unique']} | {figures['product']} | {seconds:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
