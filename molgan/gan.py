"""`MolGAN`: the facade for molecules."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gancore.facade.condition_values import NamedConditions
from gancore.facade.conditions import Request
from gancore.facade.drawing import Accepts
from gancore.facade.model import Model
from gancore.facade.recipe import refuse_without
from gancore.io.progress import over
from gancore.types import Reward
from molgan import chemistry
from molgan.chemistry.identity import COMPARED
from molgan.data.dataset import MoleculeDataset
from molgan.library.collect import Draws
from molgan.metrics.requested import Within
from molgan.recipes.config import Config
from molgan.recipes.domain import Molecules


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

    def sample(
        self,
        n: int,
        seed: int = 0,
        raw: bool = False,
        condition: Request | None = None,
        guidance: float = 1.0,
        code: Any = None,
        tolerance: Request | None = None,
    ) -> Draws:
        """Sample `n` molecules: a list of canonical SMILES, None for a sample that is no strictly valid molecule.

        raw: as the generator drew them, without joining fragments or asking the critic. Fewer than one in a
        thousand of the repaired samples is None. The same seed gives the same molecules on one kind of device, and the
        first k of n samples do not depend on n.

        condition: by the name of what the model was conditioned on, a number, a class, or a list with one for each
        sample; what is not named is left open, and without a condition the samples have the data's own mix.
        guidance: above 1 pulls samples further towards what is asked, at a price in variety (Ho and Salimans 2022).

        code: of a model with latent codes (`model.codes`, `model.code_numbers`), the class, or a list of class and
        numbers in [-1, 1]; None draws them, whole or one by one.

        tolerance: how far from the request a property may be, by name and in its unit. A sample that is farther is
        drawn again, up to ten times; a note counts those that are left.

        Raises RunError where there are no weights yet, ConfigError for a condition, a code or a tolerance that the
        model does not know.

        >>> gan = MolGAN(Config.load("default", ["steps=0", "pretrain.steps=1"]))
        >>> gan = gan.fit(["CCO", "CCN", "C1CC1O"], quiet=True)
        >>> len(gan.sample(4)), gan.sample(2, seed=1) == gan.sample(4, seed=1)[:2]
        (4, True)
        """
        return Draws(over(self.stream(n, seed, raw, condition, guidance, code, tolerance), "drawing molecules", n))

    def stream(
        self,
        n: int,
        seed: int = 0,
        raw: bool = False,
        condition: Request | None = None,
        guidance: float = 1.0,
        code: Any = None,
        tolerance: Request | None = None,
    ) -> Iterator[str | None]:
        """`sample`, one molecule after the other, in constant memory. Raises what `sample` raises.

        >>> gan = MolGAN(Config.load("default", ["steps=0", "pretrain.steps=1"]))
        >>> gan = gan.fit(["CCO", "CCN", "C1CC1O"], quiet=True)
        >>> list(gan.stream(4, seed=1)) == gan.sample(4, seed=1)
        True
        """
        accepts = self._accepts(n, condition, tolerance)
        for arrays, keep in self.draw(n, seed, condition, guidance, accepts, **self._options(raw, code)):
            yield from self.domain.decode(tuple(part[:keep] for part in arrays), self.recipe.space)

    def draw_arrays(
        self,
        n: int,
        seed: int = 0,
        raw: bool = False,
        condition: Request | None = None,
        guidance: float = 1.0,
        code: Any = None,
        tolerance: Request | None = None,
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The samples of `sample` as arrays `atoms (chunk, node)`, `orders (chunk, pair)`, a chunk at a time.

        Atoms are places in the vocabulary, -1 where there is none; orders are 0 to 3. Raises RunError where there are
        no weights yet, ValueError for a negative number.

        >>> gan = MolGAN(Config.load("default", ["steps=0", "pretrain.steps=1"]))
        >>> gan = gan.fit(["CCO", "CCN", "C1CC1O"], quiet=True)
        >>> [(atoms.shape, orders.shape) for atoms, orders in gan.draw_arrays(5)]
        [((5, 4), (5, 6))]
        """
        accepts = self._accepts(n, condition, tolerance)
        for (atoms, orders), keep in self.draw(n, seed, condition, guidance, accepts, **self._options(raw, code)):
            yield atoms[:keep].cpu().numpy(), orders[:keep].cpu().numpy()

    def _accepts(self, n: int, condition: Request | None, tolerance: Request | None) -> Accepts | None:
        """What tells whether samples are within the tolerance; None without one."""
        if not tolerance:
            return None
        within = Within(self.conditions, condition or {}, tolerance, n)

        def accepts(sampled: tuple[Tensor, Tensor], rows: Tensor) -> Tensor:
            smiles = list(self.domain.decode(sampled, self.recipe.space))
            return torch.from_numpy(within.accepts(smiles, rows.cpu().numpy())).to(rows.device)

        return accepts

    def _options(self, raw: bool, code: Any) -> dict[str, Any]:
        """The options of the recipe beside the condition."""
        if code is None:
            return {"raw": raw}
        refuse_without(self._trained, "code", "code")
        return {"raw": raw, "code": code}

    @property
    def policy(self) -> chemistry.Policy:
        """How its molecules are compared with others: standardised where its training molecules were."""
        return replace(COMPARED, standardize=self.config.data.standardize)
