"""What is requested of samples: conditions, fragments, sizes and substructures, and whether a sample has them."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import numpy as np
import torch
from rdkit import Chem
from torch import Tensor

from gancore.errors import ConfigError
from gancore.facade.conditions import Request
from gancore.facade.recipe import refuse_without
from gancore.io.notes import note
from gancore.io.stage_times import stage
from molgan import chemistry
from molgan.chemistry.fragments import Fragments
from molgan.metrics.requested import Within
from molgan.recipes.fragment_requests import FragmentRequests

if TYPE_CHECKING:
    from molgan.gan import MolGAN


PRECISIONS = ("float32", "bfloat16")
"""Of the products of recurrent layers while sampling."""


class SampleRequest(TypedDict, total=False):
    """What can be requested of samples, all of it optional.

    >>> from molgan import MolGAN, SampleRequest
    >>> wanted = SampleRequest(fragments="[*]c1ccncc1", size=(10, 20))
    >>> len(MolGAN.load("drug").sample(3, **wanted))
    3
    """

    condition: Request | None
    """By the name of what the model was conditioned on, a number, a class, or a list with one for each sample. What is
    not named is left open; without a condition the samples have the data's own mix, or
    with fragments or a size whatever these allow."""
    guidance: float
    """Above 1 pulls samples further towards the condition, at a price in variety (Ho and Salimans 2022)."""
    ceiling: float | None
    """Of a model whose critic rejects samples, the ratio of the data's density to the generator's from which on none is
    rejected, at least 1; as it was trained if not given (`critic.ceiling`). A lower one takes fewer draws and leaves
    more of the difference to the data."""
    precision: Literal["float32", "bfloat16"] | None
    """Of the products of an autoregressive graph model's recurrent layers; float32 if not given. bfloat16 is
    faster on a processor with AVX512-BF16 and can be slower without; it gives other molecules."""
    code: Any
    """Of a model with latent codes (`model.codes`, `model.code_numbers`), the class, or a list of class and numbers in
    [-1, 1]; None draws them, whole or one by one."""
    tolerance: Request | None
    """How far from the condition a property may be, by name and in its unit. A sample that is farther is drawn again,
    up to ten times; a note counts those that are left."""
    scaffold: str | None
    """SMILES of a fragment that each sample has. A model that was trained with `model.fragments` builds on it."""
    fragments: "str | Sequence[str] | Fragments | None"
    """SMILES of one fragment or several that each sample has, joined by new atoms. `[*]`, `[1*]` or `[*:1]` marks a
    site, where exactly one new bond is made; other atoms of that fragment get none. A fragment without marks may be
    bonded anywhere. An atom `*` with two or more bonds is an atom of any type. Stereochemistry is kept."""
    optional: Collection[int]
    """Numbers of sites that may be left with a hydrogen; 0 for sites without a number."""
    linked: bool
    """Whether new atoms join all sites by themselves, so that two sites of one fragment close a ring: a macrocycle."""
    size: tuple[int, int] | None
    """Heavy atoms of a sample, the least and the most."""
    added: tuple[int, int] | None
    """Heavy atoms that are added to the fragments, the least and the most; one or more if not given. Where the least is
    0, fragments may be joined by bonds between their sites alone, in any way that uses all required ones."""
    distinct: bool
    """Whether a sample that repeats an earlier one of the same request is drawn again, up to ten times; one that still
    does is kept, and a note counts them. The first k of n samples then depend on n."""
    require: str | Sequence[str]
    """SMARTS of substructures that each sample has. One that lacks some is drawn again, up to ten times, and is None in
    the end; a note tells the share that had them."""
    forbid: str | Sequence[str]
    """SMARTS of substructures that no sample has; as `require`."""


class PreparedRequest:
    """A request, ready to be drawn: what the recipe needs of it, and what makes SMILES of samples.

    each: options of the recipe by the numbers of samples. accepts: which samples are as requested; None where all are.
    """

    def __init__(self, gan: "MolGAN", n: int, requested: SampleRequest, begin: FragmentRequests | None):
        self.gan, self.n, self.begin = gan, n, begin
        self.condition, self.guidance = requested.get("condition"), requested.get("guidance", 1.0)
        ceiling, self.code, tolerance = (requested.get(name) for name in ("ceiling", "code", "tolerance"))
        self.ceiling = float(ceiling) if ceiling is not None else None
        self.precision = requested.get("precision")
        self.within = Within(gan.conditions, self.condition or {}, tolerance, n) if tolerance else None
        self.patterns = Patterns(requested)
        self.each = {"beginning": begin.beginning} if begin is not None else None
        self.seen: dict[tuple[int, str], int] | None = {} if requested.get("distinct") else None
        checked = self.within or self.patterns or begin is not None or self.seen is not None
        self.accepts = self._accepts if checked else None

    @property
    def accepts_valid(self) -> Any:
        """What has samples drawn again that are no molecule; None where every draw is one.

        A generator atom by atom draws valid molecules, but an atom with fixed hydrogens and too few bonds is a radical.
        """
        fixed = any(atom.hydrogens != chemistry.IMPLIED for atom in self.gan.vocabulary.atoms)
        return self._accepts if fixed and "fragments" in self.gan.recipe.capabilities else None

    @classmethod
    def of(
        cls,
        gan: "MolGAN",
        recipe: Any,
        n: int,
        seed: int,
        requested: SampleRequest,
        several: "Sequence[str | Fragments] | None" = None,
    ) -> "PreparedRequest":
        """Read a request for `n` samples of a recipe; several: requests for fragments, of each as many samples.

        Raises ConfigError for what the model cannot meet.
        """
        refuse_unknown(requested)
        if requested.get("code") is not None:
            refuse_without(recipe, "code", "code")
        if (ceiling := requested.get("ceiling")) is not None:
            if not getattr(recipe.config, "rejects", False):
                raise ConfigError("ceiling: this model has no critic that rejects samples; leave it out.")
            if not (isinstance(ceiling, (int, float)) and ceiling >= 1):
                raise ConfigError(f"ceiling must be a number of at least 1; got {ceiling}.")
        if (precision := requested.get("precision")) is not None:
            refuse_without(recipe, "precision", "precision")
            if precision not in PRECISIONS:
                raise ConfigError(f"precision must be one of {', '.join(PRECISIONS)}; got {precision!r:.40}.")
        begin, optional = None, requested.get("optional", ())
        size, added = (size_range(name, requested.get(name)) for name in ("size", "added"))
        if several is None and (parts := parts_of(requested)):
            several = [parts if isinstance(parts, Fragments) else ".".join(parts)]
        if several is not None or size or added:
            refuse_without(recipe, "fragments", "fragments" if several is not None else "size")
            if several is not None and not recipe.config.model.fragments:
                raise ConfigError(
                    "fragments: this model was trained without; take drug, or train one with model.fragments above 0."
                )
            several = [Fragments.nothing()] if several is None else several
            read = tuple(read_fragments(one, optional, requested.get("linked", False)) for one in several)
            refuse_absent(optional, read)
            begin = FragmentRequests(read, n // max(1, len(read)), recipe.space, size, added, seed) if read else None
        return cls(gan, n, requested, begin)

    def smiles(self, sampled: Any, numbers: Sequence[int]) -> list[str | None]:
        """Canonical SMILES of samples of these numbers; None for one that is none, or lacks what it must have."""
        texts = self._read(sampled, numbers)
        return [text if text is not None and self.patterns.fit(text) else None for text in texts]

    def tell(self) -> None:
        """Note how many draws had the requested substructures."""
        self.patterns.tell()

    def _read(self, sampled: Any, numbers: Sequence[int]) -> list[str | None]:
        with stage("decoding"):
            if self.begin is not None:
                return self.begin.smiles(sampled, numbers)
            return list(self.gan.domain.decode(sampled, self.gan.recipe.space))

    def _accepts(self, sampled: Any, rows: Tensor) -> Tensor:
        texts = self._read(sampled, rows.tolist())
        fit = np.array([text is not None for text in texts], dtype=bool)
        if self.patterns:
            fit &= np.array([self.patterns.judge(text) for text in texts], dtype=bool)
        if self.within is not None:
            fit &= self.within.accepts(texts, rows.cpu().numpy())
        if self.seen is not None:
            fit &= self._first(texts, rows.tolist(), fit, self.seen)
        return torch.from_numpy(fit).to(rows.device)

    def _first(
        self, texts: Sequence[str | None], numbers: Sequence[int], fit: np.ndarray, seen: dict[tuple[int, str], int]
    ) -> np.ndarray:
        """Which samples repeat no other of their request. seen: by request and molecule the number that has it."""
        found = np.zeros(len(texts), dtype=bool)
        settled: set[int] = set()
        for place, (text, number) in enumerate(zip(texts, numbers, strict=True)):
            if number >= self.n:
                found[place] = True  # it fills a chunk, and nobody sees it
            if not fit[place] or text is None or number in settled or number >= self.n:
                continue  # of several draws for one number the first that fits is taken
            request = self.begin.request_of(number) if self.begin is not None else 0
            if seen.setdefault((request, text), number) == number:
                found[place] = True
                settled.add(number)
        return found


class Patterns:
    """Substructures that samples must have and must not have, and how many draws did. False where there are none.

    Raises ConfigError for what is no SMARTS.
    """

    def __init__(self, requested: SampleRequest):
        self.queries = [
            *((_pattern("require", text), True) for text in _texts(requested.get("require", ()))),
            *((_pattern("forbid", text), False) for text in _texts(requested.get("forbid", ()))),
        ]
        self.tried = self.matched = 0

    def __bool__(self) -> bool:
        return bool(self.queries)

    def fit(self, text: str) -> bool:
        """Whether a molecule is as it must be."""
        if not self.queries:
            return True
        mol = chemistry.parse(text)
        return all(mol.HasSubstructMatch(query) == wanted for query, wanted in self.queries)

    def judge(self, text: str | None) -> bool:
        """`fit` of a draw, which is counted; one without a molecule does not fit."""
        fits = text is not None and self.fit(text)
        self.tried, self.matched = self.tried + 1, self.matched + fits
        return fits

    def tell(self) -> None:
        """Note how many draws had the requested substructures."""
        if self.queries and self.tried:
            share = self.matched / self.tried
            note(f"{self.matched:,} of {self.tried:,} draws ({share:.3g}) have the substructures as requested.")


def _texts(given: str | Sequence[str]) -> Sequence[str]:
    return (given,) if isinstance(given, str) else given


def _pattern(what: str, text: str) -> Chem.Mol:
    pattern = Chem.MolFromSmarts(text)
    if pattern is None:
        raise ConfigError(f"{what} {text!r}: is no SMARTS.")
    return pattern


def refuse_unknown(requested: SampleRequest) -> None:
    """Raise TypeError for an argument that there is not."""
    names = SampleRequest.__annotations__
    unknown = sorted(set(requested) - set(names))
    if unknown:
        raise TypeError(f"sample has no argument {unknown[0]!r}; there are {', '.join(names)}.")


def refuse_absent(optional: Collection[int], requests: Sequence[Fragments]) -> None:
    """Raise ConfigError for the number of a site that no request has."""
    absent = sorted(set(optional).difference(*(one.numbers for one in requests)))
    if absent:
        raise ConfigError(f"optional {absent[0]}: no request has a site of this number.")


def parts_of(requested: SampleRequest) -> "list[str] | Fragments":
    """The fragments of a request, the scaffold first."""
    scaffold, fragments = requested.get("scaffold"), requested.get("fragments")
    if isinstance(fragments, Fragments):
        if scaffold:
            raise ConfigError("scaffold: give it as one of the fragments.")
        return fragments
    return [text for text in (scaffold, *_texts(fragments or ())) if text is not None]


def read_fragments(given: str | Fragments, optional: Collection[int], linked: bool = False) -> Fragments:
    """A request as it was given or read from SMILES. Raises ConfigError with the reason."""
    if isinstance(given, Fragments):
        return given
    try:
        return Fragments.parse(given, optional, linked)
    except chemistry.Rejected as reason:
        raise ConfigError(f"fragments {given}: {reason}.") from None


def size_range(what: str, size: Any) -> tuple[int, int] | None:
    """The least and the most of a size, of which one number stands for both. Raises ConfigError for anything else."""
    if size is None:
        return None
    least, most = size if isinstance(size, (tuple, list)) and len(size) == 2 else (size, size)
    lowest = 0 if what == "added" else 1
    if not (isinstance(least, int) and isinstance(most, int) and lowest <= least <= most):
        raise ConfigError(f"{what} {size}: give the least and the most heavy atoms, for example (20, 30).")
    return least, most
