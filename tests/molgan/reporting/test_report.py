import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem import Crippen

import molgan
from gancore.errors import ConfigError, DataError
from gancore.io.notes import Note
from gancore.reporting.charts import curve, histogram
from molgan.data.dataset import as_rows, embedded
from molgan.gan import MolGAN
from molgan.library.drawing import draw, svg

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NASTY = "<script>document.title='run'</script>"


class Browser:
    """A headless Chromium, spoken to over two pipes; it notes what its page asks for, logs and pops up."""

    def __init__(self, folder):
        (there, self.tell), (self.hear, here) = os.pipe(), os.pipe()
        quiet = ("disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-sync")
        command = [CHROMIUM, "--headless", "--no-sandbox", *(f"--{flag}" for flag in quiet)]
        command += ["--disable-component-update", "--remote-debugging-pipe", f"--user-data-dir={folder}"]
        launch = "import os, sys; one, other, *rest = sys.argv[1:]; os.dup2(int(one), 3); os.dup2(int(other), 4); "
        launch += "os.execv(rest[0], rest)"
        command = [sys.executable, "-c", launch, str(there), str(here), *command]
        nowhere = subprocess.DEVNULL
        self.process = subprocess.Popen(command, pass_fds=(there, here), stdout=nowhere, stderr=nowhere)
        os.close(there)
        os.close(here)
        self.events, self.rest, self.number, self.session = [], b"", 0, None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def _next(self):
        while b"\0" not in self.rest:
            part = os.read(self.hear, 1 << 20)
            assert part, "the browser has gone"
            self.rest += part
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def ask(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.tell, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def open(self, path):
        self.ask("Page.navigate", url=path.resolve().as_uri())
        end = time.monotonic() + 30
        while self.value("document.readyState") != "complete" or not self.value("!!document.querySelector('#count')"):
            assert time.monotonic() < end
            time.sleep(0.05)

    def value(self, expression):
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def click(self, selector):
        box = f"document.querySelector({selector!r})"
        self.value(f"{box}.scrollIntoView({{block: 'center'}})")
        x, y = self.value(f"(r => [r.x + r.width / 2, r.y + r.height / 2])({box}.getBoundingClientRect())")
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def choose(self, selector, value):
        box = f"document.querySelector({selector!r})"
        self.value(f"{box}.value = {value!r}; {box}.dispatchEvent(new Event('input', {{bubbles: true}}))")

    def type(self, selector, text):
        self.value(f"document.querySelector({selector!r}).select()")
        self.ask("Input.insertText", text=text)

    def seen(self, method):
        return [event["params"] for event in self.events if event.get("method") == method]

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.tell)
        os.close(self.hear)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    smiles = as_rows(embedded())
    names = ["", NASTY, *(f"molecule {row}" for row in range(118))]
    lines = [f"{text} {name}" for text, name in zip(smiles[::1090], names, strict=True)]
    (folder / "some.smi").write_text("\n".join([*lines, "no-molecule"]))
    report = molgan.report(folder / "some.smi", smiles[::2180], smiles[1::2000], substructures={"hydroxyl": "[OX2H]"})
    return report.write(folder / "report.html")


