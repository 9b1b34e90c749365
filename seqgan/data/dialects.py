"""Two dialects of the embedded grammar, and sentences in both: what a translator is trained on and judged by.

In the second dialect the article is another and the verb comes last. A sentence is derived once and written in both, so
its translation is exact.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources

import numpy as np
import pandas as pd

from gancore.training.device import derive_seed
from seqgan.data.grammar import Grammar

FIRST, LAST = "first", "last"
"""The names of the dialects: verb first, verb last."""


@cache
def dialects() -> dict[str, Grammar]:
    """The embedded grammar, and one of its words in another order, by name.

    >>> dialects()["last"].contains(["ze dog a cat sees .", "the dog sees a cat ."]).tolist()
    [True, False]
    """
    rules = (resources.files("seqgan.data") / "english.pcfg").read_text(encoding="utf-8")
    last = re.sub(r"^(\w+ -> )(Tverb_\w) Object", r"\1Object \2", rules, flags=re.MULTILINE)
    last = re.sub(r"^(\w+VP -> )('is'|'are') (\w+)", r"\1\3 \2", last, flags=re.MULTILINE)
    return {FIRST: Grammar(rules), LAST: Grammar(last.replace("'the'", "'ze'"))}


def pairs(n: int = 10_000, seed: int = 0) -> pd.DataFrame:
    """`n` distinct sentences of the first dialect (source), each with the same sentence in the second (target).

    >>> pairs(1, seed=3).iloc[0].tolist()
    ['the artist says that the farmer is quiet .', 'ze artist says that ze farmer quiet is .']
    """
    rng, (first, last) = np.random.default_rng(derive_seed(seed, "pairs")), dialects().values()
    found: dict[str, str] = {}
    while len(found) < n:
        source, target = derive_both(first, last, first.start, rng)
        if len(source) <= first.max_length:
            found.setdefault(" ".join(source), " ".join(target))
    return pd.DataFrame({"source": list(found), "target": list(found.values())})


def unpaired(n: int = 10_000, seed: int = 0) -> pd.DataFrame:
    """`n` sentences of each dialect (text), with its name (label); no sentence is there in both.

    >>> unpaired(2)["label"].tolist()
    ['first', 'last', 'first', 'last']
    """
    both = pairs(2 * n, seed)
    rows = {"text": [*both["source"][:n], *both["target"][n:]], "label": [FIRST] * n + [LAST] * n}
    order = np.arange(2 * n).reshape(2, n).T.flatten()
    return pd.DataFrame(rows).iloc[order].reset_index(drop=True)


def derive_both(first: Grammar, second: Grammar, symbol: str, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """The words of one derivation under the rules of two grammars (a syntax-directed translation, Aho and Ullman 1969).

    Rules of the two at one place have the same symbols in any order, and words of their own.
    """
    choices = first.rules[symbol]
    chance = rng.random()
    pick = int(np.searchsorted(np.cumsum([weight for _, weight in choices]), chance, side="right"))
    pick = min(pick, len(choices) - 1)
    ours, theirs = choices[pick][0], second.rules[symbol][pick][0]
    inner = [derive_both(first, second, part, rng) for part in ours if not part.startswith("'")]
    names = [part for part in ours if not part.startswith("'")]
    return _written(ours, names, [one for one, _ in inner]), _written(theirs, names, [other for _, other in inner])


def _written(rule: Sequence[str], names: Sequence[str], inner: Sequence[list[str]]) -> list[str]:
    """The words of a rule whose symbols `names` have become `inner`; equal symbols keep their order."""
    left, words = list(zip(names, inner, strict=True)), []
    for part in rule:
        if part.startswith("'"):
            words.append(part.strip("'"))
            continue
        place = next(place for place, (name, _) in enumerate(left) if name == part)
        words += left.pop(place)[1]
    return words
