"""`MolGAN`: the facade a notebook uses. Fit, sample, save, load."""

import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.console import Console

from gancore.errors import ConfigError, DataError, RunError
from gancore.io.inputs import called
from gancore.io.progress import hushed, over
from gancore.io.rejected_rows import note_most_left_out, summarise, tell_rejected
from gancore.runs import pretrained
from gancore.runs.checkpoint import State
from gancore.runs.folder import claim, write, write_held_out
from gancore.sampling.chunks import chunks
from gancore.statistics.evaluation import Evaluation
from gancore.training import distributed
from gancore.training.device import new_generator, pick_device, seed_everything
from gancore.training.run import Training
from gancore.types import Reward
from molgan import chemistry
from molgan.chemistry.identity import COMPARED
from molgan.config import Config
from molgan.data.dataset import MoleculeDataset, as_dataset
from molgan.data.downloads import DATA
from molgan.library.collect import Draws
from molgan.library.plots import grid_pixels
from molgan.metrics.monitor import monitor_metrics
from molgan.recipes import RECIPES, Networks
from molgan.recipes.one_shot import Late
from molgan.recipes.reward_shaping import refuse_reward

_GLANCED = 500  # molecules that the monitor looks at
_SHOWN_MOLECULES = 24
_SHOWN = {
    "autoencoder/reconstruction": "reconstruction",
    "critic/adversarial": "critic",
    "critic/penalty": "penalty",
    "generator/score": "score",
    "sample/connected": "connected",
    "sample/unique": "unique",
    "sample/recall": "recall",
}
_UNTOLD = "Not told when this model was saved."
_INTENDED = (
    "Proposing molecules like those it was trained on: candidate libraries to be scored, filtered and looked at by a "
    "chemist, and research on generators."
)
_LIMITS = (
    "A generated molecule is a proposal: nothing here says that it can be made, is stable, safe, or does what a score "
    "hopes. Draws may be training molecules. Sizes and atom types are those of the training data."
)


