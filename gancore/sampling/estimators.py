"""Logits -> `Draw`: a categorical sample for each row, with its way back to the logits.

Every estimator has the form `(logits, temperature, generator=None) -> Draw`: logits
`(..., category)`, `temperature > 0`, `hard` and `relaxed` of the logits' shape, `log_prob (...)`
the log-probability of `hard` under `softmax(logits)`, in nats, with its score-function gradient.
The hard draw is the same for all of them, an exact sample at any temperature (the Gumbel-max
trick), and so is `log_prob`; they differ in where the pathwise gradient flows.
"""

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from gancore.training import distributed
from gancore.types import Draw


def gumbel_like(logits: Tensor, generator: Generator | None = None) -> Tensor:
    """Standard Gumbel noise of the logits' shape, finite everywhere (the Gumbel-max trick, Maddison et al. 2014).

    Without a generator, several processes draw the noise of their common batch.
    """

    def exponential(n: int) -> Tensor:
        return logits.new_empty(n, *logits.shape[1:]).exponential_(generator=generator)

    drawn = exponential(len(logits)) if generator is not None else distributed.draw_global(exponential, len(logits))
    return -drawn.clamp_min_(torch.finfo(logits.dtype).tiny).log_()


def straighten(hard: Tensor, relaxed: Tensor) -> Tensor:
    """The value of `hard` with the gradient of `relaxed` (Bengio et al. 2013).

    >>> relaxed = torch.tensor([0.3, 0.7], requires_grad=True)
    >>> straighten(torch.tensor([0.0, 1.0]), relaxed)[1].backward()
    >>> relaxed.grad.tolist()
    [0.0, 1.0]
    """
    return hard + (relaxed - relaxed.detach())


def _draw(logits: Tensor, temperature: float, generator: Generator | None) -> Draw[Tensor]:
    noisy = logits + gumbel_like(logits.detach(), generator)
    hard = one_hot(noisy.argmax(-1), logits.shape[-1]).to(logits.dtype)
    log_prob = (hard * logits.log_softmax(-1)).sum(-1)
    return Draw(hard, (noisy / temperature).softmax(-1), log_prob)


def gumbel_softmax(logits: Tensor, temperature: float = 1.0, generator: Generator | None = None) -> Draw[Tensor]:
    """Gumbel-Softmax (Jang et al. 2017; Maddison et al. 2017): `hard` carries no gradient, `relaxed` does.

    >>> draw = gumbel_softmax(torch.zeros(2, 3))
    >>> draw.hard.sum(-1).tolist(), draw.relaxed.sum(-1).round(decimals=4).tolist()
    ([1.0, 1.0], [1.0, 1.0])
    """
    return _draw(logits, temperature, generator)


def straight_through(logits: Tensor, temperature: float = 1.0, generator: Generator | None = None) -> Draw[Tensor]:
    """Straight-through Gumbel-Softmax (Jang et al. 2017): both fields have the hard value and the soft gradient.

    >>> draw = straight_through(torch.zeros(2, 3, requires_grad=True))
    >>> draw.hard.max(-1).values.tolist(), draw.hard.requires_grad
    ([1.0, 1.0], True)
    """
    draw = _draw(logits, temperature, generator)
    hard = straighten(draw.hard, draw.relaxed)
    return Draw(hard, hard, draw.log_prob)


def categorical(logits: Tensor, temperature: float = 1.0, generator: Generator | None = None) -> Draw[Tensor]:
    """A plain categorical draw: no pathwise gradient at all, only `log_prob` (REINFORCE, Williams 1992).

    >>> draw = categorical(torch.zeros(2, 4, requires_grad=True))
    >>> draw.hard.requires_grad, draw.log_prob.exp().tolist()
    (False, [0.25, 0.25])
    """
    draw = _draw(logits, temperature, generator)
    return Draw(draw.hard, draw.hard, draw.log_prob)


ESTIMATORS = {"gumbel_softmax": gumbel_softmax, "straight_through": straight_through, "categorical": categorical}
