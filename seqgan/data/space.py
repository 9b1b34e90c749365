"""What generated sequences are made of."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from gancore.errors import CheckpointError
from gancore.facade.examples import Examples
from gancore.runs.checkpoint import State
from seqgan.data.settings import LONGEST
from seqgan.text.alphabet import Alphabet
from seqgan.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class TextSpace:
    """The tokens of a model's sequences and how many steps they have at most, the end token included.

    vocabulary: None for sequences that never were text. examples: of what can be asked for; None for a model without
    conditions.
    """

    alphabet: Alphabet
    length: int
    vocabulary: Vocabulary | None = None
    examples: Examples | None = None

    @property
    def groups(self) -> tuple[int, ...]:
        """How many entries of a context each condition takes."""
        return self.examples.groups if self.examples is not None else ()

    @property
    def conditions(self) -> int:
        """How many entries a context has."""
        return sum(self.groups)

    def state(self) -> State:
        """The tensors and values of a checkpoint."""
        assert self.vocabulary is not None
        examples = self.examples.state() if self.examples is not None else {}
        return examples, {"vocabulary": self.vocabulary.to_json(), "length": self.length, "groups": list(self.groups)}

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], values: dict[str, Any]) -> "TextSpace":
        """Back from `state`. Raises CheckpointError for a length that no model has."""
        vocabulary, length = Vocabulary.from_json(values["vocabulary"]), values["length"]
        if not 1 <= length <= LONGEST + 1:
            raise CheckpointError(f"it holds texts of {length} tokens; {LONGEST} are the most.")
        examples = Examples.restore(tensors, tuple(values.get("groups", ())))
        return cls(vocabulary.alphabet, length, vocabulary, examples)
