"""Trained models of either half, by folder or by name: neither half imports the other."""

from pathlib import Path

from gancore.errors import RunError
from gancore.facade.model import Model
from gancore.io import import_object
from gancore.runs import pretrained

HALVES: dict[str, str] = {"molgan": "molgan.gan:MolGAN", "seqgan": "seqgan.gan:SeqGAN"}
"""The class of the models of each half, as "module:name", imported when one is loaded."""


def load_model(model: str | Path, device: str | None = None, checkpoint: str = "last") -> Model:
    """A trained model of whichever half: from a run folder, a shared model, or by the name of a bundled one.

    device, checkpoint: as in `Model.load`, which raises RunError or CheckpointError, one sentence each.

    >>> [type(load_model(name)).__name__ for name in ("qm9", "smiles-moses")]
    ['MolGAN', 'SeqGAN']
    """
    half = pretrained.half_of(model, checkpoint, tuple(HALVES))
    if half:
        if half not in HALVES:
            raise RunError(f"{model}: is a model of {half:.20}, and there are {', '.join(HALVES)}.")
        return _class_of(half).load(model, device, checkpoint)
    for kind in map(_class_of, HALVES):  # a run of an early version
        recipe = pretrained.find(model, checkpoint, kind.domain.half).values["config"].get("recipe")
        if recipe in kind.domain.recipes:
            return kind.load(model, device, checkpoint)
    return _class_of("molgan").load(model, device, checkpoint)  # which says what is wrong


def _class_of(half: str) -> type[Model]:
    return import_object.find("model", HALVES[half])
