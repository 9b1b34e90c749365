"""Models to share: they draw what the run draws, from a folder, a file or a hub, and say what they are."""

import hashlib
import json
import shutil
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file

import molgan.__main__
import seqgan.__main__
from gancore.errors import RunError, UserError
from gancore.facade import doctor
from gancore.runs import pretrained
from molgan.gan import MolGAN
from seqgan.data.grammar import corpus
from seqgan.gan import SeqGAN

HALVES = {"molgan": MolGAN, "seqgan": SeqGAN}
MAINS = {"molgan": molgan.__main__.main, "seqgan": seqgan.__main__.main}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A short run of each half."""
    home = tmp_path_factory.mktemp("runs")
    few = [
        "steps=2",
        "pretrain.steps=2",
        "model.recurrent=16",
        "model.pair=8",
        "recipe=autoregressive",
        "data.hold_out=0",
    ]
    few += ["critic.pretrain=1", "critic.rejections=2", "model.fingerprint=64"]
    smiles = ["CCO", "CCN", "C1CC1O", "CC(=O)N", "c1ccncc1"] * 4
    MolGAN(molgan.Config.load("default", few)).fit(smiles, out=home / "molgan", quiet=True)
    few = [
        "likelihood.epochs=1",
        "steps=1",
        "critic.pretrain=1",
        "critic.steps=1",
        "policy.rollouts=1",
        "policy.reward=rollout",
        "critic.kind=textcnn",
        "critic.rejections=2",
    ]
    SeqGAN(seqgan.Config.load("small", few)).fit(corpus(60), out=home / "seqgan", quiet=True)
    return home


@pytest.fixture(params=HALVES)
def half(request):
    return request.param


@pytest.fixture
def shared(runs, half, tmp_path):
    HALVES[half].load(runs / half).save_pretrained(tmp_path / "shared", data="Five molecules, or sixty sentences.")
    return tmp_path / "shared"


def test_it_draws_what_the_run_draws(runs, half, shared, tmp_path):
    drawn = HALVES[half].load(runs / half).sample(50, seed=3)
    assert HALVES[half].load(shared).sample(50, seed=3) == drawn
    alone = shutil.copy(shared / "model.safetensors", tmp_path / "alone.safetensors")
    assert HALVES[half].from_pretrained(alone).sample(50, seed=3) == drawn
    small = (shared / "model.safetensors").stat().st_size
    assert small < 0.5 * sum(path.stat().st_size for path in (runs / half).rglob("tensors.safetensors"))


def test_a_compact_one_is_half_as_large_and_rounded(half, runs, shared, tmp_path):
    HALVES[half].load(runs / half).save_pretrained(tmp_path / "compact", compact=True)
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (tmp_path / "compact", shared)]
    assert sizes[0] < 0.75 * sizes[1]  # the vocabulary stays as it is
    rounded, whole = (
        HALVES[half].load(folder).recipe.averaged.state_dict() for folder in (tmp_path / "compact", shared)
    )
    for name, tensor in whole.items():
        assert rounded[name].dtype == tensor.dtype
        torch.testing.assert_close(rounded[name], tensor, rtol=1e-3, atol=1e-6)
    assert len(HALVES[half].load(tmp_path / "compact").sample(3)) == 3


def test_it_can_be_saved_as_a_run_and_shared_again(half, shared, tmp_path):
    gan = HALVES[half].load(shared)
    gan.save(tmp_path / "again")
    HALVES[half].load(tmp_path / "again").save_pretrained(tmp_path / "twice")
    assert (tmp_path / "twice/model.safetensors").read_bytes() == (shared / "model.safetensors").read_bytes()


def test_text_is_tuned_from_a_shared_model(runs, tmp_path):
    SeqGAN.load(runs / "seqgan").save_pretrained(tmp_path / "shared")
    begun = SeqGAN.load(tmp_path / "shared")
    few = ["likelihood.epochs=0", "steps=1", "critic.pretrain=1", "critic.steps=1", "policy.rollouts=1"]
    tuned = SeqGAN(seqgan.Config.load("small", few)).fit(corpus(60), start=begun, quiet=True)
    assert len(tuned.sample(4)) == 4


def test_the_card_says_what_it_is(half, shared):
    card = (shared / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: discretegan\n")
    for part in (
        "Five molecules, or sixty sentences.",
        "## Intended use",
        "## Limits",
        "## Responsible use",
        "sha256",
        "[data]",
        f"{half}.",
    ):
        assert part in card


def test_export_puts_figures_and_log_beside_it(half, runs, tmp_path, command_line):
    call = command_line(half, MAINS[half])
    reference = tmp_path / "real.txt"
    reference.write_text("\n".join(corpus(40) if half == "seqgan" else ["CCO", "CCN", "CCC", "CC(C)O"] * 10))
    option = "--reference" if half == "seqgan" else "--train"
    code, out, err = call("export", runs / half, "--out", "given", option, reference, "-n", 40)
    assert (code, out) == (0, ""), err
    card = (tmp_path / "given/README.md").read_text()
    assert "| unique |" in card
    assert "| 40 |" in card
    assert (tmp_path / "given/metrics.jsonl").read_bytes() == (runs / half / "metrics.jsonl").read_bytes()
    code, _, err = call("export", runs / half, "--out", "given", option, reference, "-n", 40)
    assert (code, err) == (1, f"{half}: given: holds a model already; give another folder, or remove it.\n")
    assert call("generate", "given", "-n", 3, "--out", "new.txt")[0] == 0
    assert call("generate", "given", "-n", 3, "--checkpoint", "best")[0] == 1
    code, _, err = call("export", runs / half, "--out", runs / half)
    assert (code, err.count("is the folder of a run; give another")) == (1, 1)
    assert not (runs / half / "model.safetensors").exists()


def test_a_recipe_without_an_average_is_shared_too(tmp_path):
    few = ["recipe=molgan", "steps=1", "estimator=softmax", "model.generator=[8]"]
    gan = MolGAN(molgan.Config.load("default", few)).fit(["CCO", "CCN", "C1CC1O", "CC(=O)N"] * 4, quiet=True)
    gan.save_pretrained(tmp_path / "shared")
    assert MolGAN.load(tmp_path / "shared").sample(20) == gan.sample(20)


def test_the_card_takes_figures_of_another_judge(runs, tmp_path, command_line):
    """`molgan evaluate` says more of SMILES than the judge of texts can."""
    mine, theirs = (command_line(half, MAINS[half]) for half in ("seqgan", "molgan"))
    (tmp_path / "new.smi").write_text("CCO\nCCN\nC1CC1\nnonsense\n")
    (tmp_path / "figures.json").write_text(theirs("evaluate", "new.smi", "--json")[1])
    export = ("export", runs / "seqgan", "--out", "given", "--figures", "figures.json")
    code, _, err = mine(*export, "--reference", "new.smi")
    assert code == 2
    assert "--figures and --reference" in err
    assert mine(*export)[0] == 0
    assert "| valid | 0.7500 |" in (tmp_path / "given/README.md").read_text()
    (tmp_path / "figures.json").write_text('{"valid": 1}')
    code, _, err = mine(*export[:3], "other", *export[4:])
    assert (code, err) == (1, "seqgan: figures.json: holds no figures: give what `evaluate --json` printed.\n")


def _cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def _flip(path):
    held = bytearray(path.read_bytes())
    held[-5] ^= 1
    path.write_bytes(held)


def _rewritten(change):
    """The file with another table of values, and the digest that belongs to it."""

    def spoil(path):
        pretrained.pack(path, load_file(path), change(pretrained.read(path, path.parent.name).values))

    return spoil


def _metadata(text):
    return lambda path: save_file(load_file(path), path, {"discretegan": text})


def _layer_more(path):
    values = pretrained.read(path, path.parent.name).values
    pretrained.pack(path, load_file(path) | {"averaged/average.more": torch.zeros(3)}, values)


SPOILT = {
    "cut off": _cut,
    "a bit flipped": _flip,
    "no metadata": lambda path: save_file(load_file(path), path),
    "metadata no table": _metadata("[1, 2]"),
    "metadata without end": _metadata("[" * 10_000),
    "another layer": _layer_more,
    "of another half": _rewritten(lambda values: values | {"half": "other"}),
    "no configuration": _rewritten(lambda values: {"half": values["half"]}),
    "huge networks": _rewritten(
        lambda values: (
            values
            | {"config": values["config"] | {"model": values["config"]["model"] | {"pair": 2**40, "width": 2**40}}}
        )
    ),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_what_is_not_whole_is_refused(half, runs, tmp_path, kind):
    folder = tmp_path / half
    HALVES[half].load(runs / half).save_pretrained(folder)
    SPOILT[kind](folder / "model.safetensors")
    with pytest.raises(UserError) as refused:
        HALVES[half].load(folder)
    assert "\n" not in str(refused.value)


def test_a_run_of_the_other_half_is_refused(half, runs):
    (other,) = HALVES.keys() - {half}
    with pytest.raises(RunError, match=f"is a run of {other}, not of {half}"):
        HALVES[half].load(runs / other)


def test_what_is_not_there_is_said_with_what_is(half):
    names = pretrained.bundled(half)
    with pytest.raises(UserError, match="no run here") as refused:
        HALVES[half].load("nowhere")
    assert all(name in str(refused.value) for name in names)


@pytest.fixture
def hub(shared, tmp_path, monkeypatch):
    """A hub that knows one model, and answers as the real one does."""
    content = (shared / "model.safetensors").read_bytes()

    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self):
            found = self.path == "/somebody/model/resolve/main/model.safetensors"
            self.send_response(200 if found else 404)
            if found:
                self.send_header("X-Repo-Commit", "a" * 40)
                self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
                self.send_header("Content-Length", str(len(content)))
            else:
                self.send_header("X-Error-Code", "RepoNotFound")
            self.end_headers()
            return found

        def do_GET(self):
            if self.do_HEAD():
                self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = {"endpoint": f"http://127.0.0.1:{server.server_port}", "cache_dir": tmp_path / "hub"}
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", partial(huggingface_hub.hf_hub_download, **here))
    yield
    server.shutdown()
    server.server_close()


def test_from_a_hub(hub, half, runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawn = HALVES[half].load(runs / half).sample(5, seed=1)
    assert HALVES[half].from_pretrained("somebody/model").sample(5, seed=1) == drawn
    with pytest.raises(UserError, match="nobody/model: no such folder here"):
        HALVES[half].from_pretrained("nobody/model")


# The doctor ---------------------------------------------------------------------------------------


def test_the_doctor_finds_this_installation_whole(half, command_line):
    code, out, _ = command_line(half, MAINS[half])("doctor", "--json")
    findings = {found["check"]: found for found in json.loads(out)}
    assert code == 0
    assert not [found for found in findings.values() if found["state"] == "fault"]
    assert findings["torch"]["found"] == torch.__version__
    assert {f"model {name}" for name in pretrained.bundled(half)} <= findings.keys()


def test_the_doctor_says_what_is_missing(half, command_line, monkeypatch):
    monkeypatch.setattr(doctor, "requires", lambda name: ["nosuchpackage>=3", "numpy>=99", "absent; extra == 'x'"])
    monkeypatch.setitem(sys.modules, f"{half}.data.downloads", None)  # importing it fails
    code, out, _ = command_line(half, MAINS[half])("doctor")
    assert code == 1
    assert "fault: nosuchpackage: pip install 'nosuchpackage>=3'." in out
    assert "fault: numpy: pip install 'numpy>=99'." in out
    assert "absent" not in out
    assert "fault data sets: ModuleNotFoundError" in out
