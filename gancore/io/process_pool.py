"""A pool of processes that gives one answer an item, whatever happens to a process: it hangs, crashes or is killed."""

import atexit
import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from gancore.io.platforms import cores, ending
from gancore.io.progress import progress

Item = TypeVar("Item")
Result = TypeVar("Result")

_WITHIN = "GANCORE_WORKER"
_TELL_EVERY = 0.05  # seconds between the answers of a process; what it has not told when it dies is worked out again
_TRIES = 2  # how often an item may take its process with it before it counts as failed
_STARTS = 10  # how often in a row a process may die before it has begun


class Failure(NamedTuple):
    """Why an item has no answer. died: it took its process with it."""

    reason: str
    died: bool = False


def usable_processes() -> int:
    """Processor cores that this process may use; 1 inside a pool."""
    if os.environ.get(_WITHIN):
        return 1
    return cores()


class Pool:
    """Processes that apply functions to items. They start with the first call and end with this program.

    processes: how many; as many as there are usable cores if not given. A function must be importable (or a partial of
    one that is), items and answers picklable; the main module is not imported by the processes. Threads may share a
    pool; each of their calls has processes of its own. A fork of this program starts its own processes.
    """

    def __init__(self, processes: int | None = None):
        self.processes = processes or usable_processes()
        self._start()

    def _start(self) -> None:
        self._owner = os.getpid()
        self._idle: list[_Worker] = []
        self._all: weakref.WeakSet[_Worker] = weakref.WeakSet()
        self._lock = threading.Lock()

    def _here(self) -> threading.Lock:
        """The lock; in a fork a new one, for a thread that is not there may hold the old, and no processes yet."""
        if self._owner != os.getpid():
            for worker in self._idle:
                worker.leave()
            self._start()
        return self._lock

    def map(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        chunk: int = 50,
        seconds: float = 0.0,
        title: str = "working",
    ) -> list[Result | Failure]:
        """The answer of each item, in order; a Failure where the function raised, took too long or crashed.

        seconds: the longest an item may take, 0 for no limit; a process that takes longer is killed, another started.
        title: what is done, for the progress that is shown.
        """
        answers: list[Any] = [None] * len(items)
        tasks = deque(range(0, len(items), chunk))
        wanted = min(self.processes, len(tasks))
        with self._here():
            workers = [self._idle.pop() if self._idle else _Worker() for _ in range(wanted)]
            self._all.update(workers)
        errors: list[BaseException] = []
        done: list[int] = []  # items of each task that was finished

        def work(worker: _Worker) -> None:
            try:
                while not errors:
                    try:
                        start = tasks.popleft()
                    except IndexError:
                        return
                    part = items[start : start + chunk]
                    answers[start : start + len(part)] = worker.answers(function, part)
                    done.append(len(part))
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(worker,), daemon=True) for worker in workers]
        for thread in threads:
            thread.start()
        try:
            with progress(title, len(items)) as tick:
                _watch(threads, workers, seconds, lambda: tick(sum(done) - tick.done))
        except BaseException:  # an interrupt: what is under way is of no use to anybody
            errors.append(KeyboardInterrupt())
            for worker in workers:
                worker.retire()
            raise
        with self._here():
            self._idle += workers
        if errors:
            raise errors[0]
        return answers

    def abandon(self) -> None:
        """End all processes; a call that is under way in a thread fails."""
        with self._here():
            workers = list(self._all)
        for worker in workers:
            worker.retire()
        self.close()

    def close(self) -> None:
        """End the idle processes; another call starts new ones."""
        with self._here():
            workers, self._idle = self._idle, []
        for worker in workers:
            worker.close()


def _watch(threads: list[threading.Thread], workers: "list[_Worker]", seconds: float, look: Callable[[], None]) -> None:
    """Wait for the threads, kill whoever takes too long, and `look` how far they are."""
    # Short pauses also without a limit: RDKit leaves SIGINT such that it does not end a wait.
    pause = min(0.1, seconds / 4) if seconds else 0.1
    for thread in threads:
        thread.join(pause)
        while thread.is_alive():
            now = time.monotonic()
            for worker in workers if seconds else ():
                worker.kill_if_late(now, seconds)
            look()
            thread.join(pause)


