"""Tokenizers of others: a file of the package `tokenizers`, a folder or an object of `transformers`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gancore.errors import ConfigError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

NAME = "tokenizer.json"
"""The file of a tokenizer in a folder that `save_pretrained` wrote."""


def load_tokenizer(source: Any) -> "Tokenizer":
    """A tokenizer from a file, from a folder with `tokenizer.json`, or a copy of one given, without padding.

    source: a path, a `tokenizers.Tokenizer`, or a fast tokenizer of `transformers`.
    Raises ConfigError, one sentence, for what is none of them.
    """
    from tokenizers import Tokenizer

    if isinstance(source, (str, Path)):
        text, where = _read(Path(source)), str(source)
    else:
        held = getattr(source, "backend_tokenizer", source)
        if not isinstance(held, Tokenizer):
            raise ConfigError(
                f"a tokenizer cannot be made of {type(source).__name__}: give a file {NAME}, or a fast tokenizer of "
                "transformers."
            )
        text, where = held.to_str(), "the tokenizer"
    try:
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # of no narrower class
        raise ConfigError(f"{where}: is no tokenizer ({error}).") from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _read(path: Path) -> str:
    file = path / NAME if path.is_dir() else path
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(
            f"data.tokenizer = {str(path)!r}: cannot be read ({said}); give a file {NAME}, or a folder that has one."
        ) from None


def unknown_token(tokenizer: "Tokenizer") -> str:
    """The token that stands for what a tokenizer does not know; "" where it has none."""
    model = json.loads(tokenizer.to_str())["model"]
    if model.get("unk_id") is not None:
        return tokenizer.id_to_token(model["unk_id"]) or ""
    return model.get("unk_token") or ""


def is_of_bytes(merges: str) -> bool:
    """Whether a tokenizer's tokens spell bytes, as GPT-2's do (`ByteLevel`); merges: its JSON."""
    decoder = json.loads(merges).get("decoder") or {}
    return decoder.get("type") == "ByteLevel"
