import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import pytest

from gancore.io.process_pool import Failure, Pool


@pytest.fixture
def two():
    with_limit = Pool(2)
    yield with_limit
    with_limit.close()


MODULE = """
import os, time
from gancore.io.process_pool import usable_processes

def misbehave(how, item):
    if item == 7 and how == "hang":
        time.sleep(60)
    if item == 7 and how == "die":
        os._exit(3)
    if item == 7 and how == "raise":
        raise ValueError("seven")
    if how == "print":
        print("noise" * 1000, flush=True)
    if how == "slow":
        time.sleep(0.01)
    return item * item

def processes(_):
    return usable_processes()
"""


@pytest.fixture
def there(tmp_path, monkeypatch):
    """A module that the processes can import by name."""
    (tmp_path / "misbehaving.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("misbehaving")
    del sys.modules["misbehaving"]


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("hang", "took longer than its time limit"),
        ("die", "its process died (exit code 3)"),
        ("raise", "ValueError: seven"),
        ("print", None),
    ],
)
def test_one_answer_an_item_whatever_a_process_does(two, there, how, reason):
    answers = two.map(partial(there.misbehave, how), list(range(40)), chunk=10, seconds=1.0)
    expected = [item * item for item in range(40)]
    if reason is not None:
        expected[7] = Failure(reason, died=how == "die")
    assert answers == expected


def test_a_killed_process_costs_no_answer(two, there):
    def kill_some():
        for _ in range(6):
            time.sleep(0.3)
            for worker in list(workers):
                if worker.process is not None:
                    os.kill(worker.process.pid, signal.SIGKILL)

    two.map(partial(there.misbehave, ""), [0, 1], chunk=1)
    workers = list(two._idle)
    assert len(workers) == 2
    killer = threading.Thread(target=kill_some)
    killer.start()
    answers = two.map(partial(there.misbehave, "slow"), list(range(400)))
    killer.join()
    assert answers == [item * item for item in range(400)]


def test_an_interrupt_ends_the_processes_for_good(two, there, monkeypatch):
    started = []
    popen = subprocess.Popen

    def noted(*given, **named):
        started.append(popen(*given, **named))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", noted)
    threading.Timer(1.5, os.kill, [os.getpid(), signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        two.map(partial(there.misbehave, "slow"), list(range(2000)), chunk=1000)
    time.sleep(1.0)
    assert len(started) == 2
    assert all(process.poll() == -signal.SIGKILL for process in started)
    assert two.map(partial(there.misbehave, ""), [3]) == [9]


def test_processes_that_cannot_start_are_told_once(two, there, tmp_path):
    function = partial(there.misbehave, "")
    (tmp_path / "misbehaving.py").unlink()
    with pytest.raises(RuntimeError, match="cannot start: ModuleNotFoundError: No module named"):
        two.map(function, [1, 2, 3])


def test_processes_are_started_once(two):
    started = {worker.process.pid for worker in (two.map(abs, [1, 2], chunk=1), two._idle)[1]}
    two.map(abs, [3, 4], chunk=1)
    assert {worker.process.pid for worker in two._idle} == started


def test_within_a_pool_there_is_one_process(there):
    one = Pool(1)
    assert one.map(there.processes, [None]) == [1]
    one.close()


def test_a_pool_that_is_abandoned_ends_a_call_under_way(two, there):
    told = []

    def call():
        try:
            two.map(partial(there.misbehave, "hang"), [7, 7], chunk=1)
        except RuntimeError as error:
            told.append(str(error))

    calling = threading.Thread(target=call)
    calling.start()
    while len(two._all) < 2 or any(worker.process is None for worker in two._all):
        time.sleep(0.01)
    begun = time.monotonic()
    two.abandon()
    calling.join(30)
    assert time.monotonic() - begun < 30
    assert told == ["this process was given up."]
