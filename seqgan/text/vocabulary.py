"""Lines <-> token ids: words, characters, byte pairs, SMILES, SELFIES, amino acids, a tokenizer's; saved as JSON."""

import html
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, Literal

from gancore.errors import UserError
from seqgan.text.alphabet import Alphabet
from seqgan.text.counting import count_tokens
from seqgan.text.proteins import RESIDUES, refusal, residues
from seqgan.text.tokenizers import is_of_bytes, load_tokenizer, unknown_token
from seqgan.text.utf8 import Automaton, automaton

Kind = Literal["word", "char", "bpe", "smiles", "selfies", "protein", "tokenizer"]

PAD, BEGIN, END, UNKNOWN = range(4)
SPECIAL = ("<pad>", "<begin>", "<end>", "<unknown>")
"""Labels of the special tokens, which are their ids: a word that is spelt so is a token like any other."""
_BPE_SIZE = 1000
_SHOWN = 20

# Bracket atoms, two-letter elements and two-digit ring bonds are one token each (Schwaller et al. 2018).
_SMILES = re.compile(r"\[[^\]]*\]|Br|Cl|%\d\d|.", re.DOTALL)
_SURROGATE = re.compile(r"[\ud800-\udfff]")


LEARNT = ("bpe", "tokenizer")
"""Kinds that are learnt, so that their name alone does not split a line."""


class Texts(list):
    """Generated texts; in a notebook it shows the first twenty, a line each.

    >>> Texts(["a dog ran", "a cat"])
    ['a dog ran', 'a cat']
    """

    def _repr_html_(self) -> str:
        lines = "\n".join(" ".join(str(text).splitlines()) for text in self[:_SHOWN])
        return f"<p>{len(self):,} texts, {len(set(self)):,} distinct</p><pre>{html.escape(lines)}</pre>"


class TokenError(UserError):
    """A line that has no tokens under a vocabulary, with the reason; or a vocabulary that cannot be read."""


def _selfies_symbols(text: str) -> list[str]:
    import selfies

    try:
        return list(selfies.split_selfies(selfies.encoder(text)))
    except (selfies.EncoderError, IndexError):  # an IndexError for some strings that are no molecule
        raise TokenError("not a SMILES that SELFIES can express") from None


def _selfies_text(tokens: Sequence[str]) -> str:
    import selfies

    return str(selfies.decoder("".join(tokens)) or "")


def _amino_acids(text: str) -> list[str]:
    reason = refusal(text)
    if reason:
        raise TokenError(reason)
    return list(residues(text))


def refuse_surrogates(line: str) -> None:
    """Raise TokenError for half a character: such a string is no text, and no file can hold it."""
    if _SURROGATE.search(line):
        raise TokenError("a lone surrogate, which is no character")


SPLIT: dict[str, Callable[[str], list[str]]] = {
    "word": str.split,
    "char": list,
    "smiles": _SMILES.findall,
    "selfies": _selfies_symbols,
    "protein": _amino_acids,
}
JOIN: dict[str, Callable[[Sequence[str]], str]] = {
    "word": " ".join,
    "char": "".join,
    "smiles": "".join,
    "selfies": _selfies_text,
    "protein": "".join,
}


def split(line: str, kind: str, lower: bool = False) -> list[str]:
    """The tokens of a line, of any kind but byte pairs, which are learnt. Raises TokenError with the reason.

    >>> split("The cat", "word", lower=True), split("CCl", "smiles")
    (['the', 'cat'], ['C', 'Cl'])
    """
    refuse_surrogates(line)
    return SPLIT[kind](line.lower() if lower else line)


def _byte_signs() -> dict[str, int]:
    """How byte-level pairs spell bytes (Radford et al. 2019): printable ones as they are, the others from U+0100 on."""
    printable = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + place): byte for place, byte in enumerate(others)}


_BYTE_OF = _byte_signs()


