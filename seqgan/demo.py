"""`seqgan demo`: the embedded grammar's sentences in; a trained GAN, samples, a table and a curve out."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from gancore.facade.cli import replace_folder
from gancore.io.atomic_write import write_text
from seqgan.data.grammar import Grammar, corpus, english
from seqgan.gan import SeqGAN
from seqgan.metrics import bleu, copied_spans, self_bleu
from seqgan.metrics.evaluation import split_tokens, temperature_sweep
from seqgan.metrics.plots import sweep_curve
from seqgan.recipes.config import Config

_TEMPERATURES = (1.0, 0.9, 0.8)
_SHOWN = 8


def run(config: Config, out: Path, n: int, quiet: bool = False, as_json: bool = False) -> None:
    """Do it all into the folder `out`, which is replaced if a demo made it; samples and a table on standard output.

    as_json: or one JSON object with the same samples and figures.
    """
    progress = Console(stderr=True, quiet=quiet)
    replace_folder(out)
    grammar, lines = english(), corpus()
    unseen, reference = (corpus(len(lines), seed) for seed in (1, 2))
    gan = SeqGAN(config).fit(lines, out=out, quiet=quiet)
    temperatures = ", ".join(map(str, _TEMPERATURES))
    progress.print(f"sampling and evaluating {n:,} sentences at temperatures {temperatures}", highlight=False)
    drawn = {f"{temperature:g}": gan.sample(n, temperature, seed=config.seed) for temperature in _TEMPERATURES}
    columns = drawn | {"trained on": lines[:n], "unseen": unseen[:n]}
    figures = {name: _figures(texts, reference, lines, grammar) for name, texts in columns.items()}
    write_text(out / "samples.txt", "".join(f"{line}\n" for line in drawn["1"]))
    sweep = temperature_sweep(lambda temperature: drawn[f"{temperature:g}"], reference, _TEMPERATURES)
    real = figures["unseen"]
    sweep_curve({"seqgan": sweep}, out / "sweep.png", (real["bleu-4"], real["self-bleu-4"]))
    if as_json:
        print(json.dumps({"samples": drawn["1"][:_SHOWN], "figures": figures}, indent=1))
        return
    console = Console()
    for line in drawn["1"][:_SHOWN]:
        console.print(f"  {line}", markup=False, highlight=False)
    console.print(_table(figures))
    console.print(f"model, samples and sweep.png in {out}/", highlight=False)


def _figures(texts: list[str], reference: list[str], lines: list[str], grammar: Grammar) -> dict[str, float]:
    words, distinct = split_tokens(texts), set(texts)
    return {
        "in the grammar": float(grammar.contains(texts).mean()),
        "bleu-4": float(bleu(words, split_tokens(reference), (4,)).mean()),
        "self-bleu-4": float(self_bleu(words, (4,)).mean()),
        "unique": len(distinct) / len(texts),
        "novel": len(distinct.difference(lines)) / len(distinct),
        "longest copied span": float(copied_spans(words, split_tokens(lines)).mean()),
    }


def _table(figures: dict[str, dict[str, float]]) -> Table:
    """One column a temperature, then the corpus itself and sentences no model has seen."""
    table = Table(title="generated sentences by temperature, and sentences of the grammar", title_justify="left")
    table.add_column("")
    for name in figures:
        table.add_column(name, justify="right")
    for row in next(iter(figures.values())):
        table.add_row(row, *(f"{column[row]:.4f}" for column in figures.values()))
    return table
