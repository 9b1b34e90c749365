"""The report page of texts: what is on it, and that it loads and runs nothing."""

import json
import re
from html.parser import HTMLParser

import pytest

import seqgan
from gancore.errors import ConfigError, DataError
from gancore.reporting.charts import trade_off
from seqgan.__main__ import main
from seqgan.data.grammar import corpus
from seqgan.reporting.samples import marked, repeat_rows, sample_rows, span_rows
from seqgan.text.splitting import Tokens
from seqgan.text.vocabulary import Vocabulary

LINES = list(dict.fromkeys(corpus(400)))
NASTY = "<script>alert('x')</script>"
WORDS = Tokens.of("word")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "run"
    settings = ["recipe=mle", "likelihood.epochs=6", "model.width=32", "data.test=0.2"]
    seqgan.SeqGAN(seqgan.Config.load("small", settings)).fit(LINES, out=folder, quiet=True)
    return folder


@pytest.fixture(scope="module")
def made(run):
    return seqgan.report(run, train=LINES, n=60, top=20, temperatures=(0.5, 1.0))


class Checked(HTMLParser):
    """Every element is closed in its order; tags and attributes that could load or run something are noted."""

    def __init__(self, page):
        super().__init__()
        self.open, self.loads = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag != "meta":
            self.open.append(tag)
        self.loads += [tag] * (tag in ("script", "link", "img", "iframe"))
        self.loads += [name for name, _ in attrs if name in ("src", "style")]
        self.loads += [value for name, value in attrs if name == "href" and not value.startswith("#")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(made):
    checked = Checked(made.page)
    assert checked.open == []
    assert checked.loads == []
    assert "default-src 'none'; style-src 'sha256-" in made.page
    assert "script-src" not in made.page


def test_it_has_every_part(made, run):
    page = made.page
    for figure, estimate in made.figures.items():
        shown = f"<td>{estimate.value:.4f}</td><td>{estimate.low:.4f} to {estimate.high:.4f}</td>"
        assert f'<th scope="row">{figure}</th>{shown}' in page, figure
    for part in (
        "Quality against diversity",
        "Repeated spans",
        "Training",
        "valid/nll",
        "Provenance",
        f"{run}",
        "draws",
    ):
        assert part in page, part
    assert page.count('<div class="sample"><p>') >= 20
    assert "60 texts" in page


def test_the_curve_is_that_of_the_sweep_with_its_intervals(made):
    """A cross for each temperature, and a table with the same figures; real lines stand beside."""
    curve = made.page[made.page.index("curve-title") : made.page.index("spans-title")]
    assert curve.count('class="bar"') == 2
    assert curve.count('class="point"') == 2
    assert curve.count('class="reference"') == 1
    rows = re.findall(r'<th scope="row">(.+?)</th><td>(.+?) \((.+?) to (.+?)\)</td><td>(.+?) \((.+?) to (.+?)\)', curve)
    assert [row[0] for row in rows] == ["temperature 0.5", "temperature 1", "real lines"]
    for row in rows:
        value, low, high, same, same_low, same_high = map(float, row[1:])
        assert low <= value <= high
        assert same_low <= same <= same_high
    assert float(rows[0][4]) > float(rows[1][4]), "a low temperature repeats itself"


def test_each_text_stands_beside_its_nearest_line():
    train = ["the dog saw a cat", "a bird sang", "one two three"]
    rows = sample_rows(["a dog saw a bird", "a bird sang", "zebra"], train, WORDS, 9, 0)
    assert rows[0]["text"] == "a<mark> dog saw a</mark> bird"
    assert rows[0]["nearest"] == "the<mark> dog saw a</mark> cat"
    assert (rows[0]["shared"], rows[0]["copied"]) == (3, False)
    assert (rows[1]["shared"], rows[1]["copied"]) == (3, True)
    assert rows[1]["nearest"] == "<mark>a bird sang</mark>"
    assert (rows[2]["nearest"], rows[2]["shared"]) == (None, 0)
    assert len(sample_rows(LINES, None, WORDS, 7, 0)) == 7


def test_repeated_spans_are_marked_twice():
    rows = repeat_rows(["a b c d a b", "x y", "a b c d a b"], WORDS)
    assert rows == [{"text": "<mark>a b</mark> c d<mark> a b</mark>", "tokens": 2}]
    spans = span_rows(["a b c d e", "z a b c d"], ["a b c d"] * 3 + ["x"], WORDS)
    assert spans == [{"span": "a b c d", "share": "1.0000", "reference": "0.7500"}]


def test_what_is_in_a_text_stays_text():
    page = seqgan.report([f"{NASTY} a b", f"{NASTY} c", "a b", "c"], train=[f"x {NASTY}"], reference=LINES).page
    assert "<script" not in page
    assert "<mark>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</mark>" in page
    assert Checked(page).open == []


def test_other_tokens_read_as_they_are():
    assert marked(["C", "C", "O"], 1, 2, Tokens.of("smiles")) == "C<mark>CO</mark>"
    pairs = Vocabulary.of(["über über alles"] * 9, "bpe", max_size=280)
    chosen = Tokens.of(pairs)
    assert "".join(chosen.pieces(pairs.split("alles"))) == "alles"


def test_a_file_has_no_curve_and_its_digest(tmp_path):
    (tmp_path / "new.txt").write_text("\n".join(LINES[:40]))
    page = seqgan.report(tmp_path / "new.txt", reference=LINES[40:]).page
    assert "Quality against diversity" not in page
    assert "nearest" not in page
    assert "sha256" in page


def test_what_cannot_be_reported_on(tmp_path, run):
    with pytest.raises(ConfigError, match="Texts: give a reference"):
        seqgan.report(LINES)
    with pytest.raises(ConfigError, match="condition: is requested of draws of a model"):
        seqgan.report(LINES, reference=LINES, condition={"label": "a"})
    with pytest.raises(ConfigError, match="lower: the model has tokens and case of its own"):
        seqgan.report(run, lower=True)
    with pytest.raises(DataError, match="too little to evaluate"):
        seqgan.report(["a", "b"], reference=LINES)
    (tmp_path / "blank.txt").write_text("\n\n")
    with pytest.raises(DataError, match="train: holds no lines"):
        seqgan.report(LINES, train=tmp_path / "blank.txt", reference=LINES)


def test_the_command_writes_it(tmp_path, run, command_line):
    call = command_line("seqgan", main)
    out = tmp_path / "page.html"
    code, printed, _ = call("report", run, "--out", out, "-n", "20", "--temperature", "1", "--judge", run, "--json")
    assert code == 0
    found = json.loads(printed)
    assert found["page"] == str(out)
    assert found["figures"]["generative-perplexity"]["value"] > 1
    assert "mauve" in out.read_text()
    code, _, told = call("report", run, "--out", run / "held_out.txt", "--reference", run / "held_out.txt")
    assert code
    assert "is what is read from" in told


def test_a_chart_with_intervals_by_hand():
    """Two points whose intervals span the axes: the crosses reach their ends."""
    ends = [((0.0, 0.5), (0.0, 0.5)), ((0.5, 1.0), (0.5, 1.0))]
    chart = trade_off("t", [(0.0, 0.0, "a"), (1.0, 1.0, "b")], ends, (0.5, 0.5, "r"))
    bars = re.findall(r'class="bar" d="M([\d.]+),([\d.]+)H([\d.]+)M[\d.]+,([\d.]+)V([\d.]+)"', chart)
    circles = re.findall(r'class="(\w+)" cx="([\d.]+)" cy="([\d.]+)"', chart)
    assert [kind for kind, _, _ in circles] == ["point", "point", "reference"]
    assert bars[0][0] == circles[0][1]
    assert bars[0][2] == bars[1][0] == circles[2][1]
    assert bars[0][4] == bars[1][3] == circles[2][2]
