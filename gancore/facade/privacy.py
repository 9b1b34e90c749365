"""What a private run says of itself: before training, at its end, and on the card of a shared model."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from gancore.io.notes import note
from gancore.losses.privacy import Privacy
from gancore.runs.config import RunConfig


def warn_of_leaks(recipe: Any) -> None:
    """Note what of a private run is not private (Abadi et al. 2016 cover the critic's steps alone)."""
    config: RunConfig = recipe.config
    if _of(recipe) is not None and config.unprotected:
        note(
            f"critic.privacy: only the critic is private; by {_all(config.unprotected)} the generator learns from the "
            "data without noise, so the model as a whole has no such bound."
        )


def statement(recipe: Any, provenance: Mapping[str, Any] = MappingProxyType({})) -> str:
    """Epsilon of a run so far, and what it does not cover; "" where nothing is private.

    provenance: of a shared model, which has lost the state of its critic.
    """
    privacy = _of(recipe)
    if privacy is None or not int(privacy.turns):
        return str(provenance.get("privacy", ""))
    open_ways = recipe.config.unprotected
    if not open_ways:
        return f"{privacy.sentence} The generator learned from the data through this critic alone."
    return f"{privacy.sentence} The generator is not private: it learned from the data by {_all(open_ways)} as well."


def _all(names: tuple[str, ...]) -> str:
    return " and ".join(names)


def _of(recipe: Any) -> Privacy | None:
    return recipe.modules.get("privacy")
