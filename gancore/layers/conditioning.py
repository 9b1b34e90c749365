"""Layers that condition a network on a context: concatenation, projection, FiLM. Entries may be unknown."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gancore.training import distributed
from gancore.types import Batch, Context, CriticOutput


def context_inputs(context: Context | None, features: int, like: Tensor) -> Float[Tensor, "batch inputs"]:
    """The inputs `(batch, 2 * features)` of a network for a context: zeros where it is unknown.

    Concatenated inputs are the conditional GAN of Mirza and Osindero (2014). like: gives batch, device and number type.
    Raises ValueError for a context of another width: a network made without context has 0 features.

    >>> context_inputs(None, 2, torch.zeros(1, 5)).tolist()
    [[0.0, 0.0, 0.0, 0.0]]
    """
    if context is None:
        return torch.zeros(len(like), 2 * features, device=like.device, dtype=like.dtype)
    if context.features != features:
        raise ValueError(f"the context has {context.features} features, the network was made for {features}.")
    return context.inputs.to(like.dtype)


def refuse_context(context: Context | None) -> None:
    """Raise ValueError for a context given to a network that was made without."""
    if context is not None:
        raise ValueError(f"the context has {context.features} features, the network was made for 0.")


def guided(conditional: Tensor, unconditional: Tensor, guidance: float) -> Tensor:
    """Classifier-free guidance: unconditional + guidance * (conditional - unconditional) (Ho and Salimans 2022).

    conditional, unconditional: of one shape; the result has it too. guidance: 1 + w of the paper; 1 gives the first, 0
    the second.

    >>> guided(torch.tensor([2.0]), torch.tensor([1.0]), 1.5).item()
    2.5
    """
    return unconditional + guidance * (conditional - unconditional)


def hide_conditions(real: Batch, groups: Sequence[int], hide_all: float, hide_some: float) -> Batch:
    """The batch with some of its conditions hidden, as `hide_context` does; one without context as it is."""
    if real.context is None:
        return real
    return replace(real, context=hide_context(real.context, groups, hide_all, hide_some))


def hide_context(context: Context, groups: Sequence[int], hide_all: float, hide_some: float) -> Context:
    """Conditions hidden at random in training: all of some rows, some of others.

    A network learns from rows where all are hidden what classifier-free guidance subtracts (Ho and Salimans 2022), and
    from rows where some are that a request may name a few. groups: how many entries each condition takes; where empty,
    one each. hide_all: share of the rows where all are hidden. hide_some: share of the others where each is hidden with
    probability 1/2; without effect where there is one condition. The draw is one for the whole batch of all processes.
    """
    groups = groups or (1,) * context.features
    device, each = context.values.device, len(groups)
    uniform = distributed.draw_global(lambda n: torch.rand(n, 2 + each, device=device), len(context))
    shown = (uniform[:, 2:] < 0.5) | (uniform[:, 1:2] >= (hide_some if each > 1 else 0.0))
    shown = shown & (uniform[:, :1] >= hide_all)
    sizes = torch.tensor(groups, device=device)
    return Context(context.values, context.known & shown.repeat_interleave(sizes, 1, output_size=context.features))


_SPACING = 0.25  # standard deviations between the centres of radial bases


class Embedded(nn.Module):
    """An embedding of a context without biases: zeros where it is unknown, so that it can be added to features."""

    def __init__(self, context_features: int, width: int):
        super().__init__()
        self.context_features = context_features
        self.weights = nn.Linear(2 * context_features, width, bias=False)

    def forward(self, context: Context | None, like: Tensor) -> Float[Tensor, "batch width"]:
        """The embedding of each row; like: gives batch and device where there is no context."""
        return self.weights(context_inputs(context, self.context_features, like))


class RadialBasis(nn.Module):
    """Each value of a context as 25 Gaussian bumps from -3 to 3 standard deviations, times learnt weights.

    Near values then may differ much, as a smooth function of one number cannot make them: which molecules have a QED of
    0.45 and which of 0.47 (cG-SchNet, Gebauer et al. 2022, expands its conditions so). The weights begin at zero; an
    unknown value gives zeros.

    >>> RadialBasis(2, 8)(Context(torch.randn(3, 2), torch.ones(3, 2, dtype=torch.bool)), torch.zeros(3, 8)).shape
    torch.Size([3, 8])
    """

    centres: Tensor

    def __init__(self, context_features: int, width: int):
        super().__init__()
        self.register_buffer("centres", torch.arange(-12, 13) * _SPACING, persistent=False)
        self.weights = nn.Linear(context_features * len(self.centres), width, bias=False)
        nn.init.zeros_(self.weights.weight)

    def forward(self, context: Context | None, like: Tensor) -> Float[Tensor, "batch width"]:
        """The embedding of each row; like: gives batch, device and number type where there is no context."""
        if context is None:
            return torch.zeros(len(like), self.weights.out_features, device=like.device, dtype=like.dtype)
        values = torch.where(context.known, context.values, 0.0)[..., None]
        bumps = (-((values - self.centres) / _SPACING).square() / 2).exp() * context.known[..., None]
        return self.weights(bumps.flatten(1).to(like.dtype))


class DeepEmbedded(nn.Module):
    """A nonlinear embedding of a context, for generators: a linear one with radial bases, and two layers beside it.

    Zeros where the context is unknown, as with `Embedded`. The linear one begins with weights of unit variance, as
    embeddings of tokens do, so that the context has an effect from the first step.

    >>> DeepEmbedded(2, 8)(Context.unknown(1, 2), torch.zeros(1, 8)).abs().sum().item()
    0.0
    """

    def __init__(self, context_features: int, width: int):
        super().__init__()
        self.embedded, self.radial = Embedded(context_features, width), RadialBasis(context_features, width)
        self.deeper = nn.Sequential(
            nn.LeakyReLU(0.1),
            nn.Linear(width, width, bias=False),
            nn.LeakyReLU(0.1),
            nn.Linear(width, width, bias=False),
        )
        nn.init.normal_(self.embedded.weights.weight, std=1.0)

    def forward(self, context: Context | None, like: Tensor) -> Float[Tensor, "batch width"]:
        """The embedding of each row; like: gives batch and device where there is no context."""
        shallow = self.embedded(context, like) + self.radial(context, like)
        return shallow + self.deeper(shallow)


class Projection(nn.Module):
    """What a critic's logit gains: the inner product of its features and an embedded context (Miyato and Koyama 2018).

    Where nothing is known it is 0, so the critic then judges the sample alone.

    >>> layer = Projection(3, 2)
    >>> layer(torch.randn(4, 3), Context.unknown(4, 2)).tolist()
    [0.0, 0.0, 0.0, 0.0]
    """

    def __init__(self, features: int, context_features: int):
        super().__init__()
        self.embedded = Embedded(context_features, features)
        self.scale = features**-0.5  # so that the logit begins of order 1, whatever the width

    def forward(self, features: Float[Tensor, "batch *step feature"], context: Context | None) -> Tensor:
        """`(batch,)` to be added to logits, or `(batch, step)` from features of every step."""
        embedded = self.embedded(context, features)
        if features.ndim == 3:
            embedded = embedded[:, None]
        return (features * embedded).sum(-1) * self.scale


Conditioning = Literal["projection", "concatenation", "auxiliary", "twin"]
"""How a critic is conditioned on a context: by its inner product with the features (Miyato and Koyama 2018); beside the
features (Mirza and Osindero 2014); or not at all, but a head predicts it (AC-GAN, Odena et al. 2017), or two heads, one
of which learns from generated samples (TAC-GAN, Gong et al. 2019)."""


class ConditionedOutput(nn.Module):
    """The output of a critic: logits and features conditioned on a context in one of four ways (`Conditioning`).

    The heads of the last two, "condition" and "twin", have as many outputs as the context has entries; what they learn
    is in `gancore.losses.auxiliary.condition_heads`. Without context features there is nothing to learn, and a context
    is refused.
    """

    def __init__(self, features: int, context_features: int, kind: Conditioning = "projection"):
        super().__init__()
        self.context_features, self.kind = context_features, kind
        if not context_features:
            return
        if kind == "projection":
            self.projection = Projection(features, context_features)
        elif kind == "concatenation":
            self.joint = nn.Sequential(
                nn.Linear(features + 2 * context_features, features), nn.LeakyReLU(0.2), nn.Linear(features, 1)
            )
        else:
            names = ("condition", "twin") if kind == "twin" else ("condition",)
            self.heads = nn.ModuleDict({name: nn.Linear(features, context_features) for name in names})

    def forward(
        self, logits: Float[Tensor, "batch *step"], features: Float[Tensor, "batch *step feature"], context: Any = None
    ) -> CriticOutput:
        """The critic's output; context: a `Context` or None."""
        if not self.context_features:
            refuse_context(context)
            return CriticOutput(logits, features)
        if self.kind == "projection":
            return CriticOutput(logits + self.projection(features, context), features)
        if self.kind == "concatenation":
            inputs = context_inputs(context, self.context_features, features)
            inputs = inputs[:, None].expand(-1, features.shape[1], -1) if features.ndim == 3 else inputs
            return CriticOutput(logits + self.joint(torch.cat((features, inputs), -1)).squeeze(-1), features)
        return CriticOutput(logits, features, {name: head(features) for name, head in self.heads.items()})


class FiLM(nn.Module):
    """Feature-wise linear modulation (Perez et al. 2018): features scaled and shifted by a context.

    It begins as the identity, and stays the identity where the context is unknown.

    >>> layer, features = FiLM(3, 2), torch.randn(4, 3)
    >>> torch.equal(layer(features, Context.unknown(4, 2)), features)
    True
    """

    def __init__(self, features: int, context_features: int):
        super().__init__()
        self.embedded = Embedded(context_features, 2 * features)
        nn.init.zeros_(self.embedded.weights.weight)

    def forward(self, features: Float[Tensor, "batch *step feature"], context: Context | None) -> Tensor:
        """The same shape."""
        scale, shift = self.embedded(context, features).chunk(2, -1)
        if features.ndim == 3:
            scale, shift = scale[:, None], shift[:, None]
        return features * (1 + scale) + shift