class MolGAN:
    """A generator of molecules: `MolGAN("qm9").fit(smiles).sample(1000, seed=0)`.

    config: a configuration, the name of a bundled one, or a TOML file. Raises ConfigError as `Config.load` does.

    >>> gan = MolGAN(Config.load("default", ["steps=2", "pretrain.steps=2"]))
    >>> len(gan.fit(["CCO", "CCN", "C1CC1O"], quiet=True).sample(5, seed=0))
    5
    """

    def __init__(self, config: Config | str | Path | None = None):
        given = Config.load(config) if isinstance(config, (str, Path)) else config or Config()
        self.config = Config.revive(asdict(given), Path("config"))
        self.device = pick_device(self.config.device)
        self.networks: Networks | None = None
        self.provenance: dict[str, Any] = {}
        self._sizes = torch.empty(0)
        self._known: frozenset[str] = frozenset()
        self._reference = torch.empty(0)  # fingerprints of some training molecules
        self._training: Training | None = None
        self._loaded: State = {}, {}  # the state a checkpoint came with

    # Training ---------------------------------------------------------------------------------

    def fit(
        self,
        source: MoleculeDataset | pd.DataFrame | Sequence[str] | Sequence[Path] | str | Path,
        out: str | Path | None = None,
        resume: bool = False,
        quiet: bool = False,
        start: "MolGAN | str | Path | None" = None,
        force: bool = False,
        reward: Reward | None = None,
    ) -> "MolGAN":
        """Train on a file or a list of `Path`s, a frame with a SMILES column, a list of SMILES or a data set.

        out: a run folder: configuration, metrics.jsonl, rejected rows and checkpoints go there.
        resume: go on from the folder's newest checkpoint, bit for bit on the CPU; starts anew where there is none.
        force: resume even where the configuration or the data are others.
        start: a trained model, its folder, or the name of a bundled one, to go on from: its networks and its
            vocabulary; molecules that it cannot hold are left out. With `pretrain.steps=0` it is tuned at once.
        reward: SMILES -> scores in [0, 1], NaN where there is none; takes the place of `reward.score`, mixed in with
            the configuration's `reward.weight`. It is asked for valid molecules alone.
        An interrupt (Ctrl-C, SIGTERM) finishes the step, saves, and in a notebook gives back the model as it is.
        Raises DataError for unusable data, RunError when `out` holds another run or cannot be resumed, ConfigError for
        a reward or a start that does not fit the configuration, DivergedError when training left the numbers and going
        back to a checkpoint did not help, CollapsedError when a watch stopped it, RewardError when a reward fails:
        what was trained is saved, and a resumed run asks for the same molecules again.

        >>> few = ["steps=0", "pretrain.steps=1"]
        >>> MolGAN(Config.load("default", few)).fit(["CCO", "CCN"], quiet=True).provenance["data"]["molecules"]
        2
        """
        distributed.join(self.device)
        refuse_reward(self.config, reward)
        claim(out, resume)
        console = Console(stderr=True, quiet=quiet or distributed.rank() > 0)
        begun = MolGAN.load(start, str(self.device)) if isinstance(start, (str, Path)) else start
        vocabulary = begun._trained.vocabulary if begun is not None else None
        limits = {"vocabulary": vocabulary, "seed": self.config.seed, **self.config.data.limits}
        source = DATA.files(source)
        with hushed(quiet):
            data, held = as_dataset(source, **limits), []
        if len(data) < 2:
            others = ", ".join(f"{count:,} x {reason}" for reason, count in summarise(data.rejected)[:3])
            raise DataError(
                f"{called(source, 'SMILES')}: holds one usable molecule, and a generator needs at least two"
                f"{f' ({others})' if others else ''}."
            )
        if data is not source:
            data, held = data.split(self.config.data.hold_out, self.config.seed)
        if out is not None:
            write_held_out(Path(out) / "held_out.smi", held, resume and not force)
        _tell(data, console)
        note_most_left_out(data.rejected, len(data) + len(held) + len(data.rejected))
        seed_everything(self.config.seed)
        weights = self._weights_of(begun, data.vocabulary) if begun is not None else {}
        training = self._build(data, reward, begun)
        for name, values in weights.items():
            module = self._trained.modules[name]
            module.load_state_dict(module.state_dict() | values)  # what the other model lacks stays new
        training.run(out, console, _SHOWN, self._monitor, data.rejected, resume, force, self._show)
        return self

    def _weights_of(self, begun: "MolGAN", vocabulary: chemistry.Vocabulary) -> dict[str, dict[str, Any]]:
        """The weights of another model, or of this one before it is built anew; a shared one's critic is a new one."""
        other = begun._trained
        own, its = (replace(config.model, dropout=0.0) for config in (self.config, begun.config))
        if not its.ring_environments:  # a critic that knows no rings can learn of them
            own = replace(own, ring_environments=0)
        if self.config.recipe != begun.config.recipe or own != its:
            raise ConfigError(
                "start: it has another recipe or other sizes; take over its recipe and its [model] settings."
            )
        if vocabulary != other.vocabulary:
            raise ConfigError("start: the data set was made for another vocabulary of atoms; give SMILES or a file.")
        return {name: module.state_dict() for name, module in other.modules.items() if not isinstance(module, Late)}

    def _build(self, data: MoleculeDataset, reward: Reward | None = None, begun: "MolGAN | None" = None) -> Training:
        self.networks, phases = RECIPES[self.config.recipe].build(self.config, data, self.device, reward)
        self._sizes = torch.bincount(data.sizes, minlength=data.vocabulary.max_atoms + 1)
        if begun is not None and self.config.critic.rings_only:  # raw draws stay the same
            self._sizes = begun._sizes
        self._known = frozenset(data.smiles)
        picked = np.random.default_rng(0).permutation(len(data))[:_GLANCED]
        self._reference = torch.from_numpy(chemistry.fingerprints([data.smiles[row] for row in picked]))
        self.provenance = {
            "data": {"sha256": data.digest, "molecules": len(data), "rejected": len(data.rejected)},
            "versions": {name: version(name) for name in ("discretegan", "torch", "rdkit", "numpy")},
            "python": platform.python_version(),
        }
        told = {"half": "molgan", "vocabulary": asdict(data.vocabulary), "provenance": self.provenance}
        extra = {"sizes": self._sizes}, told
        networks = self.networks
        memories = {"steering": networks.steering} if networks.steering is not None else {}
        self._training = Training(
            networks.modules, networks.optimizers, phases, self.device, self.config, extra, memories
        )
        return self._training

    def _monitor(self, step: int, logs: dict[str, float]) -> None:
        """Every so often, put what raw draws of the averaged generator are worth into the logs."""
        if (step + 1) % self.config.monitor_every == 0:
            drawn = monitor_metrics(self.sample(_GLANCED, seed=0, raw=True), self._known, self._reference)
            logs.update({f"sample/{name}": value for name, value in drawn.items()})

    def _show(self) -> dict[str, Any]:
        """A few draws for TensorBoard."""
        valid = [text for text in self.sample(_SHOWN_MOLECULES, seed=0) if text]
        return {"sample/molecules": grid_pixels(valid, [""] * len(valid))}

    # Sampling ---------------------------------------------------------------------------------

    def sample(self, n: int, seed: int = 0, raw: bool = False) -> Draws:
        """Draw `n` molecules: a list of canonical SMILES, None for a draw that is no strictly valid molecule.

        raw: as the generator drew them, without joining fragments or asking the critic. Fewer than one in a
        thousand of the repaired draws is None. The same seed gives the same molecules on one kind of
        device, and the first k of n draws do not depend on n. Raises RunError where there are no weights yet.

        >>> gan = MolGAN(Config.load("default", ["steps=0", "pretrain.steps=1"]))
        >>> gan = gan.fit(["CCO", "CCN", "C1CC1O"], quiet=True)
        >>> len(gan.sample(4)), gan.sample(2, seed=1) == gan.sample(4, seed=1)[:2]
        (4, True)
        """
        return Draws(over(self.stream(n, seed, raw), "drawing molecules", n))

    def stream(self, n: int, seed: int = 0, raw: bool = False) -> Iterator[str | None]:
        """`sample`, one molecule after the other, in constant memory. Raises what `sample` raises.

        >>> gan = MolGAN(Config.load("default", ["steps=0", "pretrain.steps=1"]))
        >>> gan = gan.fit(["CCO", "CCN", "C1CC1O"], quiet=True)
        >>> list(gan.stream(4, seed=1)) == gan.sample(4, seed=1)
        True
        """
        for atoms, orders in self.draw_arrays(n, seed, raw):
            for mol in chemistry.decode(atoms, orders, self._trained.vocabulary):
                yield chemistry.strict_smiles(mol)

    def draw_arrays(self, n: int, seed: int = 0, raw: bool = False) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The draws of `sample` as arrays `atoms (chunk, node)`, `orders (chunk, pair)`, a chunk at a time.

        Atoms are places in the vocabulary, -1 where there is none; orders are 0 to 3. Raises RunError where there are
        no weights yet, ValueError for a negative number.

        >>> gan = MolGAN(Config.load("default", ["steps=0", "pretrain.steps=1"]))
        >>> gan = gan.fit(["CCO", "CCN", "C1CC1O"], quiet=True)
        >>> [(atoms.shape, orders.shape) for atoms, orders in gan.draw_arrays(5)]
        [((5, 4), (5, 6))]
        """
        if n < 0:
            raise ValueError(f"cannot draw {n} molecules.")
        networks = self._trained
        places = torch.arange(networks.vocabulary.max_atoms, device=self.device)
        for chunk, size, keep in chunks(n):
            random = new_generator(self.device, seed, "sample", chunk)
            sizes = torch.multinomial(self._sizes.to(self.device, torch.float), size, True, generator=random)
            atoms, orders = networks.sample(places < sizes[:, None], random, raw)
            yield atoms[:keep].cpu().numpy(), orders[:keep].cpu().numpy()

    @property
    def policy(self) -> chemistry.Policy:
        """How its molecules are compared with others: standardized where its training molecules were."""
        return replace(COMPARED, standardize=self.config.data.standardize)

    @property
    def _trained(self) -> Networks:
        if self.networks is None:
            raise RunError("this MolGAN has no weights yet: call fit, or MolGAN.load a run folder.")
        return self.networks

    # Saving and loading -----------------------------------------------------------------------

    def save(self, folder: str | Path) -> None:
        """Write configuration, weights and the state of training to a run folder, each file whole or not at all.

        Raises RunError where there are no weights yet, OSError when the folder cannot be written.

        >>> from tempfile import TemporaryDirectory
        >>> gan = MolGAN(Config.load("default", ["steps=0", "pretrain.steps=1"]))
        >>> gan = gan.fit(["CCO", "CCN", "C1CC1O"], quiet=True)
        >>> with TemporaryDirectory() as folder:
        ...     gan.save(folder)
        ...     MolGAN.load(folder).sample(3) == gan.sample(3)
        True
        """
        write(folder, self.config, *self._state)

    def save_pretrained(
        self, folder: str | Path, figures: Evaluation | None = None, data: str = "", compact: bool = False
    ) -> None:
        """Write a model to share: `model.safetensors` (what sampling needs), `config.toml`, and a card in `README.md`.

        figures: what `molgan.evaluate` said of its draws, for the card. data: what it was trained on, a sentence.
        compact: round the weights to 16 bits, half the size; its draws then differ a little from the run's.
        Raises RunError where there are no weights yet, OSError when the folder cannot be written.

        >>> from tempfile import TemporaryDirectory
        >>> gan = MolGAN(Config.load("default", ["steps=0", "pretrain.steps=1"]))
        >>> gan = gan.fit(["CCO", "CCN", "C1CC1O"], quiet=True)
        >>> with TemporaryDirectory() as folder:
        ...     gan.save_pretrained(folder, data="Three molecules.")
        ...     sorted(path.name for path in Path(folder).iterdir())
        ['README.md', 'config.toml', 'model.safetensors']
        """
        about = pretrained.About("molgan", "MolGAN", "Molecule generator", data or _UNTOLD, _INTENDED, _LIMITS)
        pretrained.write(folder, self.config, self._state, about, figures, compact, self.config.judges)

    @property
    def _state(self) -> State:
        """What training goes on from; a loaded model's stands where it stood."""
        self._trained  # noqa: B018, raises
        return self._training.state() if self._training is not None else self._loaded

    @classmethod
    def load(cls, source: str | Path, device: str | None = None, checkpoint: str = "last") -> "MolGAN":
        """A trained model, ready to sample: from a run folder, a shared model, or by the name of one that comes along.

        device: overrides the configuration's. checkpoint: of a run, "last", "best" (see `checkpoint.best`) or a
        step's number. Nothing in the files is executed. Raises RunError or CheckpointError, one sentence each, for
        what is missing, unfinished, damaged, of another format, or holds what no model of this kind has.

        >>> MolGAN.load("qm9").sample(2, seed=0)[0] is None
        False
        """
        stored = pretrained.find(source, checkpoint, "molgan")
        with stored.believed():
            gan = cls(Config.revive(stored.values["config"], stored.folder, device))
            vocabulary = chemistry.Vocabulary.revive(stored.values["vocabulary"])
            gan.networks, gan._loaded = pretrained.revive(
                stored,
                lambda where: RECIPES[gan.config.recipe].networks(gan.config, vocabulary, where),  # pyright: ignore
                gan.device,
                gan.config.judges,
            )
            gan._sizes, gan.provenance = gan._loaded[0]["sizes"].cpu(), stored.values["provenance"]
        return gan

    @classmethod
    def from_pretrained(cls, source: str | Path, device: str | None = None, revision: str | None = None) -> "MolGAN":
        """`load`; what is not on this machine is taken for the id of a model on the Hugging Face hub, `owner/name`.

        revision: of the hub's model, a branch or a commit. Raises what `load` raises, and RunError when the hub has no
        such model.

        >>> from tempfile import TemporaryDirectory
        >>> gan = MolGAN(Config.load("default", ["steps=0", "pretrain.steps=1"]))
        >>> gan = gan.fit(["CCO", "CCN", "C1CC1O"], quiet=True)
        >>> with TemporaryDirectory() as folder:
        ...     gan.save_pretrained(folder)
        ...     MolGAN.from_pretrained(f"{folder}/model.safetensors").sample(3) == gan.sample(3)
        True
        """
        return cls.load(pretrained.fetched(source, revision), device)


def _tell(data: MoleculeDataset, console: Console) -> None:
    atoms = " ".join(str(atom) for atom in data.vocabulary.atoms)
    console.print(
        f"{len(data):,} molecules, {atoms}, up to {data.vocabulary.max_atoms} heavy atoms; "
        f"{len(data.rejected):,} rows left out",
        markup=False,
        highlight=False,
    )
    tell_rejected(data.rejected, console)
