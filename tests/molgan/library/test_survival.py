"""Runs that are killed, and processes and clusters whose workers are: the library is the same as without."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

import molgan
from gancore.errors import ConfigError, RunError
from molgan.library import workers as module
from molgan.library.settings import LibraryConfig

HERE = Path(__file__).parent
WHERE = "qed > 0.4 and logp < 3"
CONFIG = LibraryConfig(n=400, where=WHERE, draws=50, workers=1)


@pytest.fixture
def whole(samplers, tmp_path, content):
    """What the library of `n` molecules is when nothing happens to it."""

    def made(n):
        return content(molgan.library(samplers.draw, n, tmp_path / f"whole-{n}", config=CONFIG, quiet=True).folder)

    return made


def killed(folder, kills, n):
    words = [sys.executable, str(HERE / "kills.py"), str(folder), str(kills), str(n)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return int(done.stdout.split()[-1])


@pytest.mark.parametrize(
    ("kills", "n"), [(6, 300), pytest.param(50, 1500, marks=pytest.mark.slow)], ids=["some", "fifty"]
)
def test_a_killed_run_goes_on_to_the_same_library(kills, n, whole, samplers, tmp_path, content):
    assert killed(tmp_path / "killed", kills, n) >= kills // 2, "most kills come while it works"
    assert content(tmp_path / "killed") == whole(n)
    assert not list((tmp_path / "killed" / ".work").glob("*.parquet*"))


def processes_of(parent):
    """The processes that a process started."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False)
    return [int(text) for text in listed.stdout.split()]


@pytest.mark.parametrize("workers", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_several_processes_make_the_same_also_where_one_is_killed(workers, whole, samplers, tmp_path, content):
    words = [sys.executable, "-m", "molgan", "library", "samplers:slow", "-n", "400", "--where", WHERE]
    words += ["--out", str(tmp_path / "lib"), "--draws", "50", "--workers", str(workers), "--quiet", "--json"]
    run = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert wait_for(lambda: list((tmp_path / "lib" / ".work").glob("*.parquet")), run)
    for worker in processes_of(run.pid)[:1]:
        os.kill(worker, signal.SIGKILL)
    _, error = run.communicate(timeout=120)
    assert run.returncode == 0, error
    assert content(tmp_path / "lib") == whole(400)


def wait_for(there, process, seconds=90):
    """Whether something is there in the end, while a process runs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        if there():
            return True
        time.sleep(0.02)
    return bool(there())


def test_a_function_of_a_program_is_not_sent_to_processes(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be sent to other processes .*; put it into a module, or set work"):
        molgan.library(lambda n, seed: ["CCO"] * n, 1, tmp_path / "lib", workers=2, quiet=True)


# A Dask cluster -----------------------------------------------------------------------------------


@pytest.fixture
def cluster(samplers):
    """`cluster(workers)`: the address of a scheduler, its process, and those of its workers, one thread each."""
    pytest.importorskip("distributed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    started = []

    def start(*words):
        quiet = subprocess.DEVNULL
        started.append(subprocess.Popen([sys.executable, "-m", *words, "--no-dashboard"], stdout=quiet, stderr=quiet))
        return started[-1]

    def begin(workers):
        scheduler = start("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2])
        words = ("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny")
        return address, scheduler, [start(*words) for _ in range(workers)]

    yield begin
    for process in started:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()


def test_a_cluster_makes_the_same_also_where_two_of_three_workers_are_killed(
    cluster, whole, samplers, tmp_path, content
):
    address, _, workers = cluster(3)
    words = [sys.executable, "-m", "molgan", "library", "samplers:slow", "-n", "1000", "--where", WHERE]
    words += ["--out", str(tmp_path / "lib"), "--draws", "50", "--scheduler", address, "--quiet", "--json"]
    run = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert wait_for(lambda: list((tmp_path / "lib" / ".work").glob("*.parquet")), run)
    for worker in workers[:2]:
        worker.kill()
    _, error = run.communicate(timeout=180)
    assert run.returncode == 0, error
    assert error == ""
    assert content(tmp_path / "lib") == whole(1000)


def test_a_scheduler_that_disappears_is_one_sentence(cluster, whole, samplers, tmp_path, content):
    address, scheduler, _ = cluster(1)
    words = [sys.executable, "-m", "molgan", "library", "samplers:slow", "-n", "1000", "--where", WHERE]
    words += ["--out", str(tmp_path / "lib"), "--draws", "50", "--quiet"]
    run = subprocess.Popen([*words, "--scheduler", address], stderr=subprocess.PIPE, text=True)
    assert wait_for(lambda: list((tmp_path / "lib" / ".work").glob("*.parquet")), run)
    scheduler.kill()
    _, error = run.communicate(timeout=180)
    assert run.returncode == 1
    assert error.splitlines()[-1].startswith(f"molgan: scheduler {address}: is gone; what was written stays whole")
    assert "Traceback" not in error
    content(tmp_path / "lib")
    assert subprocess.run([*words, "--workers", "1"], check=True, stdout=subprocess.DEVNULL)
    assert content(tmp_path / "lib") == whole(1000)


def test_a_scheduler_that_is_not_there(samplers, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(module, "_ANSWERS", 1)
    with pytest.raises(RunError, match=r"scheduler tcp://127.0.0.1:1: does not answer") as absent:
        molgan.library(samplers.draw, 5, tmp_path / "lib", scheduler="tcp://127.0.0.1:1", quiet=True)
    assert "\n" not in str(absent.value)
