"""A probabilistic context-free grammar as an oracle: sentences with an exact probability and exact membership.

What validity is to molecules, being in the language is to sentences; and unlike an LSTM's, the language can be read.
"""

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from importlib import resources

import numpy as np
from jaxtyping import Bool, Float

from gancore.errors import UserError
from gancore.training.device import derive_seed

_RULE = re.compile(r"^(\w+)\s*->\s*(.+)$")
_WEIGHT = re.compile(r"\[(\d+\.?\d*|\.\d+)\]\s*$")


class GrammarError(UserError):
    """A grammar that cannot be read; the message names the line."""


class Grammar:
    """Sentences of at most `max_length` words, from rules `symbol -> symbols [weight]`; `english()` are the embedded.

    The probability of a sentence is the sum over its derivations, among sentences of at most `max_length` words.

    >>> grammar = english()
    >>> grammar.contains(["the dog sleeps .", "dog the sleeps ."]).tolist()
    [True, False]
    """

    def __init__(self, rules: str, max_length: int = 20):
        self.max_length = max_length
        self.rules = _read(rules)
        self.start = next(iter(self.rules))
        self._binary, self._lexical, self._symbols = _normal_form(self.rules)
        self._tables()
        mass = float(self._length_masses().sum())
        if not mass:
            raise GrammarError(f"grammar: it has no sentence of at most {max_length} words.")
        self._log_mass = math.log(mass)

    # Drawing ----------------------------------------------------------------------------------

    def sample(self, n: int, seed: int = 0) -> list[str]:
        """Draw `n` sentences, words separated by spaces."""
        rng = np.random.default_rng(derive_seed(seed, "grammar"))
        found: list[str] = []
        while len(found) < n:
            words = self._derive(rng)
            if words is not None:
                found.append(" ".join(words))
        return found

    def _derive(self, rng: np.random.Generator) -> list[str] | None:
        """One sentence, or None when it became too long."""
        words: list[str] = []
        stack = [self.start]
        while stack:
            symbol = stack.pop()
            if symbol.startswith("'"):
                words.append(symbol.strip("'"))
                if len(words) > self.max_length:
                    return None
                continue
            choices = self.rules[symbol]
            pick = np.searchsorted(np.cumsum([weight for _, weight in choices]), rng.random(), side="right")
            stack.extend(reversed(choices[min(int(pick), len(choices) - 1)][0]))
        return words

    # Judging ----------------------------------------------------------------------------------

    def log_prob(self, sentences: Sequence[str]) -> Float[np.ndarray, "sentence"]:
        """Natural log-probability of each sentence, -inf for one that is not in the language (inside algorithm)."""
        words = [sentence.split() for sentence in sentences]
        result = np.full(len(words), -np.inf)
        by_length = defaultdict(list)
        for row, sentence in enumerate(words):
            if 0 < len(sentence) <= self.max_length and all(word in self._word_ids for word in sentence):
                by_length[len(sentence)].append(row)
        for rows in by_length.values():
            for chunk in np.array_split(rows, -(-len(rows) // 1000)):
                ids = np.array([[self._word_ids[word] for word in words[row]] for row in chunk])
                with np.errstate(divide="ignore"):
                    result[chunk] = np.log(self._inside(self._emit[ids])) - self._log_mass
        return result

    def contains(self, sentences: Sequence[str]) -> Bool[np.ndarray, "sentence"]:
        """Whether each sentence is in the language."""
        return self.log_prob(sentences) > -np.inf

    def entropy(self, n: int = 10_000, seed: int = 0) -> float:
        """Nats a sentence, estimated from `n` draws."""
        return -float(self.log_prob(self.sample(n, seed)).mean())

    def _tables(self) -> None:
        """The normal form as arrays: rules by number of parent and children, words by what may emit them."""
        number = {symbol: place for place, symbol in enumerate(self._symbols)}
        self._parents = np.array([number[parent] for parent, *_ in self._binary], dtype=np.int64)
        self._lefts = np.array([number[left] for _, left, _, _ in self._binary], dtype=np.int64)
        self._rights = np.array([number[right] for _, _, right, _ in self._binary], dtype=np.int64)
        self._weights = np.array([weight for *_, weight in self._binary])
        self._to_parent = np.zeros((len(self._binary), len(number)))
        self._to_parent[np.arange(len(self._binary)), self._parents] = self._weights
        self._word_ids = {word: place for place, word in enumerate(sorted({word for _, word, _ in self._lexical}))}
        self._emit = np.zeros((len(self._word_ids), len(number)))
        for parent, word, weight in self._lexical:
            self._emit[self._word_ids[word], number[parent]] += weight
        self._root = number[self.start]

    def _inside(self, leaves: Float[np.ndarray, "sentence word symbol"]) -> Float[np.ndarray, "sentence"]:
        """Probability that the start symbol gives each sentence (Baker 1979), all sentences of one length together."""
        length = leaves.shape[1]
        spans = {(place, place + 1): leaves[:, place] for place in range(length)}
        for width in range(2, length + 1):
            for start in range(length - width + 1):
                middle = range(start + 1, start + width)
                pairs = sum(
                    spans[start, cut][:, self._lefts] * spans[cut, start + width][:, self._rights] for cut in middle
                )
                spans[start, start + width] = pairs @ self._to_parent
        return spans[0, length][:, self._root]

    def _length_masses(self) -> Float[np.ndarray, "length"]:
        """Probability of a sentence of each length 1 ... max_length: the inside algorithm with one word for all."""
        by_length = [np.zeros(len(self._symbols)), self._emit.sum(0)]
        for length in range(2, self.max_length + 1):
            pairs = sum(by_length[cut][self._lefts] * by_length[length - cut][self._rights] for cut in range(1, length))
            by_length.append(pairs @ self._to_parent)
        return np.array([masses[self._root] for masses in by_length[1:]])


def english(max_length: int = 20) -> Grammar:
    """The embedded grammar of English-like sentences: 135 words, agreement, articles by sound, relative clauses."""
    return Grammar((resources.files("seqgan.data") / "english.pcfg").read_text(encoding="utf-8"), max_length)


def corpus(n: int = 10_000, seed: int = 0) -> list[str]:
    """The embedded default corpus: `n` sentences of the embedded grammar, the same for the same seed."""
    return english().sample(n, seed)


Rules = dict[str, list[tuple[list[str], float]]]


def _read(text: str) -> Rules:
    rules: Rules = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        rule = _RULE.match(line)
        if rule is None:
            raise GrammarError(f"grammar, line {number}: write a rule as symbol -> symbols [weight].")
        for alternative in rule[2].split("|"):
            weight = _WEIGHT.search(alternative)
            symbols = _WEIGHT.sub("", alternative).split()
            if not symbols:
                raise GrammarError(f"grammar, line {number}: a rule without symbols; a sentence has at least a word.")
            if any(symbol.startswith("[") for symbol in symbols):
                raise GrammarError(f"grammar, line {number}: write a weight as a number at the end, [0.5].")
            rules.setdefault(rule[1], []).append((symbols, float(weight[1]) if weight else 1.0))
    unknown = {symbol for choices in rules.values() for symbols, _ in choices for symbol in symbols} - set(rules)
    unknown = sorted(symbol for symbol in unknown if not symbol.startswith("'"))
    if not rules or unknown:
        raise GrammarError(f"grammar: no rule for {unknown[0]}." if unknown else "grammar: holds no rules.")
    for symbol, choices in rules.items():
        total = sum(weight for _, weight in choices)
        if not total:
            raise GrammarError(f"grammar: all rules of {symbol} have weight 0.")
        rules[symbol] = [(symbols, weight / total) for symbols, weight in choices]
    return rules


def _normal_form(rules: Rules) -> tuple[list, list, list[str]]:
    """Chomsky's normal form with the same distribution: binary rules, words, and the symbols.

    Longer rules are cut from the left; a rule to one symbol is folded into the rules of that symbol.
    """
    binary: dict[tuple[str, str, str], float] = defaultdict(float)
    lexical: dict[tuple[str, str], float] = defaultdict(float)
    symbols = dict.fromkeys(rules)

    def word(symbol: str) -> str:
        """A symbol that stands for a quoted word alone."""
        if symbol.startswith("'"):
            symbols[symbol] = None
            lexical[symbol, symbol.strip("'")] = 1.0
        return symbol

    def add(parent: str, children: Sequence[str], weight: float) -> None:
        first, rest = word(children[0]), children[1:]
        joined = word(rest[0]) if len(rest) == 1 else f"({' '.join(rest)})"
        binary[parent, first, joined] += weight
        if joined not in symbols:
            symbols[joined] = None
            add(joined, rest, 1.0)

    def expand(parent: str, symbol: str, weight: float, seen: tuple[str, ...]) -> None:
        if symbol in seen:
            raise GrammarError(f"grammar: {symbol} leads back to itself through rules of one symbol.")
        for children, share in rules[symbol]:
            if len(children) > 1:
                add(parent, children, weight * share)
            elif children[0].startswith("'"):
                lexical[parent, children[0].strip("'")] += weight * share
            else:
                expand(parent, children[0], weight * share, (*seen, symbol))

    for symbol in rules:
        expand(symbol, symbol, 1.0, ())
    return (
        [(*key, value) for key, value in binary.items()],
        [(*key, value) for key, value in lexical.items()],
        list(symbols),
    )
