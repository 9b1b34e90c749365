"""Settings of the training lines."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval

from gancore.errors import ConfigError
from gancore.training.settings import STRICT, Count, Part, Positive

LONGEST = 4096
"""Most tokens of a line."""
_BYTES = 260  # tokens of a vocabulary of byte pairs that has none: bytes and the special ones


@dataclass(frozen=True)
class DataConfig:
    """How lines become tokens, and what is kept of the training file."""

    __pydantic_config__ = STRICT
    tokens: Literal["word", "char", "bpe", "smiles", "selfies", "protein", "tokenizer"] = "word"
    """Words (by white space), characters, byte pairs, SMILES tokens, SELFIES symbols of SMILES, amino acids, or the
    tokens of `tokenizer`."""
    tokenizer: str = ""
    """tokens=tokenizer: a file tokenizer.json, or a folder that has one."""
    min_count: Positive = 1
    """A token seen less often in the training part is the unknown token; a byte pair is not made one."""
    max_size: Count = 0
    """At most so many tokens, the commonest; 0 keeps all. Of byte pairs 0 is 1,000, the 256 bytes among them."""
    lower: bool = False
    """Whether lines are put in lower case."""
    max_length: Annotated[int, Interval(ge=1, le=LONGEST)] = 100
    """Lines of more tokens are rejected."""
    valid: Part = 0.05
    """Share of the lines kept from training, to stop on."""
    test: Part = 0.05
    """Share of the lines kept from training, to judge by."""
    sample: Count = 0
    """Lines of a larger file that are read, at random by the seed; 0 reads all."""
    stream: Literal["auto", "on", "off"] = "auto"
    """Whether lines are read in bounded memory and kept on disk: `auto` does so for files of more than 256 MB together
    (64 MB where compressed) and for data sets of unknown length or more than 2,000,000 rows."""
    column: str = ""
    """Column of a table or a frame that is read; empty takes one named text, sentence, line or smiles."""

    def __post_init__(self) -> None:
        if (self.tokens == "tokenizer") != bool(self.tokenizer):
            raise ConfigError("data: tokens=tokenizer and a tokenizer go together; set both or neither.")
        if self.tokens == "protein" and self.lower:
            raise ConfigError("data: amino acids are read in either case and written in capitals: leave lower out.")
        if self.tokens == "bpe" and 0 < self.max_size <= _BYTES:
            raise ConfigError(f"data: byte pairs come on top of {_BYTES} tokens: set max_size above that, or to 0.")

        if self.stream == "on" and self.sample:
            raise ConfigError("data: stream=on reads all lines, and sample takes some of them: leave one of them out.")

    @property
    def vocabulary(self) -> tuple:
        """What `Vocabulary.of` is told beside the lines."""
        return self.tokens, self.min_count, self.max_size, self.lower, self.tokenizer


@dataclass(frozen=True)
class PairsConfig(DataConfig):
    """The same for pairs of lines; `column` is that of the sources."""

    target: str = ""
    """Column of what each source becomes; empty takes target."""
