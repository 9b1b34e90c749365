"""What other systems lack is taken away here; the programs then work as they should there."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest

import gancore.io.platforms as systems
from gancore.errors import RunError
from gancore.facade import doctor
from gancore.io.process_pool import Pool
from gancore.runs.folder import alone

WITHOUT = """
import os, signal, sys
sys.modules["fcntl"] = sys.modules["resource"] = None  # importing either now fails, as it does on Windows
for module, name in ((os, "sched_getaffinity"), (os, "killpg"), (os, "fork"), (signal, "SIGKILL")):
    delattr(module, name)
"""


def test_cores_where_the_system_does_not_tell_which_may_be_used(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert systems.cores() == Pool().processes == 6
    (finding,) = doctor.examine([doctor.processors])
    assert finding.state != "fault"
    assert finding.found.startswith("usable cores 6,")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert systems.cores() == 1


def test_both_programs_without_what_windows_lacks(tmp_path):
    """A run is trained, kept from a second training meanwhile, and sampled from; the doctor finds no fault."""
    lines = tmp_path / "mols.smi"
    lines.write_text("CCO\nCCN\nCCC\nC1CC1O\nCCCO\n")
    code = f"""{WITHOUT}
import contextlib, io, json
from gancore.errors import RunError
from gancore.runs.folder import alone
from molgan import Config, MolGAN
from molgan.__main__ import main

out = {str(tmp_path / "run")!r}
few = ["steps=1", "pretrain.steps=1", "device=cpu", "model.generator=[8]", "model.critic=[8]", "model.encoder=[8]"]
MolGAN(Config.load("default", few)).fit({str(lines)!r}, out=out, quiet=True)
told = {{"draws": len(MolGAN.load(out).sample(3)), "left": os.path.exists(out + "/.lock")}}
with alone(out):
    told["there"] = os.path.exists(out + "/.lock")
    try:
        MolGAN(Config.load("default", few)).fit({str(lines)!r}, out=out, quiet=True, resume=True)
    except RunError as error:
        told["second"] = str(error)
sys.argv = ["molgan", "doctor", "--json"]
printed = io.StringIO()
with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
    main()
told["faults"] = [row for row in json.loads(printed.getvalue()) if row["state"] == "fault"]
import seqgan.gan, molgan.reporting.page, molgan.scoring.plugins, gancore.training.run
print(json.dumps(told))
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["draws"] == 3
    assert told["faults"] == []
    assert "another training is at work there" in told["second"]
    assert told["there"]
    assert not told["left"]


def test_the_lock_is_a_file_where_folders_have_none(tmp_path, monkeypatch):
    monkeypatch.setattr(systems, "fcntl", None)
    with alone(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [".lock"]
        with pytest.raises(RunError, match="another training is at work there"), alone(tmp_path):
            pass
    assert not list(tmp_path.iterdir())
    with alone(tmp_path):
        pass


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.EIO])
def test_a_file_system_without_locks_is_trusted(tmp_path, monkeypatch, code):
    def refuse(opened, how):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(systems.fcntl, "flock", refuse)
    if code == errno.EIO:
        with pytest.raises(OSError, match="Input/output"), systems.locked(tmp_path):
            pass
        return
    with systems.locked(tmp_path):
        pass


@pytest.mark.parametrize("killpg", [True, False], ids=["sessions", "no sessions"])
def test_a_process_is_ended_and_waited_for(monkeypatch, killpg):
    asked = []
    run = subprocess.run
    if not killpg:
        monkeypatch.delattr(os, "killpg")
        monkeypatch.setattr(subprocess, "run", lambda command, **named: asked.append(command))
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    began = time.monotonic()
    systems.end_all(process)
    assert time.monotonic() - began < 10
    assert process.returncode == -signal.SIGKILL
    assert asked == ([] if killpg else [["taskkill", "/T", "/F", "/PID", str(process.pid)]])
    systems.end_all(process)  # a second time does no harm, and kills nobody
    assert len(asked) == (not killpg)
    assert subprocess.run is run or not killpg


def test_how_a_process_ended():
    assert [systems.ending(code) for code in (0, 3, -9, -15, 3221225477)] == [
        *("exit code 0", "exit code 3", "SIGKILL", "SIGTERM", "exit code 3221225477"),
    ]
    assert systems.ending(-63) == "signal 63"


def test_flushing_where_folders_cannot_be_opened(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("x")
    opened = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, flags: opened.append((path, flags)) or real(path, flags))
    systems.flush(str(file))
    systems.flush(str(tmp_path))
    monkeypatch.setattr(os, "name", "nt")
    systems.flush(str(file))
    systems.flush(str(tmp_path))
    monkeypatch.undo()
    assert opened == [(str(file), os.O_RDONLY), (str(tmp_path), os.O_RDONLY), (str(file), os.O_RDWR)]