def _commonest(counts: Counter[str], min_count: int, max_size: int) -> tuple[str, ...]:
    """Tokens that are counted often enough, the commonest first, then by the alphabet."""
    kept = [token for token, count in counts.items() if count >= min_count]
    kept.sort(key=lambda token: (-counts[token], token))
    return tuple(kept[: max_size or None])


class Vocabulary:
    """The tokens of a corpus, the four special ones first.

    Ids 0 to 3 are special, whatever text they are labelled with: `<end>` in a line is a word, with an id of its own.

    >>> vocabulary = Vocabulary.of(["C(Cl)Br", "C1CC1"], "smiles")
    >>> vocabulary.tokens[4:]
    ('C', '1', '(', ')', 'Br', 'Cl')
    >>> vocabulary.decode(vocabulary.encode("BrCCl"))
    'BrCCl'
    """

    def __init__(self, kind: Kind, tokens: Sequence[str], lower: bool = False, merges: str = ""):
        self.kind: Kind = kind
        self.tokens, self.lower, self.merges = tuple(tokens), lower, merges
        self._ids = {token: place for place, token in enumerate(self.tokens) if place >= len(SPECIAL)}
        self._pairs: Any = None
        if kind in LEARNT:
            from tokenizers import Tokenizer

            try:
                self._pairs = Tokenizer.from_str(merges)
            except Exception as error:  # of no narrower class
                raise TokenError(f"the vocabulary is damaged: its tokenizer cannot be read ({error}).") from None
            self._pairs.encode_special_tokens = True  # "<end>" in a line is text
            if kind == "bpe" and not all(sign in _BYTE_OF for token in self.tokens[len(SPECIAL) :] for sign in token):
                raise TokenError("the vocabulary is damaged: its byte pairs are not of bytes.")

    @classmethod
    def of(
        cls,
        lines: Iterable[str],
        kind: Kind,
        min_count: int = 1,
        max_size: int = 0,
        lower: bool = False,
        tokenizer: Any = "",
        counted: int = 0,
    ) -> "Vocabulary":
        """The vocabulary of `lines`: tokens seen at least `min_count` times, the `max_size` commonest of them.

        Ties are broken by the alphabet, so the same lines give the same vocabulary. Lines that cannot be
        split are passed over. Byte pairs are at most `max_size` (1,000 if 0), the 256 bytes among them. Of proteins it
        is always the twenty amino acids.
        tokenizer: of kind tokenizer, what `load_tokenizer` takes; its tokens that the lines do not have are left out.
        Raises ConfigError where it cannot be read. counted: as in `count_tokens`.
        """
        if kind == "bpe":
            lines = [line.lower() if lower else line for line in lines if not _SURROGATE.search(line)]
            return cls._learn_pairs(lines, min_count, max_size, lower)
        if kind == "tokenizer":
            return cls._of_tokenizer(lines, min_count, max_size, lower, load_tokenizer(tokenizer))
        if kind == "protein":
            return cls(kind, (*SPECIAL, *RESIDUES))
        counts = count_tokens(lines, lambda line: split(line, kind, lower), counted)
        return cls(kind, SPECIAL + _commonest(counts, min_count, max_size), lower)

    @classmethod
    def _of_tokenizer(
        cls, lines: Iterable[str], min_count: int, max_size: int, lower: bool, tokenizer: Any
    ) -> "Vocabulary":
        known, unknown = cls("tokenizer", SPECIAL, lower, tokenizer.to_str()), unknown_token(tokenizer)
        counts = count_tokens(lines, known.split)
        counts.pop(unknown, None)
        return cls("tokenizer", SPECIAL + _commonest(counts, min_count, max_size), lower, known.merges)

    @classmethod
    def _learn_pairs(cls, lines: list[str], min_count: int, max_size: int, lower: bool) -> "Vocabulary":
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # pyright: ignore
        tokenizer.decoder = decoders.ByteLevel()  # pyright: ignore
        trainer = trainers.BpeTrainer(
            vocab_size=max_size or _BPE_SIZE,
            min_frequency=min_count,
            special_tokens=list(SPECIAL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(lines, trainer)
        tokens = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().__getitem__)
        return cls("bpe", tokens, lower, tokenizer.to_str())

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def alphabet(self) -> Alphabet:
        """What a network must know."""
        return Alphabet(len(self), BEGIN, END, PAD, UNKNOWN)

    def split(self, line: str) -> list[str]:
        """The tokens of a line as strings, those that are not known among them. Raises TokenError with the reason."""
        return split(line, self.kind, self.lower) if self._pairs is None else self._paired(line).tokens

    def _paired(self, line: str) -> Any:
        refuse_surrogates(line)
        return self._pairs.encode(line.lower() if self.lower else line, add_special_tokens=False)

    def encode(self, line: str) -> list[int]:
        """Ids of a line, without begin and end; unknown tokens are UNKNOWN. Raises TokenError with the reason."""
        if self.kind == "bpe":
            return self._paired(line).ids
        ids = [self._ids.get(token, UNKNOWN) for token in self.split(line)]
        if not ids and self.kind == "tokenizer":
            raise TokenError("has no token")
        return ids

    def spell(self, token: str) -> str:
        """A byte pair as characters, \ufffd for a part of one; a token of another kind as it is."""
        if self._pairs is None:
            return token
        return bytes(_BYTE_OF[sign] for sign in token).decode(errors="replace")

    def unknown(self, line: str) -> str:
        """The first token of a line that is not known, "" where all are; raises TokenError as `encode` does."""
        return next((token for token in self.split(line) if token not in self._ids), "")

    def decode(self, ids: Iterable[int]) -> str:
        """The line of some ids; special tokens but the unknown one are passed over, and nothing follows an end.

        The unknown token reads `<unknown>`, as a word of that spelling does: only ids tell them apart. Of byte pairs,
        SELFIES and tokenizers it is passed over too.
        """
        kept: list[int] = []
        passed = (PAD, BEGIN, UNKNOWN) if self.kind in (*LEARNT, "selfies") else (PAD, BEGIN)
        for token in ids:
            if token == END:
                break
            if token not in passed:
                kept.append(token)
        if self.kind == "tokenizer":
            kept = [self._pairs.token_to_id(self.tokens[token]) for token in kept]
        if self._pairs is not None:
            return self._pairs.decode(kept, skip_special_tokens=False)
        return JOIN[self.kind]([self.tokens[token] for token in kept])

    @cached_property
    def cased(self) -> bool:
        """Whether any token has a capital letter."""
        return any(token != token.lower() for token in self.tokens[len(SPECIAL) :])

    @cached_property
    def rule(self) -> Automaton | None:
        """What may follow in a draw so that its bytes are UTF-8; None where tokens are whole characters."""
        if self._pairs is None or (self.kind == "tokenizer" and not self._spells_bytes):
            return None
        spelt = [bytes(_BYTE_OF[sign] for sign in token) for token in self.tokens[len(SPECIAL) :]]
        return automaton([b""] * len(SPECIAL) + spelt, END)

    @property
    def _spells_bytes(self) -> bool:
        signs = {sign for token in self.tokens[len(SPECIAL) :] for sign in token}
        return is_of_bytes(self.merges) and signs <= set(_BYTE_OF)

    def to_json(self) -> dict[str, Any]:
        """A JSON-able form."""
        return {"kind": self.kind, "tokens": list(self.tokens), "lower": self.lower, "merges": self.merges}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Vocabulary":
        """Back from `to_json`; raises TokenError when it is not such a form."""
        try:
            kind, tokens, lower, merges = (values[name] for name in ("kind", "tokens", "lower", "merges"))
            if tuple(tokens[:4]) != SPECIAL or (kind not in SPLIT and kind not in LEARNT):
                raise ValueError
            return cls(kind, tokens, lower, merges)
        except (KeyError, TypeError, ValueError, json.JSONDecodeError):
            raise TokenError("the vocabulary is damaged: it is not what Vocabulary.to_json writes.") from None
