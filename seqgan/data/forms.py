"""Pairs that the embedded grammar makes for tasks from sequence to sequence: summaries, and answers to questions.

As in `seqgan.data.dialects`, what is right is known exactly, and a model can be judged by exact match.
"""

import re
from collections.abc import Callable
from functools import cache
from importlib import resources

import numpy as np
import pandas as pd

from gancore.training.device import derive_seed
from seqgan.data.dialects import derive_both
from seqgan.data.grammar import Grammar

_SHORTER = {
    "Clause Joined Clause '.'": "Clause '.'",
    "When Clause '.'": "Clause '.'",
    "'the' SingularN Place": "'the' SingularN",
    "'the' SingularN 'that' SingularVP": "'the' SingularN",
    "'a' AdjectiveC SingularN": "'the' SingularN",
    "'an' AdjectiveVowel SingularN": "'the' SingularN",
    "'the' Adjective PluralN": "'the' PluralN",
    "'the' PluralN 'that' PluralVP": "'the' PluralN",
    "Adjective SingularC": "SingularC",
    "Iverb_s Place": "Iverb_s",
    "Iverb_p Place": "Iverb_p",
    "Preposition 'a' AdjectiveC PlaceN": "Preposition 'the' PlaceN",
}
"""Right sides of the grammar's rules, and what a summary keeps of each."""
_ACTS = ("Iverb_s", "Iverb_s Place", "Tverb_s Object", "Iverb_p", "Iverb_p Place", "Tverb_p Object")
"""Predicates that answer what someone does."""


@cache
def grammars() -> tuple[Grammar, Grammar]:
    """The embedded grammar, and one whose rules, in the same places, make the short form of each sentence.

    >>> long, short = grammars()
    >>> short.contains(["the dog sees the cat .", "the dog sees the small cat ."]).tolist()
    [True, False]
    """
    rules = (resources.files("seqgan.data") / "english.pcfg").read_text(encoding="utf-8")
    short = re.sub(
        r"^(\w+ -> )(.+?)( \[.+)$",
        lambda found: found[1] + _SHORTER.get(found[2], found[2]) + found[3],
        rules,
        flags=re.MULTILINE,
    )
    return Grammar(rules), Grammar(short)


def summaries(n: int = 10_000, seed: int = 0) -> pd.DataFrame:
    """`n` distinct sentences of the grammar (source), each with its short form (target).

    A short form has the first clause alone, without adjectives before a noun, relative clauses, and places that the
    clause can do without. Sentences that are their own short form are left out.

    >>> summaries(1, seed=6).iloc[0].tolist()
    ['clara likes the cat that is in the kitchen .', 'clara likes the cat .']
    """
    long, short = grammars()

    def draw(rng: np.random.Generator) -> tuple[str, str]:
        source, target = derive_both(long, short, long.start, rng)
        return (" ".join(source), " ".join(target)) if len(source) <= long.max_length else ("", "")

    return _pairs(n, seed, "summaries", draw)


def dialogue(n: int = 10_000, seed: int = 0) -> pd.DataFrame:
    """`n` distinct turns of a dialogue: two facts and a question about one of them (source), its answer (target).

    `who ... ?` asks for the one who does something, `what does ... do ?` for what someone does.

    >>> dialogue(1, seed=7).iloc[0].tolist()
    ['the uncle runs . the elephant under the house sees the girl . who runs ?', 'the uncle .']
    """
    grammar = grammars()[0]

    def draw(rng: np.random.Generator) -> tuple[str, str]:
        facts = [_fact(grammar, rng) for _ in range(2)]
        (subject, act, plural), (other, also, _) = facts
        told = " ".join(f"{who} {does} ." for who, does, _ in (facts if rng.random() < 0.5 else facts[::-1]))
        if subject == other or act == also or len(told.split()) > grammar.max_length:
            return "", ""
        if rng.random() < 0.5:
            return f"{told} who {act} ?", f"{subject} ."
        return f"{told} what {'do' if plural else 'does'} {subject} do ?", f"{subject} {act} ."

    return _pairs(n, seed, "dialogue", draw)


def _fact(grammar: Grammar, rng: np.random.Generator) -> tuple[str, str, bool]:
    """Someone, what they do, and whether they are several."""
    plural = bool(rng.random() < 0.4)
    number = "Plural" if plural else "Singular"
    acts = [(parts, weight) for parts, weight in grammar.rules[f"{number}VP"] if " ".join(parts) in _ACTS]
    weights = np.array([weight for _, weight in acts])
    act = acts[rng.choice(len(acts), p=weights / weights.sum())][0]
    subject = derive_both(grammar, grammar, f"{number}NP", rng)[0]
    predicate = [word for part in act for word in derive_both(grammar, grammar, part, rng)[0]]
    return " ".join(subject), " ".join(predicate), plural


def _pairs(n: int, seed: int, name: str, draw: Callable[[np.random.Generator], tuple[str, str]]) -> pd.DataFrame:
    """`n` pairs of distinct sources, each with a target that differs."""
    rng, found = np.random.default_rng(derive_seed(seed, name)), {}
    while len(found) < n:
        source, target = draw(rng)
        if source != target:
            found.setdefault(source, target)
    return pd.DataFrame({"source": list(found), "target": list(found.values())})
