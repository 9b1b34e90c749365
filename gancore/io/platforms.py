"""What differs between Linux, macOS and Windows: processor cores, locks, groups of processes, flushing to disk."""

import contextlib
import errno
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gancore.errors import RunError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_LOCK = ".lock"
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOTSUP)


def cores() -> int:
    """Processor cores that this process may use, at least 1; all of the machine where the system does not say."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS and Windows


@contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Hold the lock of a folder; raises BlockingIOError at once when another process, or this one, holds it.

    The lock ends with the process that holds it, however that ends. It is on the folder itself; on Windows, where
    folders have no locks, on a file in it. A file system without locks is trusted.
    """
    if fcntl is None:
        with _file_locked(Path(folder) / _LOCK):
            yield
        return
    held = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError as error:
            if error.errno not in _WITHOUT_LOCKS:
                raise
        yield
    finally:
        os.close(held)


@contextmanager
def only_one(folder: str | Path, who: str) -> Iterator[None]:
    """Hold the lock of a folder; raises RunError, which says that another of its kind (`who`) works there."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locked(folder))
        except BlockingIOError:
            raise RunError(f"{folder}: another {who} is at work there; give another folder, or wait for it.") from None
        yield


@contextmanager
def _file_locked(file: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(file)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise BlockingIOError(errno.EAGAIN, "is locked", str(file)) from None
    try:
        yield
    finally:
        lock.release()
        with contextlib.suppress(OSError):  # someone else holds it already
            file.unlink(missing_ok=True)


def end_all(process: subprocess.Popen) -> None:
    """Kill a process that leads a session of its own (`start_new_session=True`) and what it started; wait for it.

    On Windows, which has no sessions, the tree of processes is killed; what outlived its parent stays.
    """
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all of it has ended
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        quiet = subprocess.DEVNULL
        with contextlib.suppress(OSError):
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], stdout=quiet, stderr=quiet, check=False)
        process.kill()
    process.wait()


def ending(code: int) -> str:
    """How a process ended, in words: the name of the signal that ended it, or its exit code.

    >>> ending(3), ending(-9)
    ('exit code 3', 'SIGKILL')
    """
    try:
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"
    except ValueError:  # a signal without a name, or one that this system lacks
        return f"signal {-code}"


def flush(path: str | Path) -> None:
    """Have a file, or the names in a folder, written to disk; Windows keeps the names of a folder by itself."""
    if os.name == "nt" and os.path.isdir(path):
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
