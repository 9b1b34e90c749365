"""Words with spaces between them as text for readers: punctuation, quotes, brackets, contractions, capitals.

For English-like spacing and the conventions of the Penn Treebank (Marcus et al. 1993). Figures are taken of the words
as they are (`seqgan.evaluate`): this cannot be undone.
"""

import re

_PENN = {"-lrb-": "(", "-rrb-": ")", "-lsb-": "[", "-rsb-": "]", "-lcb-": "{", "-rcb-": "}", "``": '"', "''": '"'}
"""What the Penn Treebank writes, in lower case -> the sign it stands for."""
_BEFORE = re.compile(r"[.,;:!?%)\]}\u2019\u201d\u2026]+|n['\u2019]t|['\u2019](?:s|re|ve|ll|d|m|em)", re.IGNORECASE)
"""No space before these."""
_AFTER = frozenset("([{$£€#\u201c\u2018")
"""No space after these."""
_QUOTES = frozenset("\"'")
_SHORT = re.compile(r"s|t|re|ve|ll|d|m", re.IGNORECASE)  # what follows the apostrophe of a contraction
_SENTENCE = re.compile(r"""(?:^|(?:(?<=[.!?\u2026])|(?<=[.\u2026]["')\]]))\s+)["'(\[]*([^\W\d_])""")
"""Where a sentence begins; after `?"` there may be more of it: "why?" she asked."""
_I = re.compile(r"\bi\b(?=$|[\s,.;:!?\"]|['\u2019](?:m|d|ll|ve)\b)")


def readable(text: str, capitals: bool = False) -> str:
    """Words as text for readers. capitals: begin sentences, and I, with one: for a model of lower case.

    >>> readable("the dog , said ben , does n't bite ( much ) .", capitals=True)
    "The dog, said ben, doesn't bite (much)."
    >>> readable('he said `` it costs $ 1 . 50 , or 20 % more \\'\\' .')
    'he said "it costs $1.50, or 20% more".'
    """
    words = [_PENN.get(word.lower(), word) for word in text.split()]
    written, joined = "", True  # whether the next word follows without a space
    opened: set[str] = set()
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else ""
        before, after = _spacing(word, words[place - 1] if place else "", following, words[place + 1 :], opened)
        written += word if joined or before else f" {word}"
        joined = after
    return _capitalised(written) if capitals else written


def _spacing(word: str, last: str, following: str, rest: list[str], opened: set[str]) -> tuple[bool, bool]:
    """Whether a word follows the last one, and the following one it, without a space; keeps account of open quotes."""
    if word == "'" and last and _SHORT.fullmatch(following):  # they ' re
        return True, True
    if word in _QUOTES:
        if word in opened:
            opened.remove(word)
            return True, False
        if word == "'" and not _closes(rest):  # the dogs ' tails
            return True, False
        opened.add(word)
        return False, True
    if word in (".", ",") and last[-1:].isdigit() and following.isdigit():
        return True, word == "." or len(following) == 3
    return bool(_BEFORE.fullmatch(word)), word in _AFTER


def _closes(rest: list[str]) -> bool:
    """Whether a single quote follows that is no apostrophe of a contraction."""
    return any(
        word == "'" and not _SHORT.fullmatch(following) for word, following in zip(rest, [*rest[1:], ""], strict=True)
    )


def _capitalised(text: str) -> str:
    text = _SENTENCE.sub(lambda found: found[0][:-1] + found[1].upper(), text)
    return _I.sub("I", text)
