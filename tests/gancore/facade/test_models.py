"""Trained models of either half, by folder or by name."""

import pytest

from gancore.errors import RunError
from gancore.facade.models import load_model
from gancore.runs import checkpoint
from gancore.runs.folder import find
from molgan import MolGAN
from seqgan import SeqGAN

TEXTS = ["the cat sat", "the dog ran", "a cat ran"]


@pytest.fixture
def models():
    from molgan import Config as Graphs
    from seqgan import Config as Texts

    text = SeqGAN(Texts.load("small", ["recipe=mle", "likelihood.epochs=1", "device=cpu"])).fit(TEXTS, quiet=True)
    graphs = Graphs.load("default", ["steps=0", "pretrain.steps=1", "device=cpu"])
    return {MolGAN: MolGAN(graphs).fit(["CCO", "CCN", "C1CC1O"], quiet=True), SeqGAN: text}


def test_runs_shared_models_and_early_runs(models, tmp_path):
    for kind, model in models.items():
        run, shared = tmp_path / kind.__name__, tmp_path / f"{kind.__name__} shared"
        model.save(run)
        model.save_pretrained(shared)
        for place in (run, shared, shared / "model.safetensors"):
            assert type(load_model(place, "cpu")) is kind
        stored = find(run)
        values = {name: value for name, value in stored.values.items() if name != "half"}
        checkpoint.save(stored.folder, stored.tensors(), values)
        assert type(load_model(str(run))) is kind, "an early run does not say which half it is of"


def test_refusals(tmp_path):
    told = r"no such folder .models that come with molgan: drug, moses, qm9; seqgan: smiles-moses"
    with pytest.raises(RunError, match=told):
        load_model("nothing")
    with pytest.raises(RunError, match="no run here"):
        load_model(tmp_path)
