"""Beam search: the likeliest sequences of a stepper, several for each row."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gancore.types import Context
from seqgan.networks.decoding import PLAIN, Decoding, Stepper


@torch.no_grad()
def beam_search(
    stepper: Stepper,
    n: int,
    width: int,
    length: int,
    context: Context | None = None,
    decoding: Decoding = PLAIN,
    device: torch.device | str = "cpu",
) -> tuple[Int[Tensor, "n width length"], Float[Tensor, "n width"]]:
    """The `width` likeliest distinct sequences of each of `n` rows that the search finds, best first, and their

    log-probability in nats. The alphabet must have an end. At each step the best `width` beginnings stay (Graves 2012);
    a width of one is greedy. A sequence of `length` tokens that did not end is cut off. Where a row has fewer sequences
    than asked for, the log-probability of the rest is -inf.
    """
    alphabet = stepper.alphabet
    assert alphabet.end is not None
    pad, size = alphabet.pad or 0, alphabet.size
    state = tuple(part.repeat_interleave(width, 0) for part in stepper.start(n, context))
    ids = torch.full((n, width, length), pad, dtype=torch.long, device=device)
    scores = torch.full((n, width), -torch.inf, device=device)
    scores[:, 0] = 0.0  # all beams of a row are the same at first
    tokens = torch.full((n * width,), alphabet.begin, dtype=torch.long, device=device)
    ended = torch.zeros(n, width, dtype=torch.bool, device=device)
    closed = torch.tensor(alphabet.closed, device=device)
    first = torch.arange(n, device=device)[:, None] * width
    for step in range(length):
        features, state = stepper.step(tokens, state)
        logits = decoding.apply(stepper.read(features), step, alphabet).index_fill(1, closed, -torch.inf)
        each = logits.log_softmax(-1).unflatten(0, (n, width))
        each = each.masked_fill(ended[..., None], -torch.inf)
        each[..., pad] = torch.where(ended, 0.0, -torch.inf)
        scores, best = (scores[..., None] + each).flatten(1).topk(width, 1)
        beams, tokens = best // size, best % size
        ids = ids.gather(1, beams[..., None].expand_as(ids))
        ids[:, :, step] = tokens
        ended = ended.gather(1, beams) | (tokens == alphabet.end)
        if bool((ended | scores.isinf()).all()):
            break
        rows, tokens = (first + beams).flatten(), tokens.flatten()
        state = tuple(part[rows] for part in state)
    return ids, scores
