"""What a report of texts is about: a list, a file, or draws of a model, with its provenance."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gancore.errors import ConfigError
from gancore.facade.conditions import Request
from gancore.reporting.origin import History, listing, of_file, of_run, training_of, versions
from gancore.runs.pretrained import is_model
from seqgan.data.corpus import as_lines, read_lines
from seqgan.gan import SeqGAN
from seqgan.text.splitting import Tokens

_CURVES = (
    *("valid/nll", "likelihood/nll", "sample/unique", "sample/novel", "sample/precision", "sample/recall"),
    "critic/accuracy",
)


@dataclass
class Material:
    """Texts to report on. model: what drew them, at temperature 1. held_out: the lines a run keeps to judge by."""

    title: str
    texts: list[str]
    tokens: Tokens | None = None
    provenance: dict[str, object] = field(default_factory=dict)
    config: str = ""
    history: History | None = None
    model: SeqGAN | None = None
    held_out: Path | None = None


def gather(source: str | Path | Sequence[str], n: int, seed: int, column: str, condition: Request) -> Material:
    """The material of a list, of a file's column, or of `n` draws of a run, a shared or a bundled model.

    condition: what is requested of the draws. Raises ConfigError for a condition on texts that are drawn already, and
    what reading or loading raises.
    """
    made_with = versions("torch")
    drawn = isinstance(source, (str, Path)) and is_model(source, "seqgan")
    if condition and not drawn:
        raise ConfigError("condition: is requested of draws of a model, and these texts are drawn already.")
    if not isinstance(source, (str, Path)):
        texts = [text for _, text in as_lines(list(source))[0]]
        return Material("Texts", texts, provenance={"versions": listing(made_with)})
    if not drawn:
        path = Path(source)
        texts = [line for _, line in read_lines(path, column)]
        return Material(path.name, texts, provenance=of_file(path, made_with))
    gan, path = SeqGAN.load(source), Path(source)
    provenance = of_run(gan, source, n, seed, made_with)
    if condition:
        provenance["request"] = listing(condition)
    held_out = path / "held_out.txt"
    return Material(
        f"Run {path.name}" if path.is_dir() else f"Model {source}",
        list(gan.sample(n, seed=seed, condition=condition or None)),
        Tokens.of(gan.recipe.space.vocabulary),
        provenance,
        gan.config.dump(),
        training_of(path, _CURVES, "each figure as the monitors saw it."),
        gan,
        held_out if held_out.is_file() else None,
    )
