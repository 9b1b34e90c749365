"""The protocol of a domain, molecules or sequences: what the facade needs of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from rich.console import Console
from torch import Tensor

from gancore.facade.condition_values import Spec
from gancore.facade.conditions import Conditions
from gancore.facade.examples import Examples
from gancore.facade.labels import LabelFile
from gancore.io.rejected_rows import Rejection
from gancore.rewards.requests import Labeller
from gancore.rewards.shaping import RewardShaping
from gancore.runs.checkpoint import State
from gancore.runs.config import RunConfig
from gancore.types import Reward

if TYPE_CHECKING:
    from gancore.facade.model import Model


RESPONSIBLE_MOLECULES = (
    "Follow the law for what you make, ship or publish: chemical weapons conventions, drug and export controls. "
    "Do not steer it toward harm, and do not publish models or lists that were. `molgan score` with the alert set "
    "`HAZARD` names well-known hazardous patterns; it is no safeguard. docs/responsible-use.md of discretegan "
    "says more."
)
"""What the card of a model of molecules, graphs or strings, says of responsible use."""


class Space(Protocol):
    """What samples are made of: the vocabulary and the sizes. It goes into every checkpoint.

    examples: contexts of training rows, of a conditional model.
    """

    @property
    def examples(self) -> Examples | None:
        """None for a model without conditions."""
        ...

    def state(self) -> State:
        """Tensors and JSON-able values."""
        ...


class Reading(NamedTuple):
    """What a domain read: data to train on, lines kept aside, rows left out, of how many, and the conditions.

    labeller: computes the conditions of other strings, as far as they can be.
    """

    data: Any
    aside: Sequence[str]
    rejected: Sequence[Rejection]
    rows: int
    conditions: Conditions | None = None
    labeller: Labeller | None = None


class Card(NamedTuple):
    """What the card of a shared model says: a title, what it is for, its limits, how to use it responsibly."""

    title: str
    intended: str
    limits: str
    responsible: str


class Domain(Protocol):
    """Molecules or sequences: how rows are read and samples are written."""

    @property
    def half(self) -> str:
        """The name of its package, as run folders and model files keep it: molgan or seqgan."""
        ...

    @property
    def config_class(self) -> type[RunConfig]:
        """The union of its configurations."""
        ...

    @property
    def recipes(self) -> Mapping[str, Any]:
        """The classes of its recipes by name; each is a `Recipe`."""
        ...

    @property
    def labels(self) -> Mapping[str, str]:
        """Figure -> label in the progress bar."""
        ...

    @property
    def aside(self) -> str:
        """The file of a run folder with the lines that are kept from training."""
        ...

    @property
    def versions(self) -> tuple[str, ...]:
        """The packages whose versions a run notes."""
        ...

    def read(
        self, source: Any, config: Any, start: "Model | None", condition: Sequence[Spec], kept: LabelFile
    ) -> Reading:
        """Read training rows with the columns that are conditions. Raises DataError for unusable data.

        kept: what functions that are conditions said of the rows before.
        """
        ...

    def tell(self, reading: Reading, console: Console) -> None:
        """Print a line on what was read."""
        ...

    def space(self, data: Any, start: "Model | None", config: Any, groups: tuple[int, ...] = ()) -> Any:
        """What samples of these data are made of. groups: how many entries of a context each condition takes."""
        ...

    def restore_space(self, stored: Any) -> Any:
        """The space of a stored model. Raises what its `state` makes impossible."""
        ...

    def counts(self, reading: Reading) -> dict[str, Any]:
        """What a run notes of its data: their sha256, how many rows, how many were left out."""
        ...

    def reward(self, config: Any, own: Reward | None, kind: Any) -> RewardShaping | None:
        """The reward that a recipe learns from. Raises ConfigError for one that cannot be used."""
        ...

    def start_weights(self, recipe: Any, start: "Model") -> dict[str, dict[str, Any]]:
        """Weights of a start model by the modules of a new recipe that they fit."""
        ...

    def encode(self, strings: Sequence[str | None], space: Any) -> tuple[Any, list[int]]:
        """Strings as critics read them, and the numbers of those that are read."""
        ...

    def sizes(self, sample: Any, space: Any) -> Tensor:
        """Of an encoded sample how many parts, atoms or tokens, each string has: `(batch,)`."""
        ...

    def refusal(self, text: str | None, space: Any) -> str:
        """Why `encode` leaves a string out; "" where it does not."""
        ...

    def decode(self, samples: Any, space: Any) -> Iterator[str | None]:
        """Strings of what a recipe sampled; None for a sample that has none."""
        ...

    def monitor(self, model: "Model", data: Any) -> Callable[[int, dict[str, float]], None]:
        """What puts figures of samples into the log, every so often."""
        ...

    def show(self, model: "Model") -> dict[str, Any]:
        """A few samples for TensorBoard."""
        ...

    def card(self, model: "Model") -> Card:
        """What the card of a shared model says."""
        ...
