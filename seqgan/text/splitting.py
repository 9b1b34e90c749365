"""How texts are split to be judged: by a kind of token, or as the model sees them that they are compared with."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gancore.errors import ConfigError
from gancore.runs import pretrained
from seqgan.text.proteins import residues
from seqgan.text.vocabulary import LEARNT, SPLIT, TokenError, Vocabulary, split

_LOOKED_AT = 1000  # lines that advice rests on
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan, Burmese, Khmer
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"  # Japanese, Chinese
)


@dataclass(frozen=True)
class Tokens:
    """A way to split texts. kind: of token. lower: in lower case. vocabulary: of a model, which knows both itself."""

    kind: str = "word"
    lower: bool = False
    vocabulary: Vocabulary | None = None

    @classmethod
    def of(cls, tokens: "str | Vocabulary | Tokens", lower: bool = False) -> "Tokens":
        """From the name of a kind, or from a vocabulary. Raises ConfigError for a kind that there is not.

        >>> Tokens.of("char").split(["ab"])
        [['a', 'b']]
        """
        if isinstance(tokens, Tokens):
            return tokens
        if isinstance(tokens, Vocabulary):
            return cls(tokens.kind, tokens.lower, tokens)
        if tokens == "bpe":
            raise ConfigError("byte pairs (bpe) are learnt: give the run (--run) or the vocabulary that they are of.")
        if tokens in LEARNT:
            raise ConfigError("a tokenizer is of a model: give the run (--run) or the vocabulary that it is of.")
        if tokens not in SPLIT:
            raise ConfigError(f"texts cannot be split into {tokens!r}; use {', '.join(SPLIT)}, or bpe with a run.")
        return cls(tokens, lower and tokens != "protein")  # amino acids have one case

    def split(self, texts: Sequence[str]) -> list[list[str]]:
        """The tokens of each text; an empty list for one that has none (no molecule, say, of kind selfies)."""
        return [self._split(text) for text in texts]

    def _split(self, text: str) -> list[str]:
        try:
            return self.vocabulary.split(text) if self.vocabulary is not None else split(text, self.kind, self.lower)
        except TokenError:
            return []

    def pieces(self, tokens: Sequence[str]) -> list[str]:
        """The tokens as they read one after the other: words with a space between them, byte pairs as characters.

        >>> Tokens.of("word").pieces(["a", "dog"])
        ['a', ' dog']
        """
        if self.kind == "word":
            return [token if not place else f" {token}" for place, token in enumerate(tokens)]
        if self.vocabulary is not None and self.kind == "bpe":
            return [self.vocabulary.spell(token) for token in tokens]
        return list(tokens)

    def cased(self, texts: Sequence[str]) -> list[str]:
        """The texts as they count as the same: in lower case where the tokens are, amino acids in capitals."""
        if self.kind == "protein":
            return [residues(text) for text in texts]
        return [text.lower() for text in texts] if self.lower else list(texts)

    def __str__(self) -> str:
        return f"{self.kind}, lower case" if self.lower else self.kind


def pick_tokens(tokens: str | None, lower: bool, run: str | Path | None, files: Sequence[Path]) -> Tokens:
    """What a command line asks for: a kind of token, or those of a run; else of the run in whose folder a file lies.

    Raises ConfigError where both are asked for, or files lie in several runs, and what `tokens_of_run` raises.
    """
    if run is not None and (tokens is not None or lower):
        raise ConfigError("--run has tokens and case of its own: leave --tokens and --lower out.")
    if run is None and tokens is None and not lower:
        run = run_of(*files)
    return tokens_of_run(run) if run is not None else Tokens.of(tokens or "word", lower)


def tokens_of_run(source: str | Path) -> Tokens:
    """The tokens of a run folder, a shared model or a bundled one. Raises RunError or CheckpointError, one sentence."""
    stored = pretrained.find(source, "last", "seqgan")
    with stored.as_checkpoint_error():
        return Tokens.of(Vocabulary.from_json(stored.values["vocabulary"]))


def run_of(*files: Path) -> Path | None:
    """The run in whose folder a file lies, as held_out.txt does; None where none of them lies in one.

    Raises ConfigError where they lie in several.
    """
    folders = {file.parent for file in files if _is_run(file.parent)}
    if len(folders) > 1:
        raise ConfigError("the files lie in the folders of several runs: say with --run how texts are to be split.")
    return next(iter(folders), None)


def _is_run(folder: Path) -> bool:
    """Whether a text generator was trained there; a run of molecules has no tokens."""
    if not (folder / "checkpoints").is_dir():
        return False
    try:
        settings = tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return "tokens" in settings.get("data", {})


def advice(lines: Sequence[str]) -> str:
    """What to say where words, which are what white space parts, do not suit the lines; "" where they do.

    >>> advice(["a dog ran", "a cat"])
    ''
    >>> advice(["CCO", "c1ccccc1"])[:25]
    '100% of the lines are one'
    """
    lines = [line for line in lines[:_LOOKED_AT] if line.strip()]
    signs = "".join(lines)
    single = sum(len(line.split()) == 1 for line in lines)
    unspaced = 2 * len(_UNSPACED.findall(signs)) > len(signs)
    if not lines or not (unspaced or 2 * single > len(lines)):
        return ""
    if unspaced:
        found = "most of the text is in a script that puts no spaces between words"
        return f"{found}: set the tokens (data.tokens) to char or bpe, for words are what white space parts."
    found = f"{single / len(lines):.0%} of the lines are one word, and words are what white space parts"
    return f"{found}: set the tokens (data.tokens) to char or bpe, or to smiles where the lines are SMILES, or protein."
