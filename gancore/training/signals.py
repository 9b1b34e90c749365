"""Being interrupted: the step is finished and saved, then the program says how to go on and leaves."""

import builtins
import signal
import sys
import threading
from types import FrameType


class Interrupted(SystemExit):
    """Training was stopped by a signal; uncaught, the program leaves with 128 + its number (130, 143)."""

    def __init__(self, number: int):
        super().__init__(128 + number)
        self.number = number


class Interruption:
    """While entered, the first SIGINT or SIGTERM is noted in `number`; a second one leaves at once.

    Signals that were ignored stay ignored, and outside the main thread nothing is caught.
    """

    def __init__(self):
        self.number: int | None = None
        self._previous: dict[int, object] = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # pyright: ignore

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None:
            raise KeyboardInterrupt if interactive() else SystemExit(128 + number)
        self.number = number


def interactive() -> bool:
    """Whether a person types at a prompt or in a notebook, who wants the object back and no exit."""
    return hasattr(builtins, "__IPYTHON__") or hasattr(sys, "ps1")
