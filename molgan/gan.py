"""`MolGAN`: the facade for molecules."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import pandas as pd

from gancore.facade.condition_values import NamedConditions
from gancore.facade.model import Model
from gancore.io.progress import over
from gancore.types import Reward
from molgan import chemistry
from molgan.chemistry.fragments import Fragments
from molgan.chemistry.identity import COMPARED
from molgan.data.dataset import MoleculeDataset
from molgan.library.collect import Draws
from molgan.recipes.config import Config
from molgan.recipes.domain import Molecules
from molgan.recipes.sample_request import PreparedRequest, SampleRequest


class MolGAN(Model):
    """A generator of molecules: `MolGAN("qm9").fit(smiles).sample(1000, seed=0)`.

    config: a configuration, the name of a bundled one, or a TOML file. Raises ConfigError as `Config.load` does.

    >>> gan = MolGAN(Config.load("default", ["steps=2", "pretrain.steps=2"]))
    >>> len(gan.fit(["CCO", "CCN", "C1CC1O"], quiet=True).sample(5, seed=0))
    5
    """

    domain = Molecules()

    def __init__(self, config: Config | str | Path | None = None):
        super().__init__(config)

    def fit(
        self,
        source: MoleculeDataset | pd.DataFrame | Sequence[str] | Sequence[Path] | str | Path,
        out: str | Path | None = None,
        resume: bool = False,
        quiet: bool = False,
        start: "MolGAN | str | Path | None" = None,
        force: bool = False,
        reward: Reward | None = None,
        condition: NamedConditions = (),
    ) -> "MolGAN":
        """Train on a file or a list of `Path`s, a frame with a SMILES column, a list of SMILES or a data set.

        out: a run folder: configuration, metrics.jsonl, rejected rows and checkpoints go there.
        resume: go on from the folder's newest checkpoint, bit for bit on the CPU; starts anew where there is none.
        force: resume even where the configuration or the data are others.
        start: a trained model, its folder, or the name of a bundled one, to go on from. Its recipe, its sizes and its
            vocabulary are taken over where the configuration does not set them; molecules that it cannot hold are left
            out. With `pretrain.steps=0` it is tuned at once.
        reward: SMILES -> scores in [0, 1], NaN where there is none. It takes the place of `reward.score`, mixed in with
            the configuration's `reward.weight`, and is asked for valid molecules alone.
        condition: what `sample` can then be asked for, by a recipe that accepts it: names of properties
            (`molgan.scoring.properties.PROPERTIES`), of columns of the file or frame ("NAME", or "NAME:class" for one
            of classes; gaps are allowed), or "NAME=SCORE.toml" and "NAME=MODULE:FUNCTION", which label the molecules.
            A table by name takes functions themselves, for instance {"active": classify, "logp": None}.
        An interrupt (Ctrl-C, SIGTERM) finishes the step, saves, and in a notebook gives back the model as it is.
        Raises DataError for unusable data, RunError when `out` holds another run or cannot be resumed, ConfigError for
        a reward or a start that does not fit the configuration, DivergedError when training left the numbers and going
        back to a checkpoint did not help, CollapsedError when a watch stopped it, RewardError when a reward fails:
        what was trained is saved, and a resumed run asks for the same molecules again.

        >>> few = ["steps=0", "pretrain.steps=1"]
        >>> MolGAN(Config.load("default", few)).fit(["CCO", "CCN"], quiet=True).provenance["data"]["molecules"]
        2
        """
        super().fit(source, out, resume, quiet, start, force, reward, condition)
        return self

    def sample(self, n: int, seed: int = 0, raw: bool = False, **requested: Unpack[SampleRequest]) -> Draws:
        """Sample `n` molecules: a list of canonical SMILES, None for a sample that is no strictly valid molecule.

        raw: as the generator drew them, without joining fragments or asking the critic. Fewer than one in a
        thousand of the repaired samples is None. The same seed gives the same molecules on one kind of device, and the
        first k of n samples do not depend on n.

        requested: what the samples are to be: `condition`, `guidance`, `ceiling`, `precision`, `code`, `tolerance`,
        `scaffold`, `fragments`, `size`, `optional`, `require` and `forbid`; see `molgan.SampleRequest`.

        Raises RunError where there are no weights yet, ConfigError for a request that the model cannot meet.

        >>> gan = MolGAN(Config.load("default", ["steps=0", "pretrain.steps=1"]))
        >>> gan = gan.fit(["CCO", "CCN", "C1CC1O"], quiet=True)
        >>> len(gan.sample(4)), gan.sample(2, seed=1) == gan.sample(4, seed=1)[:2]
        (4, True)
        """
        return Draws(over(self.stream(n, seed, raw, **requested), "drawing molecules", n))

    def stream(
        self, n: int, seed: int = 0, raw: bool = False, **requested: Unpack[SampleRequest]
    ) -> Iterator[str | None]:
        """`sample`, one molecule after the other, in constant memory. Raises what `sample` raises.

        >>> gan = MolGAN(Config.load("default", ["steps=0", "pretrain.steps=1"]))
        >>> gan = gan.fit(["CCO", "CCN", "C1CC1O"], quiet=True)
        >>> list(gan.stream(4, seed=1)) == gan.sample(4, seed=1)
        True
        """
        yield from self._stream(n, seed, raw, PreparedRequest.of(self, self._trained, n, seed, requested))

    def sample_each(
        self,
        requests: Sequence[str | Fragments],
        n: int,
        seed: int = 0,
        raw: bool = False,
        **requested: Unpack[SampleRequest],
    ) -> pd.DataFrame:
        """Sample `n` molecules on each of several requests for fragments: columns request and smiles, in their order.

        requests: as `fragments` of `sample`, each a request of its own. Many are drawn together, which is faster than
        one by one. Raises what `sample` raises.

        >>> MolGAN.load("drug").sample_each(["[*]c1ccncc1", "[*]C1CC1"], 2)["request"].tolist()
        ['[*]c1ccncc1', '[*]c1ccncc1', '[*]C1CC1', '[*]C1CC1']
        """
        asked = PreparedRequest.of(self, self._trained, n * len(requests), seed, requested, requests)
        smiles = over(self._stream(n * len(requests), seed, raw, asked), "drawing molecules", n * len(requests))
        texts = [request if isinstance(request, str) else request.text for request in requests for _ in range(n)]
        return pd.DataFrame({"request": texts, "smiles": list(smiles)})

    def refusal(
        self, request: Fragments, size: tuple[int, int] | None = None, added: tuple[int, int] | None = None
    ) -> str:
        """Why it cannot build on fragments; "" where it can. Raises RunError where there are no weights yet.

        size, added: heavy atoms, as in `Fragments.bounds`.

        >>> MolGAN.load("drug").refusal(Fragments.parse("[*]C[SiH3]"))
        'has Si, which the model does not know'
        """
        return request.refusal(self.vocabulary, size, added)

    def _stream(self, n: int, seed: int, raw: bool, asked: PreparedRequest) -> Iterator[str | None]:
        done = 0
        for arrays, keep in self._arrays(n, seed, raw, asked):
            yield from asked.smiles(tuple(part[:keep] for part in arrays), range(done, done + keep))
            done += keep
        asked.tell()

    def draw_arrays(
        self, n: int, seed: int = 0, raw: bool = False, **requested: Unpack[SampleRequest]
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The samples of `sample` as arrays `atoms (chunk, node)`, `orders (chunk, pair)`, a chunk at a time.

        Atoms are places in the vocabulary, -1 where there is none; orders are 0 to 3. Raises RunError where there are
        no weights yet, ValueError for a negative number.

        >>> gan = MolGAN(Config.load("default", ["steps=0", "pretrain.steps=1"]))
        >>> gan = gan.fit(["CCO", "CCN", "C1CC1O"], quiet=True)
        >>> [(atoms.shape, orders.shape) for atoms, orders in gan.draw_arrays(5)]
        [((5, 4), (5, 6))]
        """
        asked = PreparedRequest.of(self, self._trained, n, seed, requested)
        for (atoms, orders), keep in self._arrays(n, seed, raw, asked):
            yield atoms[:keep].cpu().numpy(), orders[:keep].cpu().numpy()

    def _arrays(self, n: int, seed: int, raw: bool, asked: PreparedRequest) -> Iterator[tuple[Any, int]]:
        given = {"code": asked.code, "ceiling": asked.ceiling, "precision": asked.precision}
        options = {"raw": raw} | {name: value for name, value in given.items() if value is not None}
        accepts = asked.accepts or (None if raw else asked.accepts_valid)
        yield from self.draw(n, seed, asked.condition, asked.guidance, accepts, asked.each, **options)

    @property
    def vocabulary(self) -> chemistry.Vocabulary:
        """The atom types and the size of the molecules that it makes. Raises RunError where there are no weights."""
        return self._trained.space.vocabulary

    @property
    def policy(self) -> chemistry.Policy:
        """How its molecules are compared with others: standardised where its training molecules were."""
        return replace(COMPARED, standardize=self.config.data.standardize)
