"""The card of a model to share."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gancore.runs.config import RunConfig
from gancore.statistics.evaluation import Evaluation


class About(NamedTuple):
    """What a card says that the weights do not.

    half: `molgan` or `seqgan`, the package that loads them. conditions: what can be asked for, a line each.
    privacy: the bound of a private run; "" for any other.
    """

    half: str
    facade: str
    what: str
    data: str
    intended: str
    limits: str
    responsible: str
    conditions: tuple[str, ...] = ()
    privacy: str = ""


def card(config: RunConfig, values: Mapping[str, Any], about: About, figures: Evaluation | None) -> str:
    """A model card (Mitchell et al. 2019) as Markdown."""
    provenance = values["provenance"]
    versions = ", ".join(f"{name} {number}" for name, number in provenance["versions"].items())
    facts = ", ".join(f"{name} {value:,}" for name, value in provenance["data"].items() if isinstance(value, int))
    return "\n".join(
        (
            f"---\nlibrary_name: discretegan\ntags:\n- {about.half}\n- generative-adversarial-network\n---\n",
            f"# {about.what}\n",
            f"```python\nimport {about.half}\n\ngan = {about.half}.{about.facade}.from_pretrained(FOLDER)",
            "new = gan.sample(1000, seed=0)\n```\n",
            f"## Data\n\n{about.data} ({facts}; sha256 of what was trained on `{provenance['data']['sha256']}`)\n",
            *([f"## Privacy\n\n{about.privacy}\n"] if about.privacy else []),
            *([f"## Conditions\n\n{_asked(about.conditions)}\n"] if about.conditions else []),
            f"## Figures\n\n{_table(figures)}\n",
            f"## Intended use\n\n{about.intended}\n",
            f"## Limits\n\n{about.limits}\n",
            f"## Responsible use\n\n{about.responsible}\n",
            f"## Training\n\n{values['step']:,} steps, seed {values['config']['seed']}; Python {provenance['python']}, "
            f"{versions}. All settings:\n\n```toml\n{config.dump().strip()}\n```\n",
        )
    )


def _asked(conditions: tuple[str, ...]) -> str:
    """What can be asked for, as a list."""
    lines = "\n".join(f"- {line}" for line in conditions)
    return f"`gan.sample(1000, condition={{NAME: VALUE}})` asks for, over the range of the training rows:\n\n{lines}"


def _table(figures: Evaluation | None) -> str:
    if figures is None:
        return "None were given when this model was saved."
    rows = [
        f"| {name} | {one.value:.4f} | {one.low:.4f} to {one.high:.4f} | {one.n:,} |" for name, one in figures.items()
    ]
    lines = ["| figure | value | 95% interval | n |", "|---|---|---|---|", *rows]
    return "\n".join([*lines, *(f"\n{note}" for note in figures.notes)])
