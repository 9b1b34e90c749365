"""Calls of a plug-in one after the other: what each gives, and whether the plug-in is down."""

from collections.abc import Callable, Iterator, Sequence

from gancore.errors import RunError
from gancore.io.process_pool import Failure
from molgan.scoring.definition import Component, PluginConfig
from molgan.scoring.plugins import ENOUGH, Outage, ask


class Calls:
    """The calls of a component's plug-in.

    strict: a plug-in that is down is an error. It is down where its last call gave nothing, and it gives nothing for a
    molecule that it had a number for before, either. Where there is no such molecule, it never worked.
    """

    def __init__(self, component: Component, strict: bool = False):
        assert component.plugin is not None
        self.plugin: PluginConfig = component.plugin
        self.title, self.strict = component.title, strict
        self._worked: str | None = None  # a molecule that it had a number for
        self._vain = 0  # molecules since then

    def answers(
        self, smiles: Sequence[str], proof: Callable[[], str | None] = lambda: None
    ) -> Iterator[dict[str, float | Failure]]:
        """What each call gives, by SMILES. proof: a molecule that an earlier run has a number for, if any.

        Molecules of a call that gave nothing may come again, with what they are given then. Raises RunError where the
        plug-in is down.
        """
        for start in range(0, len(smiles), self.plugin.batch):
            part = smiles[start : start + self.plugin.batch]
            found = dict(zip(part, ask(self.plugin, part), strict=True))
            yield found
            if self.strict and (last := self._doubtful(found)) is not None:
                self._refuse_down(last, proof)
                self._vain = 0
                if all(isinstance(answer, Outage) for answer in found.values()):  # it may have been down for all of it
                    yield dict(zip(part, ask(self.plugin, part), strict=True))

    def _doubtful(self, found: dict[str, float | Failure]) -> Failure | None:
        """The last answer, where the plug-in may be down by the answers of its last call."""
        last = list(found.values())[-1]
        for text, answer in found.items():
            self._worked, self._vain = (self._worked, self._vain + 1) if isinstance(answer, Failure) else (text, 0)
        many = self._vain >= max(ENOUGH, self.plugin.batch)  # an answer that is no number is of one molecule before
        return last if isinstance(last, Outage) or (isinstance(last, Failure) and many) else None

    def _refuse_down(self, last: Failure, proof: Callable[[], str | None]) -> None:
        working = self._worked or proof()
        answer = ask(self.plugin, [working])[0] if working else last
        if isinstance(answer, Failure):
            name = "plugin" if self.title == "plugin" else f"plugin {self.title}"
            raise RunError(
                f"{name}: is down, it {_clause(answer.reason)}; what was written stays whole, and when it works again "
                "the same command goes on."
            )


def _clause(reason: str) -> str:
    """A reason without the full stop at its end."""
    return " ".join(reason.split()).rstrip(".")
