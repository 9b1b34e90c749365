"""A self-contained HTML page that works offline: templates put together, and what every page has."""

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from gancore.io.atomic_write import write_text
from gancore.reporting.charts import curves
from gancore.reporting.origin import History
from gancore.statistics.evaluation import Evaluation
from gancore.statistics.intervals import Estimate


@dataclass
class Report:
    """A page; shows itself in a notebook, `write` puts it into a file. figures: those that `evaluate` found."""

    page: str
    figures: Evaluation

    def write(self, path: str | Path) -> Path:
        """Write the page, whole or not at all; raises OSError when it cannot be written."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, self.page)
        return path

    def _repr_html_(self) -> str:
        page = html.escape(self.page)
        return f'<iframe srcdoc="{page}" sandbox="allow-scripts" width="100%" height="800" style="border:0"></iframe>'


def render(
    package: str,
    template: str,
    title: str,
    summary: str,
    figures: Evaluation,
    history: History | None,
    provenance: Mapping[str, object],
    config: str,
    script: str = "",
    baselines: Mapping[str, Mapping[str, float | None]] | None = None,
    notes: Sequence[str] = (),
    **values: Any,
) -> str:
    """The page of a template of `package`, which extends `base.html`; nothing in it may load anything.

    title, summary: of the page. figures: with `baselines`, further columns by name, and `notes` beside their own.
    history: how the samples came about. provenance, config: what they are from. script: name of the only script that
    may run. values: what else the template takes.

    >>> figures = Evaluation({"valid": Estimate(1.0, 1.0, 1.0, 2)})
    >>> page = render("gancore.reporting", "base.html", "<T>", "two rows", figures, None, {}, "", samples="rows")
    >>> "&lt;T&gt;" in page, "<T>" in page
    (True, False)
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loader = ChoiceLoader([PackageLoader(package), PackageLoader("gancore.reporting")])
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    style, code = (loader.get_source(pages, name)[0] if name else "" for name in ("report.css", script))
    columns = baselines or {}
    return pages.get_template(template).render(
        title=title,
        summary=summary,
        style=Markup(style),
        script=Markup(code),
        style_digest=_digest(style),
        script_digest=_digest(code) if code else "",
        baselines=list(columns),
        figures=[_row(name, estimate, columns) for name, estimate in figures.items()],
        notes=[*figures.notes, *notes],
        **_history(history),
        provenance={key: str(value) for key, value in provenance.items()},
        config=config,
        **values,
    )


def inert(values: Any) -> Markup:
    """JSON that cannot end the element it stands in.

    >>> inert({"a": "</script>"})
    Markup('{"a":"\\\\u003c/script\\\\u003e"}')
    """
    text = json.dumps(values, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _history(history: History | None) -> dict[str, Any]:
    """What the page says of how the samples came about; nothing for those of a file."""
    if history is None:
        return {"history_title": "", "curves": "", "history_note": "", "events": []}
    return {
        "history_title": history.title,
        "curves": curves(history.curves),
        "history_note": history.note,
        "events": history.events,
    }


def _row(name: str, estimate: Estimate, baselines: Mapping[str, Mapping[str, float | None]]) -> dict[str, object]:
    value, low, high, n = estimate
    return {
        "name": name,
        "value": "not defined" if value != value else f"{value:.4f}",
        "interval": "" if low != low else f"{low:.4f} to {high:.4f}",
        "n": f"{n:,}",
        "others": ["" if (other := row.get(name)) is None else f"{other:g}" for row in baselines.values()],
    }
