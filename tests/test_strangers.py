"""Files from strangers: each is refused with one sentence, nothing in it runs, and memory does not grow."""

import io
import json
import os
import pickle
import resource
import shutil
import struct
import zipfile
from dataclasses import asdict
from hashlib import sha256

import pytest
import torch

from gancore.errors import UserError
from gancore.runs.folder import find
from molgan.gan import MolGAN
from molgan.scoring.definition import PluginConfig
from seqgan.data.grammar import corpus
from seqgan.gan import SeqGAN
from seqgan.networks.architectures import GeneratorConfig
from seqgan.recipes.config import Config, LikelihoodConfig

TENSORS, VALUES, MANIFEST = "tensors.safetensors", "values.json", "manifest.json"


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def header(shape, length=8):
    """A safetensors file of one tensor of the given shape that holds `length` bytes."""
    text = json.dumps({"x": {"dtype": "F32", "shape": shape, "data_offsets": [0, length]}}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(length)


def zip_bomb():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(2**28))
    return out.getvalue()


def torch_file():
    out = io.BytesIO()
    torch.save({"x": Bomb()}, out)
    return out.getvalue()


def values(change):
    """Change values.json; its digest is mended, as whoever means harm would."""

    def spoil(folder):
        held = json.loads((folder / VALUES).read_text())
        held = change(held) or held
        (folder / VALUES).write_text(json.dumps(held))
        mend(folder)

    return spoil


def manifest(change):
    def spoil(folder):
        held = json.loads((folder / MANIFEST).read_text())
        held = change(held) or held
        (folder / MANIFEST).write_text(json.dumps(held))

    return spoil


def write(name, content, mended=True):
    def spoil(folder):
        (folder / name).write_bytes(content(folder) if callable(content) else content)
        if mended and name != MANIFEST:
            mend(folder)

    return spoil


def mend(folder):
    held = json.loads((folder / MANIFEST).read_text())
    for name in held["files"]:
        content = (folder / name).read_bytes()
        held["files"][name] = {"sha256": sha256(content).hexdigest(), "bytes": len(content)}
    (folder / MANIFEST).write_text(json.dumps(held))


def link(name, target):
    def spoil(folder):
        (folder / name).unlink()
        (folder / name).symlink_to(target)

    return spoil


def pipe(folder):
    (folder / TENSORS).unlink()
    os.mkfifo(folder / TENSORS)


def sparse(folder):
    with open(folder / TENSORS, "ab") as file:
        file.truncate(2**42)  # four tebibytes of nothing


def other_path(held):
    held["files"]["../../config.toml"] = held["files"].pop(VALUES)


KINDS = {
    "a pickle renamed": write(TENSORS, pickle.dumps(Bomb())),
    "a torch file renamed": write(TENSORS, torch_file()),
    "a pickle for JSON": write(VALUES, pickle.dumps(Bomb())),
    "a zip bomb": write(TENSORS, zip_bomb()),
    "truncated tensors": write(TENSORS, lambda folder: (folder / TENSORS).read_bytes()[:-100]),
    "truncated, digest not mended": write(TENSORS, lambda folder: (folder / TENSORS).read_bytes()[:-100], False),
    "one bit flipped": write(TENSORS, lambda folder: (folder / TENSORS).read_bytes()[:-1] + b"\x01", False),
    "a header with a huge shape": write(TENSORS, header([2**40, 2**20])),
    "a header with a negative shape": write(TENSORS, header([-2])),
    "a header longer than its file": write(TENSORS, struct.pack("<Q", 2**62) + b"{}"),
    "other tensors than the model's": write(TENSORS, header([2])),
    "an empty file": write(TENSORS, b""),
    "../ in the manifest": manifest(other_path),
    "a further file in the manifest": manifest(lambda held: held["files"].update({"more.pt": {}})),
    "a wrong digest": manifest(lambda held: held["files"][VALUES].update(sha256="0" * 64)),
    "a newer format": manifest(lambda held: held.update(format=99)),
    "a format that is no number": manifest(lambda held: held.update(format={"a": 1})),
    "a manifest that is a list": manifest(lambda held: [held]),
    "JSON nested a million deep": write(VALUES, b"[" * 1_000_000),
    "JSON that is no UTF-8": write(VALUES, b"\xff\xfe{}"),
    "a link to a secret": link(VALUES, "/etc/passwd"),
    "a link to an endless device": link(TENSORS, "/dev/zero"),
    "a pipe that never answers": pipe,
    "a sparse file of terabytes": sparse,
    "networks of absurd size": values(lambda held: absurd(held["config"])),
    "a million layers": values(lambda held: many_layers(held["config"])),
    "an unknown setting": values(lambda held: held["config"].update(exploit="rm -rf /")),
    "a vocabulary that is a number": values(lambda held: held.update(vocabulary=7)),
    "a vocabulary of another run": values(lambda held: other_words(held["vocabulary"])),
    "no configuration": values(lambda held: held.pop("config") and None),
    "texts and molecules without end": values(lambda held: endless(held)),
}