@dataclass(eq=False)
class _Worker:
    """One process, started anew when it has died."""

    process: subprocess.Popen | None = None
    since: float = 0.0  # when it last told something; 0 while it owes nothing
    late: bool = False
    begun: bool = False
    retired: bool = False  # starts no process any more
    owner: int = field(default_factory=os.getpid)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answers(self, function: Callable, items: Sequence) -> list:
        """The answers of all items, over as many processes as it takes."""
        told: list[Any] = []
        careful, deaths, starts = False, 0, 0  # deaths: on the present item, while one at a time is told
        while len(told) < len(items):
            before, self.begun = len(told), False
            reason = self._ask(function, items[before:], careful, told)
            if not reason:
                return told
            if not self.begun:
                starts += 1
                if starts == _STARTS:
                    raise RuntimeError(f"the processes that should work cannot start: {reason}.")
                continue
            deaths = 0 if len(told) > before else deaths
            deaths, starts = deaths + careful, 0
            if careful and (self.late or deaths == _TRIES):
                told.append(Failure(reason, died=not self.late))
                deaths = 0
            careful = True
        return told

    def _ask(self, function: Callable, items: Sequence, careful: bool, told: list) -> str:
        """Have the answers appended to `told`; gives why the process ended before it told all, or nothing."""
        process = self._started()
        self.late, missing = False, len(items)
        try:
            _send(process.stdin, (function, items, careful))
            trouble = pickle.load(process.stdout)  # pyright: ignore
            if trouble:
                raise RuntimeError(f"the processes that should work cannot start: {trouble}.")
            self.begun = True
            while missing:
                self.since = time.monotonic()
                new = pickle.load(process.stdout)  # pyright: ignore
                told += new
                missing -= len(new)
            return ""
        except (EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
            if isinstance(error, ValueError) and process.poll() is None and not self.retired:
                raise  # not of a pipe that was closed while it was read
            code = self.close()
            return "took longer than its time limit" if self.late else f"its process died ({ending(code)})"
        finally:
            self.since = 0.0

    def kill_if_late(self, now: float, seconds: float) -> None:
        """Kill the process if it has told nothing for longer than an item may take."""
        with self.lock:
            since, process = self.since, self.process
            if since and process is not None and now - since > seconds + _TELL_EVERY:
                self.late = True
                process.kill()

    def _started(self) -> subprocess.Popen:
        if self.process is not None and self.process.poll() is not None:
            self.close()
        with self.lock:
            if self.retired:
                raise RuntimeError("this process was given up.")
            if self.process is None:
                environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), _WITHIN: "1"}
                environment.setdefault("OMP_NUM_THREADS", "1")
                command = [sys.executable, "-c", "from gancore.io.process_pool import serve; serve()"]
                pipe = subprocess.PIPE
                self.process = subprocess.Popen(
                    command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment
                )
                atexit.register(self.close)
            return self.process

    def retire(self) -> None:
        """End the process for good."""
        with self.lock:
            self.retired = True
        self.close()

    def leave(self) -> None:
        """In a fork: let go of the process, which works for another program."""
        process, self.process = self.process, None
        if process is not None:
            process.returncode = 0  # nothing to wait for
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()  # pyright: ignore

    def close(self) -> int:
        """End the process; gives its exit code. A fork leaves the process to whoever started it."""
        if self.owner != os.getpid():
            return 0
        with self.lock:
            process, self.process = self.process, None
        if process is None:
            return 0
        atexit.unregister(self.close)
        process.kill()
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # what it was not told any more
                pipe.close()  # pyright: ignore
        return code


def _send(stream: Any, message: Any) -> None:
    pickle.dump(message, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


def serve() -> None:
    """What a process of the pool does: answer requests on standard input until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not get among the answers
    while True:
        try:
            function, items, careful = pickle.load(requests)
        except EOFError:
            return
        except Exception as error:
            _send(answers, f"{type(error).__name__}: {error}")
            return
        _send(answers, "")
        ready: list[Any] = []
        told = time.monotonic()
        for item in items:
            try:
                ready.append(function(item))
            except Exception as error:
                ready.append(Failure(f"{type(error).__name__}: {error}"))
            now = time.monotonic()
            if careful or now - told > _TELL_EVERY:
                _send(answers, ready)
                ready, told = [], now
        if ready:
            _send(answers, ready)
