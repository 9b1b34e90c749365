"""The space of generated sequences: tokens and lengths."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from gancore.errors import CheckpointError
from gancore.facade.examples import ConditionalSpace
from gancore.runs.checkpoint import State
from seqgan.data.settings import LONGEST
from seqgan.text.alphabet import Alphabet
from seqgan.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class TextSpace(ConditionalSpace):
    """The tokens of a model's sequences and how many steps they have at most, the end token included.

    vocabulary: None for sequences that never were text.
    """

    alphabet: Alphabet
    length: int
    vocabulary: Vocabulary | None = None

    def state(self) -> State:
        """The tensors and values of a checkpoint."""
        assert self.vocabulary is not None
        tensors, values = self._state()
        return tensors, {"vocabulary": self.vocabulary.to_json(), "length": self.length} | values

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], values: dict[str, Any]) -> "TextSpace":
        """Back from `state`. Raises CheckpointError for a length that no model has."""
        vocabulary, length = Vocabulary.from_json(values["vocabulary"]), values["length"]
        if not 1 <= length <= LONGEST + 1:
            raise CheckpointError(f"it holds texts of {length} tokens; {LONGEST} are the most.")
        return cls(vocabulary.alphabet, length, vocabulary, examples=cls._restored(tensors, values))