def absurd(config):
    if "noise" in config["model"]:
        config["model"]["noise"] = 10**12
    else:
        config["model"]["width"] = 10**12


def many_layers(config):
    if "noise" in config["model"]:
        config["model"]["generator"] = [1] * 1_000_000
    else:
        config["model"].update(layers=10**9)


def other_words(words):
    if "atoms" in words:
        words["atoms"][0][0] = "Unobtainium"
    else:
        words["tokens"] = words["tokens"][:-1]


def endless(held):
    if "length" in held:
        held["length"] = 10**15
    else:
        held["vocabulary"]["max_atoms"] = 10**9


@pytest.fixture(scope="module")
def runs(tmp_path_factory, small_data):
    """One trained run of each half."""
    folder = tmp_path_factory.mktemp("runs")
    text = Config(
        recipe="mle",
        device="cpu",
        model=GeneratorConfig(embedding=8, width=8),
        likelihood=LikelihoodConfig(epochs=1),
    )
    SeqGAN(text).fit(corpus(60), out=folder / "seqgan", quiet=True)
    from molgan.recipes.config import Config as Molecules

    few = ["steps=1", "pretrain.steps=1", "device=cpu", "model.generator=[8]", "model.critic=[8]", "model.encoder=[8]"]
    MolGAN(Molecules.load("default", few)).fit(small_data, out=folder / "molgan", quiet=True)
    return folder


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("half", [MolGAN, SeqGAN])
def test_it_is_refused(runs, tmp_path, monkeypatch, half, kind):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(runs / half.__name__.lower(), tmp_path / "run")
    KINDS[kind](find(tmp_path / "run").folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError) as refused:
        half.load(tmp_path / "run")
    sentence = str(refused.value)
    assert str(tmp_path / "run") in sentence
    assert "\n" not in sentence
    assert 20 < len(sentence) < 500
    assert not (tmp_path / "ran").exists(), "nothing was executed"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200 * 1024, f"{grown} KiB were taken"


def test_whole_runs_are_not_refused(runs):
    assert len(MolGAN.load(runs / "molgan").sample(3)) == 3
    assert len(SeqGAN.load(runs / "seqgan").sample(3)) == 3


def test_what_a_strangers_score_names_is_not_imported(runs, tmp_path, monkeypatch):
    """A function or a program of a score is for training, not for loading and sampling."""
    shutil.copytree(runs / "molgan", tmp_path / "run")
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)

    def name_it(held):
        component = held["config"]["reward"]["score"]["components"][0]
        component["property"], component["plugin"] = "plugin", asdict(PluginConfig("evil:run"))

    values(name_it)(find(tmp_path / "run").folder)
    gan = MolGAN.load(tmp_path / "run")
    assert gan.config.reward.score.components[0].plugin.function == "evil:run"
    assert len(gan.sample(3)) == 3
    assert not (tmp_path / "ran").exists()


MAY_UNPICKLE = {"process_pool.py", "reference.py", "pmo_classifiers.py"}


def test_no_source_file_unpickles():
    """What could run code from a file is not called anywhere.

    Pickles pass between a program and its own processes (process_pool.py). The published statistics of MOSES, an
    archive of a known digest, are read by an unpickler that knows arrays and counters alone (reference.py); so are the
    classifiers of PMO, which become plain arrays (pmo_classifiers.py).
    """
    root = os.path.dirname(os.path.dirname(__file__))
    for half in ("gancore", "molgan", "seqgan"):
        for folder, _, names in os.walk(os.path.join(root, half)):
            for name in names:
                if name.endswith(".py"):
                    with open(os.path.join(folder, name)) as file:
                        text = file.read()
                    assert "import pickle" not in text or name in MAY_UNPICKLE, name
                    assert not any(word in text for word in ("torch.load(", 'eval("', "exec(")), name
