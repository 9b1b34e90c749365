"""The samples of a report: each beside the training line nearest to it, with the span that both share marked."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from seqgan.metrics.spans import common_spans, repeated_spans, shared_spans
from seqgan.text.splitting import Tokens

_REPEATS = 10


def marked(tokens: Sequence[str], start: int, length: int, chosen: Tokens) -> Markup:
    """Tokens as text, escaped, with one span of them marked.

    >>> marked(["a", "<b>", "c"], 1, 1, Tokens.of("word"))
    Markup('a<mark> &lt;b&gt;</mark> c')
    """
    pieces = chosen.pieces(tokens)
    before, inside, after = (
        escape("".join(part)) for part in (pieces[:start], pieces[start : start + length], pieces[start + length :])
    )
    return before + (Markup("<mark>") + inside + Markup("</mark>") if length else Markup("")) + after


def sample_rows(
    texts: Sequence[str], train: Sequence[str] | None, chosen: Tokens, most: int, seed: int
) -> list[dict[str, Any]]:
    """At most so many of the texts at random, in their order: the text, how many tokens it has, and its nearest line.

    The nearest training line is the first that has the longest span in common with the text. text, nearest: as HTML.
    shared: tokens of that span. copied: whether the line has the same tokens as the text.
    """
    picked = np.sort(np.random.default_rng(seed).permutation(len(texts))[:most])
    ours = chosen.split([texts[int(row)] for row in picked])
    if train is None:
        return [{"text": marked(tokens, 0, 0, chosen), "tokens": len(tokens), "nearest": None} for tokens in ours]
    lines = chosen.split(list(train))
    found, known = shared_spans(ours, lines), set(map(tuple, lines))
    rows = []
    for tokens, length, start, line, line_start in zip(ours, *(part.tolist() for part in found), strict=True):
        copied = tuple(tokens) in known
        nearest = marked(tokens if copied else lines[line], 0 if copied else line_start, length, chosen)
        rows.append(
            {
                "text": marked(tokens, start, length, chosen),
                "tokens": len(tokens),
                "nearest": nearest if length else None,
                "shared": length,
                "copied": copied,
            }
        )
    return rows


def repeat_rows(texts: Sequence[str], chosen: Tokens) -> list[dict[str, Any]]:
    """The texts that repeat the longest spans of their own, without copies: as HTML, and the tokens of the span."""
    ours = [list(tokens) for tokens in dict.fromkeys(map(tuple, chosen.split(list(texts))))]
    found = repeated_spans(ours)
    rows = []
    for row in np.argsort(-found.length, kind="stable")[:_REPEATS].tolist():
        length, first, second = (int(part[row]) for part in found)
        if length < 2:
            break
        head = marked(ours[row][:second], first, length, chosen)
        tail = chosen.pieces(ours[row])[second:]
        repeated, rest = escape("".join(tail[:length])), escape("".join(tail[length:]))
        rows.append({"text": head + Markup("<mark>") + repeated + Markup("</mark>") + rest, "tokens": length})
    return rows


def span_rows(texts: Sequence[str], reference: Sequence[str], chosen: Tokens, n: int = 4) -> list[dict[str, str]]:
    """The n-grams that most texts hold, with their share of texts and of reference lines."""
    spans = common_spans(chosen.split(list(texts)), chosen.split(list(reference)), n)
    return [
        {
            "span": "".join(chosen.pieces(span.tokens)),
            "share": f"{span.share:.4f}",
            "reference": f"{span.reference:.4f}",
        }
        for span in spans
    ]
