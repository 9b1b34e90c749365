"""`PromptedModel`: a language model of SMILES takes the requests for fragments of a graph model, by prompts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

import pandas as pd

from gancore.errors import ConfigError
from gancore.facade.models import load_model
from gancore.types import Completer
from molgan.chemistry.fragments import Fragments
from molgan.library import prompting
from molgan.library.collect import Draws
from molgan.recipes.sample_request import (
    Patterns,
    SampleRequest,
    parts_of,
    read_fragments,
    refuse_absent,
    refuse_unknown,
    size_range,
)

_GRAPHS_ALONE = ("condition", "ceiling", "precision", "code", "tolerance", "linked")


class PromptedModel:
    """A string model that builds molecules on fragments, as graph models do.

    model: a `seqgan.SeqGAN` of SMILES, or anything that continues strings (`gancore.types.Completer`). redraws:
    completions of a sample that may fail before it is None. A fragment is spelled so that it ends at a site, and the
    model continues; then the molecule is spelled anew for the next site (PromptSMILES, Thomas et al. 2024). No critic
    is asked. Raises nothing.

    >>> from seqgan import SeqGAN
    >>> model = PromptedModel(SeqGAN.load("smiles-moses"))
    >>> "c1ccncc1" in model.sample(1, fragments="[*]c1ccncc1")[0]
    True
    """

    def __init__(self, model: Completer, redraws: int = prompting.REDRAWS):
        self.model, self.redraws = model, redraws

    @classmethod
    def load(cls, source: str | Path, device: str | None = None, checkpoint: str = "last") -> "PromptedModel":
        """A trained string model, by its folder or name; see `MolGAN.load`.

        Raises ConfigError for a model of another kind, RunError or CheckpointError for what is missing or damaged.

        >>> len(PromptedModel.load("smiles-moses").sample(2, fragments="[*]c1ccncc1"))
        2
        """
        model = load_model(source, device, checkpoint)
        if not isinstance(model, Completer):
            raise ConfigError(f"{source}: is no string model; load it by molgan.MolGAN.")
        return cls(model)

    def sample(self, n: int, seed: int = 0, raw: bool = False, **requested: Unpack[SampleRequest]) -> Draws:
        """`n` molecules with fragments: canonical SMILES, None for a sample that is not as requested in the end.

        requested: `fragments` or `scaffold`, and `size`, `added`, `optional`, `distinct`, `require` and `forbid`; see
        `molgan.SampleRequest`. raw: changes nothing. The same seed gives the same molecules on one kind of device.
        Raises ConfigError for a request that the model cannot meet.

        >>> model = PromptedModel.load("smiles-moses")
        >>> model.sample(3, fragments=["[*]c1ccncc1", "[*]N1CCOCC1"]) == model.sample(
        ...     3, fragments=["[*]c1ccncc1", "[*]N1CCOCC1"]
        ... )
        True
        """
        parts = parts_of(requested)
        if not parts:
            raise ConfigError("fragments: a string model is prompted with some; without, draw by seqgan.SeqGAN.sample.")
        return Draws(self._complete([parts if isinstance(parts, Fragments) else ".".join(parts)], n, seed, requested))

    def sample_each(
        self,
        requests: Sequence[str | Fragments],
        n: int,
        seed: int = 0,
        raw: bool = False,
        **requested: Unpack[SampleRequest],
    ) -> pd.DataFrame:
        """`n` molecules on each of several requests for fragments: columns request and smiles, in their order.

        The arguments are those of `sample`. Raises ConfigError for a request that the model cannot meet.

        >>> PromptedModel.load("smiles-moses").sample_each(["[*]c1ccncc1", "[*]C1CC1"], 1)["request"].tolist()
        ['[*]c1ccncc1', '[*]C1CC1']
        """
        texts = [request if isinstance(request, str) else request.text for request in requests for _ in range(n)]
        return pd.DataFrame({"request": texts, "smiles": self._complete(requests, n, seed, requested)})

    def refusal(
        self, request: Fragments, size: tuple[int, int] | None = None, added: tuple[int, int] | None = None
    ) -> str:
        """Why it cannot build on fragments; "" where it can. Raises nothing.

        size, added: heavy atoms, as in `Fragments.bounds`.

        >>> PromptedModel.load("smiles-moses").refusal(Fragments.parse("[*]c1ccccc1I"))
        "has 'I', which the model does not know"
        """
        return prompting.refusal(self.model, request, size, added)

    def _complete(
        self, requests: Sequence[str | Fragments], n: int, seed: int, requested: SampleRequest
    ) -> list[str | None]:
        if n < 0:
            raise ValueError(f"cannot draw {n} samples.")
        refuse_unknown(requested)
        for name in _GRAPHS_ALONE:
            if requested.get(name):
                raise ConfigError(f"{name}: a string model cannot do that; take a graph model, for example drug.")
        if requested.get("guidance", 1.0) != 1.0:
            raise ConfigError("guidance: a string model is prompted and takes no condition; leave it at 1.")
        optional = requested.get("optional", ())
        size, added = (size_range(name, requested.get(name)) for name in ("size", "added"))
        read = [read_fragments(one, optional) for one in requests]
        refuse_absent(optional, read)
        for one in read:
            reason = self.refusal(one, size, added)
            if reason:
                raise ConfigError(f"fragments {one.text}: the request {reason}.")
        patterns = Patterns(requested)
        limits: dict[str, Any] = {"size": size, "added": added, "distinct": requested.get("distinct", False)}
        accepts = patterns.judge if patterns else None
        made = prompting.complete_each(self.model, read, n, seed, accepts=accepts, redraws=self.redraws, **limits)
        patterns.tell()
        return made


def load_for(source: str | Path, fragments: str | None, device: str | None, checkpoint: str) -> Any:
    """The model to draw molecules from: a `MolGAN`, or a `PromptedModel` where there are fragments to prompt with.

    Raises ConfigError for a string model without, RunError or CheckpointError as `load_model`.
    """
    model = load_model(source, device, checkpoint)
    if not isinstance(model, Completer):
        return model
    if fragments is None:
        raise ConfigError(f"{source}: a string model needs --fragments here; without, run seqgan generate {source}.")
    return PromptedModel(model)
