"""`MolGAN`: the facade a notebook uses. Fit, sample, save, load."""

import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.console import Console

from gancore import checkpoint
from gancore.device import new_generator, pick_device, seed_everything
from gancore.errors import RunError
from gancore.rows import tell_rejected
from gancore.training import Training, open_run, refuse_changes
from molgan import chem, sampling
from molgan.config import Config
from molgan.data import MoleculeDataset, as_dataset
from molgan.metrics import evaluate
from molgan.recipes import graph_gan

_CHUNK = 1000  # molecules drawn at a time; fixed, so that the first k of n draws are the same for every n
_SHOWN = {
    "autoencoder/reconstruction": "reconstruction",
    "critic/adversarial": "critic",
    "critic/penalty": "penalty",
    "generator/score": "score",
    "sample/connected": "connected",
    "sample/unique": "unique",
}


class MolGAN:
    """A generator of molecules: `MolGAN(config).fit(smiles).sample(1000, seed=0)`.

    >>> gan = MolGAN(Config.load("default", ["steps=2", "pretrain.steps=2"]))
    >>> len(gan.fit(["CCO", "CCN", "C1CC1O"], quiet=True).sample(5, seed=0))
    5
    """

    def __init__(self, config: Config | None = None):
        self.config = config or Config()
        self.device = pick_device(self.config.device)
        self.networks: graph_gan.GraphGAN | None = None
        self.provenance: dict[str, Any] = {}
        self._sizes = torch.empty(0)
        self._known: frozenset[str] = frozenset()
        self._training: Training | None = None
        self._loaded: tuple[dict[str, torch.Tensor], dict[str, Any]] = {}, {}  # the state a checkpoint came with

    # Training ---------------------------------------------------------------------------------

    def fit(
        self,
        source: MoleculeDataset | pd.DataFrame | Sequence[str] | str | Path,
        out: str | Path | None = None,
        resume: bool = False,
        quiet: bool = False,
    ) -> "MolGAN":
        """Train on a file, a frame with a SMILES column, a list of SMILES or a data set.

        out: a run folder: configuration, metrics.jsonl, rejected rows and checkpoints go there.
        resume: go on from the folder's checkpoint, bit for bit on the CPU; starts anew where there is none.
        Raises DataError for unusable data, RunError when `out` holds another run or cannot be resumed.
        """
        console = Console(stderr=True, quiet=quiet)
        folder = Path(out) if out is not None else None
        found = folder is not None and open_run(folder, resume)
        data = as_dataset(source, **asdict(self.config.data))
        _tell(data, console)
        seed_everything(self.config.seed)
        training = self._build(data)
        training.run(
            folder,
            (lambda place: self._restore(place, data, training)) if found else None,
            data.rejected,
            console,
            shown=_SHOWN,
            monitor=self._monitor,
            log_every=self.config.log_every,
            save=self.save,
            save_every=self.config.checkpoint.every,
        )
        return self

    def _build(self, data: MoleculeDataset) -> Training:
        self.networks, phases = graph_gan.build(self.config, data, self.device)
        self._training = Training(self.networks.modules, self.networks.optimizers, phases, self.device)
        self._sizes = torch.bincount(data.sizes, minlength=data.vocabulary.max_atoms + 1)
        self._known = frozenset(data.smiles)
        self.provenance = {
            "data": {"sha256": data.digest, "molecules": len(data), "rejected": len(data.rejected)},
            "versions": {name: version(name) for name in ("discretegan", "torch", "rdkit", "numpy")},
            "python": platform.python_version(),
        }
        return self._training

    def _monitor(self, step: int, logs: dict[str, float]) -> None:
        """Every so often, put what 500 raw draws of the averaged generator are worth into the logs."""
        if (step + 1) % self.config.monitor_every == 0:
            judged = evaluate(self.sample(500, seed=0, raw=True), train=self._known, ks=())
            logs.update({f"sample/{name}": estimate.value for name, estimate in judged.items()})

    # Sampling ---------------------------------------------------------------------------------

    def sample(self, n: int, seed: int = 0, raw: bool = False) -> list[str | None]:
        """Draw `n` molecules as canonical SMILES; None for a draw that is no strictly valid molecule.

        raw: leave out the joining of fragments, as the sampler drew them. Fewer than one in a
        thousand of the repaired draws is None. The same seed gives the same molecules on one kind of
        device, and the first k of n draws do not depend on n.
        """
        return list(self.stream(n, seed, raw))

    def stream(self, n: int, seed: int = 0, raw: bool = False) -> Iterator[str | None]:
        """`sample`, one molecule after the other, in constant memory."""
        for atoms, orders in self.draw_arrays(n, seed, raw):
            for mol in chem.decode(atoms, orders, self._trained.vocabulary):
                yield chem.strict_smiles(mol)

    @torch.no_grad()
    def draw_arrays(self, n: int, seed: int = 0, raw: bool = False) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The draws of `sample` as arrays `atoms (chunk, node)`, `orders (chunk, pair)`, a chunk at a time."""
        if n < 0:
            raise ValueError(f"cannot draw {n} molecules.")
        networks = self._trained
        generator = networks.averaged.average
        places = torch.arange(networks.vocabulary.max_atoms, device=self.device)
        for chunk, start in enumerate(range(0, n, _CHUNK)):
            random = new_generator(self.device, seed, "sample", chunk)
            sizes = torch.multinomial(self._sizes.to(self.device, torch.float), _CHUNK, True, generator=random)
            noise = torch.randn(_CHUNK, self.config.model.noise, device=self.device, generator=random)
            present = places < sizes[:, None]
            nodes, bonds = generator(noise, present)
            drawn = sampling.draw_graphs(nodes, bonds, present, networks.capacity, generator=random)
            atoms, orders = drawn.atoms, drawn.orders
            if not raw:
                atoms, orders = sampling.repair(atoms, orders, drawn.noisy_bonds, networks.capacity)
            keep = min(_CHUNK, n - start)
            yield atoms[:keep].cpu().numpy(), orders[:keep].cpu().numpy()

    @property
    def _trained(self) -> graph_gan.GraphGAN:
        if self.networks is None:
            raise RunError("this MolGAN has no weights yet: call fit, or MolGAN.load a run folder.")
        return self.networks

    # Saving and loading -----------------------------------------------------------------------

    def save(self, folder: str | Path) -> None:
        """Write configuration, weights and the state of training to a run folder, each file whole or not at all."""
        networks, folder = self._trained, Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        checkpoint.write_text(folder / "config.toml", self.config.dump())
        if self._training is not None:
            tensors, values = self._training.state()
        else:  # a loaded model, whose training stands where it stood
            tensors, values = self._loaded
        values = values | {"vocabulary": asdict(networks.vocabulary), "provenance": self.provenance}
        checkpoint.save(folder / "checkpoint", tensors | {"sizes": self._sizes}, values)

    @classmethod
    def load(cls, folder: str | Path, device: str | None = None) -> "MolGAN":
        """A trained model from its run folder, ready to sample.

        device: overrides the configuration's. Raises RunError or CheckpointError, one sentence each, for a
        folder that is missing, unfinished, damaged or of another format.
        """
        folder = Path(folder)
        if not (folder / "config.toml").is_file():
            raise RunError(f"{folder}: no run here (config.toml is missing); train one with molgan train.")
        overrides = [f"device={device}"] if device else []
        gan = cls(Config.load(folder / "config.toml", overrides))
        tensors, values = checkpoint.load(folder / "checkpoint", gan.device)
        held = values["vocabulary"]
        atoms = tuple(chem.AtomType(*atom) for atom in held["atoms"])
        vocabulary = chem.Vocabulary(atoms, held["max_atoms"], tuple(held["capacities"]))
        gan.networks = graph_gan.GraphGAN(gan.config, vocabulary, gan.device)
        checkpoint.unpack(tensors, gan.networks.modules, gan.networks.optimizers)
        gan._sizes, gan.provenance = tensors["sizes"].cpu(), values["provenance"]
        gan._loaded = tensors, values
        return gan

    def _restore(self, folder: Path, data: MoleculeDataset, training: Training) -> None:
        """Put the state of training back; refuses another configuration or other data, naming what differs."""
        saved = Config.load(folder / "config.toml")
        tensors, values = checkpoint.load(folder / "checkpoint", self.device)
        same_data = values["provenance"]["data"]["sha256"] == data.digest
        refuse_changes(folder, asdict(saved), asdict(self.config), same_data)
        training.restore(tensors, values)


def _tell(data: MoleculeDataset, console: Console) -> None:
    atoms = " ".join(str(atom) for atom in data.vocabulary.atoms)
    console.print(
        f"{len(data):,} molecules, {atoms}, up to {data.vocabulary.max_atoms} heavy atoms; "
        f"{len(data.rejected):,} rows left out",
        markup=False,
        highlight=False,
    )
    tell_rejected(data.rejected, console)
