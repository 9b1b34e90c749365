"""Fragments built on by a language model of SMILES: many drafts at a time, each redrawn until it is as requested."""

from collections.abc import Callable, Iterator, Sequence
from random import Random

from gancore.io.notes import note
from gancore.training.device import derive_seed
from gancore.types import Completer
from molgan.chemistry import MOST_ATOMS, Rejected, Vocabulary
from molgan.chemistry.fragments import Fragments
from molgan.library.drafts import Draft, Plan, Prompt

REDRAWS = 100
"""Completions of a sample that may fail before there is none."""
_DRAFTS = 512  # that are worked on at a time
_FEW = 128  # prompts that take hardly longer than fewer
_PATIENCE = 4  # completions of a draft that fail before it begins anew
_REPEATS = 10  # of a molecule that is to be distinct, before it is kept


def refusal(
    model: Completer, request: Fragments, size: tuple[int, int] | None = None, added: tuple[int, int] | None = None
) -> str:
    """Why a string model cannot build on fragments, in words that follow "the request"; "" where it can.

    size, added: as in `Fragments.bounds`. Raises nothing.
    """
    if request.linked:
        return "has sites to be linked, which string models cannot do; take a graph model, for example drug"
    if None in request.atoms:
        return "has an atom of any type, which string models cannot do; take a graph model, for example drug"
    reason = request.refusal(_vocabulary(request), size, added)
    if reason:
        return reason
    try:
        prompts = Plan(request, 0, MOST_ATOMS).prompts()
    except (Rejected, ValueError) as problem:
        return f"cannot be spelled as a prompt ({problem})"
    return next((reason for reason in map(model.refusal, prompts) if reason), "")


def _vocabulary(request: Fragments) -> Vocabulary:
    """The atom types of the request itself: a string model has a vocabulary of tokens instead."""
    return Vocabulary(tuple({atom: None for atom in request.atoms if atom is not None}), MOST_ATOMS)


def complete_each(
    model: Completer,
    requests: Sequence[Fragments],
    n: int,
    seed: int = 0,
    size: tuple[int, int] | None = None,
    added: tuple[int, int] | None = None,
    accepts: Callable[[str], bool] | None = None,
    distinct: bool = False,
    redraws: int = REDRAWS,
) -> list[str | None]:
    """`n` molecules on each of several requests that `refusal` has nothing against, in their order.

    None for a sample that is not as requested after so many redraws; a note counts them. size, added: heavy atoms, as
    in `Fragments.bounds`. accepts: of canonical SMILES, which are taken. distinct: whether a molecule that repeats an
    earlier one of its request is drawn again, up to ten times.

    >>> class Methyl:
    ...     def complete(self, prompts, seed=0):
    ...         return [prompt + "C" for prompt in prompts]
    ...     def refusal(self, prompt):
    ...         return ""
    >>> complete_each(Methyl(), [Fragments.parse("[*]c1ccncc1"), Fragments.parse("[*]C1CC1.[*]N")], 1)
    ['Cc1ccncc1', 'NCC1CC1']
    """
    plans = [Plan(request, *request.bounds(_vocabulary(request), size, added)) for request in requests]
    total = n * len(plans)
    samples = [_Sample(number, number // n, plans[number // n], seed) for number in range(total)]
    run = _Run(model, seed, accepts, set() if distinct else None, redraws)
    for start in range(0, total, _DRAFTS):
        run.settle(samples[start : start + _DRAFTS])
    missed, repeated = sum(one.text is None for one in samples), sum(one.repeat is not None for one in samples)
    if missed:
        note(f"{missed:,} of {total:,} samples are not what was requested after {redraws} further completions.")
    if repeated:
        note(f"{repeated:,} of {total:,} samples repeat an earlier molecule after {_REPEATS} further tries.")
    return [one.text for one in samples]


class _Sample:
    """A sample: its draft, what failed so far, a molecule that repeats another, and the molecule in the end."""

    def __init__(self, number: int, request: int, plan: Plan, seed: int):
        self.request = request
        self.draft = Draft(plan, Random(derive_seed(seed, "prompts", number)))
        self.failed = self.stuck = self.repeats = 0
        self.text: str | None = None
        self.repeat: str | None = None

    def fail(self) -> None:
        """A completion was of no use; after some the draft begins anew."""
        self.failed, self.stuck = self.failed + 1, self.stuck + 1
        if self.stuck >= _PATIENCE:
            self.restart()

    def restart(self) -> None:
        """Begin the draft anew."""
        self.stuck = 0
        self.draft.restart()


class _Run:
    """Completions for many samples at a time. seen: requests and their molecules where these are to be distinct."""

    def __init__(
        self,
        model: Completer,
        seed: int,
        accepts: Callable[[str], bool] | None,
        seen: set[tuple[int, str]] | None,
        redraws: int,
    ):
        self.model, self.seed, self.accepts, self.seen, self.redraws = model, seed, accepts, seen, redraws
        self.calls = 0

    def settle(self, samples: Sequence[_Sample]) -> None:
        """Complete the drafts of samples until each has its molecule or has failed too often."""
        left = list(samples)
        while left:
            times = min(_PATIENCE, max(1, _FEW // len(left)))
            prompts = [[*filter(None, (one.draft.prompt() for _ in range(times)))] for one in left]
            texts = iter(self._completed([prompt.text for own in prompts for prompt in own]))
            left = [one for one, own in zip(left, prompts, strict=True) if not self._settled(one, own, texts)]

    def _completed(self, prompts: Sequence[str]) -> Sequence[str | None]:
        self.calls += 1
        return self.model.complete(prompts, derive_seed(self.seed, "completions", self.calls))

    def _settled(self, sample: _Sample, prompts: Sequence[Prompt], texts: Iterator[str | None]) -> bool:
        own = [next(texts) for _ in prompts]
        if not prompts:
            sample.failed += 1
            sample.restart()
        for prompt, text in zip(prompts, own, strict=True):
            if sample.draft.take(prompt, text):
                sample.stuck = 0
                break
            sample.fail()
            if not sample.stuck or sample.failed > self.redraws:
                break  # the other prompts are of a draft that is no more
        if sample.draft.finished:
            self._finish(sample)
        if sample.failed > self.redraws or sample.repeats > _REPEATS:
            sample.text = sample.text or sample.repeat  # a molecule that repeats another is better than none
            return True
        return sample.text is not None

    def _finish(self, sample: _Sample) -> None:
        text = sample.draft.smiles()
        if text is None or (self.accepts is not None and not self.accepts(text)):
            sample.failed += 1
            sample.restart()
        elif self.seen is None or (sample.request, text) not in self.seen:
            sample.text, sample.repeat = text, None
            if self.seen is not None:
                self.seen.add((sample.request, text))
        else:
            sample.repeat, sample.repeats = text, sample.repeats + 1
            sample.restart()
