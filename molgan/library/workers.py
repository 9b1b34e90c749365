"""Workers that make the shards: this process, local processes, or a Dask cluster. The task is the same."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from gancore.errors import ConfigError, RunError
from gancore.io.notes import note
from gancore.io.process_pool import Failure, Pool
from gancore.io.progress import hushed
from molgan.library.shards import Failed, Plan, forget_models, make_shard

_TRIES = 5  # how often a shard may take its worker with it
_ANSWERS = 10.0  # seconds within which a scheduler answers
_LOST = 30.0  # seconds between two notes that a cluster has no workers


@runtime_checkable
class Workers(Protocol):
    """What makes shards."""

    @property
    def ahead(self) -> int:
        """Shards that are to be under way at a time."""
        ...

    def ask(self, shard: int) -> None:
        """Have a shard made."""
        ...

    def next(self, seconds: float) -> tuple[int, bytes] | None:
        """A shard that is done, in any order; None where there is none within so many seconds.

        Raises RunError where one cannot be made.
        """
        ...

    def close(self) -> None:
        """Give up what is under way."""
        ...


def workers_of(plan: Plan, processes: int, scheduler: str | None) -> Workers:
    """The workers that are asked for. Raises ConfigError or RunError where there cannot be any."""
    if scheduler is not None:
        return DaskWorkers(plan, scheduler)
    return Processes(plan, processes) if processes > 1 else Here(plan)


class Here:
    """This process, one shard after the other."""

    ahead = 1

    def __init__(self, plan: Plan):
        self._plan, self._asked = plan, []

    def ask(self, shard: int) -> None:
        """Have a shard made when it is waited for."""
        self._asked.append(shard)

    def next(self, seconds: float) -> tuple[int, bytes] | None:
        """Make the shard that was asked for first."""
        if not self._asked:
            return None
        shard = self._asked.pop(0)
        return shard, _made(self._plan, shard, make_shard(self._plan, shard))

    def close(self) -> None:
        """Let go of the model."""
        forget_models()


class Processes:
    """Processes of this machine, each with the model and one thread. One that dies is replaced."""

    def __init__(self, plan: Plan, processes: int):
        self._plan, self._pool = plan, Pool(processes)
        self.ahead = processes + 1
        self._asked: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self._processes = processes
        for _ in range(processes):
            threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        task = _Task(self._plan)
        while (shard := self._asked.get()) is not None:
            try:
                for _ in range(_TRIES):
                    with hushed():  # a thread has a context of its own
                        (answer,) = self._pool.map(task, [shard], chunk=1, title="")
                    if not isinstance(answer, Failure) or not answer.died:
                        break
                self._done.put((shard, answer))
            except BaseException as error:  # told where it is waited for
                self._done.put((shard, error))

    def ask(self, shard: int) -> None:
        """Have a shard made by the next process that is free."""
        self._asked.put(shard)

    def next(self, seconds: float) -> tuple[int, bytes] | None:
        """A shard that is done."""
        try:
            shard, answer = self._done.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(answer, BaseException):
            raise RunError(f"shard {shard}: the processes cannot work ({answer}).") from None
        return shard, _made(self._plan, shard, answer)

    def close(self) -> None:
        """End the processes."""
        for _ in range(self._processes):
            self._asked.put(None)
        self._pool.abandon()


class _Task:
    """`make_shard` of a plan, as processes are given it."""

    def __init__(self, plan: Plan):
        self.plan = plan

    def __call__(self, shard: int) -> bytes | Failed:
        return make_shard(self.plan, shard)


def _made(plan: Plan, shard: int, answer: Any) -> bytes:
    if isinstance(answer, Failed):
        raise answer.error
    if isinstance(answer, Failure):
        raise RunError(
            f"shard {shard} of {plan.source.name}: {answer.reason}; what was written stays whole, and the same command "
            "goes on."
        )
    return answer


class DaskWorkers:
    """The workers of a Dask cluster. A shard whose worker dies is made by another one.

    scheduler: its address. Raises ConfigError where Dask is not installed, RunError where nobody answers there.
    """

    def __init__(self, plan: Plan, scheduler: str):
        try:
            from distributed import Client
        except ImportError:
            raise ConfigError(
                "scheduler: Dask is not installed; pip install 'discretegan[distributed]' here and on the workers."
            ) from None
        names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
        self._levels = {name: logging.getLogger(name).level for name in names}
        for name in names:
            logging.getLogger(name).setLevel(logging.CRITICAL)  # one sentence of ours takes their place
        self._plan, self._address = plan, scheduler
        try:
            self._client = Client(scheduler, timeout=_ANSWERS, set_as_default=False, name="molgan-library")
        except (OSError, TimeoutError, ValueError) as error:
            raise RunError(
                f"scheduler {scheduler}: does not answer ({type(error).__name__}); start one first."
            ) from None
        self._futures: dict[Any, int] = {}
        self._tries: dict[int, int] = {}
        self._done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._working = time.monotonic()  # when there was a worker last

    @property
    def ahead(self) -> int:
        """Two for each thread of each worker, so that none waits; workers may come and go."""
        return 2 * max(1, sum(self._threads().values())) if self._alive else 1

    @property
    def _alive(self) -> bool:
        return self._client.status == "running" and self._client.scheduler is not None

    def _threads(self) -> dict[str, int]:
        """How many threads each worker has. Raises RunError where the scheduler is gone."""
        try:
            return self._client.nthreads()  # pyright: ignore
        except (OSError, TimeoutError):  # the connection ended while it was asked
            raise self._gone() from None

    def ask(self, shard: int) -> None:
        """Have a shard made."""
        self._refuse_gone()
        key = f"{self._client.id}-{shard}-{self._tries.get(shard, 0)}"
        try:
            future = self._client.submit(
                make_shard, self._plan, shard, key=key, pure=False, retries=_TRIES, priority=-shard
            )
        except (OSError, TimeoutError):
            raise self._gone() from None
        self._futures[future] = shard
        future.add_done_callback(self._done.put)

    def next(self, seconds: float) -> tuple[int, bytes] | None:
        """A shard that is done."""
        try:
            future = self._done.get(timeout=seconds)
        except queue.Empty:
            self._refuse_gone()
            self._note_idle()
            return None
        shard = self._futures.pop(future, None)
        if shard is None:
            return None
        if future.status != "finished":
            return self._again(shard, future)
        try:
            return shard, _made(self._plan, shard, future.result(timeout=60))
        except (OSError, TimeoutError):  # its worker died with the answer
            return self._again(shard, future)

    def _again(self, shard: int, future: Any) -> None:
        """A shard that was lost with its workers is asked for again, some times."""
        self._refuse_gone()
        self._tries[shard] = self._tries.get(shard, 0) + 1
        if future.status == "error":
            error = future.exception()
            if type(error).__name__ != "KilledWorker" or self._tries[shard] >= _TRIES:
                raise RunError(
                    f"shard {shard} on {self._address}: {type(error).__name__}: {' '.join(str(error).split())!s:.200}"
                )
        if self._tries[shard] >= 10 * _TRIES:
            raise RunError(f"shard {shard} on {self._address}: lost again and again.")
        self.ask(shard)

    def _note_idle(self) -> None:
        """Say so, now and then, where the cluster has no workers."""
        now = time.monotonic()
        if self._threads():
            self._working = now
        elif now - self._working > _LOST:
            note(f"scheduler {self._address}: has no workers; the run goes on when some have come.")
            self._working = now

    def _refuse_gone(self) -> None:
        if not self._alive:
            raise self._gone()

    def _gone(self) -> RunError:
        return RunError(
            f"scheduler {self._address}: is gone; what was written stays whole, and the same command with a "
            "scheduler that runs, or with --workers, goes on."
        )

    def close(self) -> None:
        """Take back what is under way."""
        for future in list(self._futures):
            self._quietly(future.cancel)
        self._quietly(lambda: self._client.close(timeout=2))
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)

    @staticmethod
    def _quietly(call: Callable[[], Any]) -> None:
        try:
            call()
        except Exception:  # a scheduler that is gone has nothing to take back
            return
