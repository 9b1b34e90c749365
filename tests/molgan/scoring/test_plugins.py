import json
import stat
import sys
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from gancore.errors import ConfigError
from molgan.scoring.definition import QED_ALONE, Component, PluginConfig, ScoreConfig
from molgan.scoring.desirability import Desirability
from molgan.scoring.scorer import Scorer

UP = Desirability("maximize", low=0.0, high=1.0)


def plugged(tmp_path, script, **settings):
    """A scorer whose only component is a program."""
    program = tmp_path / "program.py"
    program.write_text(f"#!{sys.executable}\nimport os, sys, time\nlines = sys.stdin.read().split()\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    plugin = PluginConfig(command=(str(program),), **{"seconds": 5.0, "retries": 0} | settings)
    return Scorer(ScoreConfig(components=(Component("plugin", UP, name="docking", plugin=plugin),)))


HANG = "time.sleep(60) if 'CCO' in lines else print(*[.5] * len(lines), sep='\\n')"
BAD = "print(*['rubbish' if line == 'CCO' else .5 for line in lines], sep='\\n')"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("print(*[.5] * len(lines), sep='\\n')", None),
        (HANG, "docking: took longer than 0.5 s"),
        (
            "sys.exit('broken') if 'CCO' in lines else print(*[.5] * len(lines), sep='\\n')",
            "docking: ended with exit code 1: broken",
        ),
        (
            "os.kill(os.getpid(), 9) if 'CCO' in lines else print(*[.5] * len(lines), sep='\\n')",
            "docking: ended with exit code -9",
        ),
        (BAD, "docking: gave 'rubbish', which is no number"),
        ("sys.stdout.write('.5\\n' * sum(line != 'CCO' for line in lines))", "docking: gave 0 numbers for 1 molecules"),
        ("print(*['nan' if line == 'CCO' else .5 for line in lines], sep='\\n')", "docking: gave nan"),
    ],
)
def test_a_program_that_misbehaves_costs_only_its_molecule(tmp_path, script, reason):
    frame = plugged(tmp_path, script, seconds=0.5).frame(["C", "CC", "CCO", "CCC"])
    assert frame["reason"].tolist() == ["", "", reason or "", ""]
    assert frame["score"].fillna(-1).tolist() == [0.5, 0.5, -1 if reason else 0.5, 0.5]


def test_a_program_that_never_works_is_given_up(tmp_path):
    start = time.monotonic()
    frame = plugged(tmp_path, "time.sleep(60)", seconds=0.5).frame(["C" * n for n in range(1, 40)])
    assert time.monotonic() - start < 20
    assert set(frame["reason"]) == {"docking: took longer than 0.5 s"}


def test_what_a_program_started_is_killed_with_it(tmp_path):
    marker = tmp_path / "pid"
    script = f"""
import subprocess
child = subprocess.Popen(['sleep', '60'])
open({str(marker)!r}, 'w').write(str(child.pid))
time.sleep(60)"""
    plugged(tmp_path, script, seconds=1.0).frame(["C"])
    time.sleep(0.2)
    state = Path(f"/proc/{marker.read_text()}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"  # dead, though nobody has asked how it ended


def test_a_program_that_is_not_there(tmp_path):
    plugin = PluginConfig(command=("no-such-program",), retries=0)
    frame = Scorer(ScoreConfig(components=(Component("plugin", UP, plugin=plugin),))).frame(["C"])
    assert frame["reason"].tolist() == ["plugin: no-such-program cannot be started (No such file or directory)"]


class Service(BaseHTTPRequestHandler):
    def do_POST(self):
        smiles = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["smiles"]
        if "N" in smiles:
            self.send_error(500)
            return
        answer = json.dumps({"scores": [0.25 if text != "O" else None for text in smiles]}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def test_a_service_is_asked_and_its_failures_told():
    server = HTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    plugin = PluginConfig(url=url, seconds=5.0, retries=0)
    frame = Scorer(ScoreConfig(components=(Component("plugin", UP, plugin=plugin),))).frame(["C", "N", "O"])
    server.shutdown()
    server.server_close()
    assert frame["reason"].tolist() == [
        "",
        "plugin: answered with status 500",
        "plugin: gave 'None', which is no number",
    ]
    frame = Scorer(ScoreConfig(components=(Component("plugin", UP, plugin=plugin),))).frame(["C"])
    assert "cannot be reached" in frame["reason"][0]


def test_a_function_of_the_users_is_a_property(tmp_path, monkeypatch):
    (tmp_path / "my_models.py").write_text(
        "def length(smiles):\n    if 'CCO' in smiles: raise ValueError('no oxygen')\n"
        "    return [len(text) / 10 for text in smiles]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    plugin = PluginConfig(function="my_models:length", retries=0)
    component = Component("plugin", UP, name="length", plugin=plugin)
    scorer = Scorer(ScoreConfig(components=(QED_ALONE, component)))
    frame = scorer.frame(["CC", "CCO", "CCCC"])
    assert frame["length"].fillna(-1).tolist() == [0.2, -1, 0.4]
    assert frame["reason"].tolist() == ["", "length: raised ValueError: no oxygen", ""]
    with pytest.raises(ConfigError, match=r"plugin.function = 'my_models:width': cannot be imported"):
        Scorer(replace(scorer.definition, components=(replace(component, plugin=PluginConfig("my_models:width")),)))