@pytest.fixture(scope="module")
def browser(page, tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    held = Browser(tmp_path_factory.mktemp("chromium"))
    held.ask("Emulation.setDeviceMetricsOverride", width=1400, height=900, deviceScaleFactor=1, mobile=False)
    held.open(page)
    yield held
    held.close()


def shown(browser):
    return browser.value("[...document.querySelectorAll('.molecule .smiles')].map(one => one.textContent)")


def numbers(browser, name):
    cards = browser.value("[...document.querySelectorAll('.molecule .values')].map(one => one.textContent)")
    return [float(re.search(rf"{name} (-?[\d.e-]+)", card)[1]) for card in cards]


def test_nothing_leaves_the_page_and_nothing_goes_wrong(browser):
    asked = [event["request"]["url"] for event in browser.seen("Network.requestWillBeSent")]
    assert len(asked) == 1
    assert asked[0].startswith("file://")
    assert not browser.seen("Runtime.exceptionThrown")
    assert not browser.seen("Log.entryAdded")
    assert not browser.seen("Runtime.consoleAPICalled")


def test_sorting(browser):
    browser.choose("#sort", "logp")
    assert numbers(browser, "logp") == sorted(numbers(browser, "logp"), reverse=True)
    browser.choose("#order", "1")
    assert numbers(browser, "logp") == sorted(numbers(browser, "logp"))
    browser.choose("#order", "-1")
    browser.choose("#sort", "score")
    assert numbers(browser, "score") == sorted(numbers(browser, "score"), reverse=True)


def test_filtering(browser):
    total = len(shown(browser))
    assert total == 60  # a page
    browser.click("#more")
    assert len(shown(browser)) == 120
    browser.click("#novel")
    novel = len(shown(browser))
    assert novel == 60
    assert browser.value("[...document.querySelectorAll('.molecule')].every(one => one.querySelector('.new'))")
    browser.click("#novel")
    browser.choose("#flag", "hydroxyl")
    held = browser.value("document.querySelector('#count').textContent")
    assert 0 < int(held.split()[0]) < 120
    assert all("O" in smiles for smiles in shown(browser))
    browser.choose("#flag", "")
    browser.click("#clean")
    assert not browser.value("document.querySelector('.badge:not(.new)')")
    browser.click("#clean")
    browser.choose("#limit", "0.5")
    assert min(numbers(browser, "score")) >= 0.5
    browser.choose("#limit", "")


def test_searching(browser):
    wanted = shown(browser)[3]
    browser.type("#search", wanted)
    assert wanted in shown(browser)
    assert all(wanted.lower() in smiles.lower() for smiles in shown(browser))
    browser.type("#search", "no such text")
    assert shown(browser) == []
    assert browser.value("document.querySelector('#count').textContent") == "0 of 120 molecules"
    browser.choose("#search", "")


def test_a_name_stays_text(browser):
    browser.choose("#search", "<script>")
    assert browser.value("document.querySelector('.pair p').textContent") == NASTY
    assert browser.value("document.title") == "some.smi"
    browser.choose("#search", "")


def test_the_neighbour_stands_beside(browser):
    assert browser.value("document.querySelectorAll('.molecule:first-child svg').length") == 2
    caption = browser.value("document.querySelectorAll('.molecule:first-child .pair p')[1].textContent")
    assert re.fullmatch(r"nearest in training: [01]\.\d\d", caption)


@pytest.mark.parametrize("width", [1400, 400])
def test_the_page_fits_its_window(browser, width):
    browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    assert browser.value("document.documentElement.scrollWidth") <= width
    picture = base64.b64decode(browser.ask("Page.captureScreenshot")["data"])
    assert picture.startswith(b"\x89PNG")


def test_everything_can_be_reached_by_keyboard(browser, page):
    reached = []
    browser.open(page)
    for _ in range(14):
        for kind in ("keyDown", "keyUp"):
            browser.ask("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(browser.value("document.activeElement.id || document.activeElement.className"))
    assert {"skip", "scroll", "search", "sort", "order", "flag", "limit", "novel", "clean", "molecule"} <= set(reached)


def test_the_page_without_a_browser(page):
    text = page.read_text()
    assert NASTY not in text
    assert "default-src 'none'" in text
    assert not re.search(r"""(?:src|href)=["'](?!#)""", text)
    assert "120 of them" not in text
    for part in ("121 strings, 120 distinct molecules", "moses/snn", "sha256", "95% interval", "qed"):
        assert part in text
    assert page.stat().st_size * 1000 / 120 < 5_000_000


def test_a_run_has_curves_and_its_configuration(tmp_path, small_config, qm9_smiles):
    MolGAN(small_config).fit(qm9_smiles, out=tmp_path / "run", quiet=True)
    text = molgan.report(tmp_path / "run", n=200).page
    assert "sample/unique" in text
    assert "<polyline" in text
    assert "min_atom_share" in text
    assert "Run run" in text
    assert molgan.report(["CCO"])._repr_html_().startswith("<iframe srcdoc=")


def test_a_request_is_measured_at_each_guidance(tmp_path, qm9_smiles):
    few = ["pretrain.steps=5", "critic.pretrain=1", "model.recurrent=16"]
    rows = pd.DataFrame({"smiles": qm9_smiles[:80], "series": ["a", "b"] * 40})
    gan = MolGAN(molgan.Config.load("conditional", few))
    gan.fit(rows, condition=["logp", "series"], out=tmp_path / "run", quiet=True)
    request = {"logp": 1.0, "series": "a"}
    asked = {"condition": request, "tolerance": {"logp": 0.5}, "guidance": (1.0, 2.0)}
    with pytest.warns(Note, match="condition series: cannot be worked out from a molecule"):
        made = molgan.report(tmp_path / "run", None, qm9_smiles[80:160], n=60, **asked)
    assert {"requested/logp/error", "requested/logp/within"} <= set(made.figures)
    section = made.page[made.page.index("Request and guidance") :]
    drawn = [text for text in gan.sample(60, condition=request, guidance=2.0) if text]
    error = np.mean([abs(Crippen.MolLogP(Chem.MolFromSmiles(text)) - 1.0) for text in drawn])
    cells = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", section[: section.index("</table>")])
    columns = cells.index("1")
    second = dict(zip(cells[:columns], cells[2 * columns :], strict=False))
    assert second["guidance"] == "2"
    assert float(second["requested/logp/error"]) == pytest.approx(error, abs=1e-4)
    assert float(second["fcd"]) > 0
    assert "logp: error by FCD, at each guidance" in section
    with pytest.raises(ConfigError, match="guidance: is of draws of a model"):
        molgan.report(["CCO"], guidance=(2.0,))


def test_what_cannot_be_reported_on():
    with pytest.raises(DataError, match="Molecules: holds no valid molecule to report on"):
        molgan.report(["no", None])
    with pytest.raises(ConfigError, match=r"report: '\(' \(odd\) is no SMARTS"):
        molgan.report(["CCO"], substructures={"odd": "("})


def test_drawings_are_small_and_whole():
    paths, texts = draw("CC(=O)Oc1ccccc1C(=O)[O-]")
    assert "".join(text[4] for text in texts) == "OOO-O" or len(texts) == 5
    assert len(json.dumps((paths, texts))) < 1500
    assert svg("C[C@H](N)F").count("<text") >= 2
    assert draw("C") == ([], draw("C")[1])


def test_charts_of_odd_values():
    assert "NaN" not in histogram("none", [], None)
    assert "nan" not in histogram("equal", [1.0, 1.0], [1.0, float("nan")])
    assert "nan" not in curve("flat", [(1, 0.5), (2, 0.5), (3, float("nan"))], [2])
    assert "&lt;b&gt;" in histogram("<b>", [1.0, 2.0], None)


def test_a_training_file_with_a_header_line(tmp_path):
    (tmp_path / "train.smi").write_text("SMILES\nCCO\nCCN\nno molecule\n")
    page = molgan.report(["CCO", "CCCO"], train=tmp_path / "train.smi").page
    assert "Of the training molecules 1 cannot be read." in page, "the header is none of them"
