"""Completions of many prompts at a time, each of its own length."""

from collections.abc import Sequence
from typing import Any

import torch

from gancore.training.device import new_generator
from seqgan.networks.decoding import Decoding
from seqgan.recipes.sequences import SampleOptions
from seqgan.text.vocabulary import UNKNOWN, TokenError

_ROWS = 512  # prompts that are continued at a time
_OPEN = -1


def complete(
    recipe: Any, device: torch.device, prompts: Sequence[str], seed: int, decoding: Decoding
) -> list[str | None]:
    """A text for each prompt, which begins with it; None where `prompt_refusal` has a reason.

    recipe: a trained recipe of sequences, whose critic is left out. Prompts of about one length go together, which
    saves steps. A model with conditions has the context of a random training row for each.
    """
    ids = [_ids(recipe, prompt) for prompt in prompts]
    order = sorted((row for row, own in enumerate(ids) if own is not None), key=lambda row: len(ids[row] or ()))
    made: list[str | None] = [None] * len(prompts)
    for start in range(0, len(order), _ROWS):
        rows = order[start : start + _ROWS]
        random = new_generator(device, seed, "complete", start)
        own = [torch.tensor(ids[row], dtype=torch.long) for row in rows]
        prefixes = torch.nn.utils.rnn.pad_sequence(own, batch_first=True, padding_value=_OPEN).to(device)
        steps = _most_tokens(recipe, prefixes.shape[1])
        options = SampleOptions(decoding, steps, prefixes, recipe.space.vocabulary.rule, raw=True)
        examples = recipe.space.examples
        context = examples.draw(len(rows), random).to(device) if examples is not None else None
        drawn = recipe.sample(len(rows), random, context, options)
        for row, tokens in zip(rows, drawn.tolist(), strict=True):
            made[row] = recipe.space.vocabulary.decode(tokens)
    return made


def prompt_refusal(recipe: Any, prompt: str, most: int | None = None) -> str:
    """Why a model cannot continue a prompt, a few words; "" where it can.

    most: tokens of a text that is read as a source, and not continued.
    """
    vocabulary = recipe.space.vocabulary
    try:
        ids = vocabulary.encode(prompt)
    except TokenError as reason:
        return f"has no tokens ({reason})"
    if UNKNOWN in ids:
        return f"has {vocabulary.unknown(prompt)!r}, which the model does not know"
    if vocabulary.decode(ids) != prompt:
        return f"is {vocabulary.decode(ids)!r} in tokens of the model"
    if most is not None:
        return f"has {len(ids)} tokens, and the model reads at most {most}" if len(ids) > most else ""
    longest = _most_tokens(recipe, len(ids)) - 2  # the end, and one token more than the prompt
    return f"has {len(ids)} tokens, and the model continues at most {longest}" if len(ids) > longest else ""


def _ids(recipe: Any, prompt: str) -> list[int] | None:
    return None if prompt_refusal(recipe, prompt) else recipe.space.vocabulary.encode(prompt)


def _most_tokens(recipe: Any, prompt: int) -> int:
    """Tokens of a text with its end. Only a transformer, which has learnt positions, ends at the longest line."""
    bounded = getattr(recipe.config.model, "kind", "") == "transformer"
    return recipe.space.length if bounded else prompt + recipe.space.length
