"""Candidates for scoring: bred from the best molecules so far, chosen by what a surrogate foretells."""

from collections.abc import Callable, Container, Iterable, Sequence
from functools import lru_cache
from itertools import islice
from random import Random
from typing import NamedTuple

import numpy as np
from rdkit import Chem

from molgan.optimize.crossover import crossover
from molgan.optimize.crowding import Crowding
from molgan.optimize.mutation import mutate
from molgan.optimize.parents import Parent, parent
from molgan.optimize.settings import OptimizeConfig
from molgan.optimize.surrogate import Features, TanimotoProcess, features_of, similarities

_RANK = 10  # a molecule of rank r breeds in proportion to 1 / (_RANK + r)
_DRAWN_OVER = 500  # candidates that joint draws are made for
_FEATURES_KEPT, _PARENTS_KEPT = 20_000, 2_000
_NOTHING = np.zeros(1, np.int64)
_LOOKED_AT = 5  # times the population: the best molecules, among which those too near to better ones are left out

Accepts = Callable[[Chem.Mol], bool]
"""Whether a candidate may be asked for."""


class Ranked(NamedTuple):
    """A molecule and what it scored, or is foretold to score."""

    smiles: str
    value: float


class Proposals:
    """Breeds candidates. accepts: what else a candidate has to fulfil."""

    def __init__(self, config: OptimizeConfig, accepts: Accepts | None = None):
        self.config, self.accepts = config, accepts
        self._parent = lru_cache(_PARENTS_KEPT)(parent)
        self._known = lru_cache(_FEATURES_KEPT)(self._read)
        self._born: dict[str, Features] = {}

    def _read(self, smiles: str) -> Features:
        origin = self._parent(smiles)
        return features_of(origin.mol) if origin is not None else _NOTHING

    def _features(self, smiles: str) -> Features:
        """The features of a candidate, or of a molecule that was asked for."""
        return self._born[smiles] if smiles in self._born else self._known(smiles)

    def __call__(
        self, n: int, scored: Sequence[Ranked], known: Container[str], random: Random, noise: np.random.Generator
    ) -> list[str]:
        """At most `n` new molecules, the most promising first.

        scored: every molecule with a score, in the order in which they were asked for. known: molecules that must not
        be proposed again.
        """
        self._born.clear()
        best = sorted(scored, key=lambda one: -one.value)
        crowding = self._crowding(best)
        population = self._population(best, crowding)
        surrogate = self._surrogate(scored, best, random)
        weight = self.config.surrogate.exploration * 10 ** noise.uniform(-2, 0)
        candidates: dict[str, float] = {}
        parents = population
        for _ in range(self.config.genetic.generations if surrogate is not None else 1):
            children = self._children(parents, random)
            born = [smiles for smiles in children if smiles not in known and smiles not in candidates]
            if crowding is not None:
                born = [smiles for smiles, full in zip(born, crowding(born), strict=True) if not full]
            if surrogate is None:
                return self._readable(born, n)
            if not born:
                continue
            mean, deviation = surrogate.predict([self._born[smiles] for smiles in born])
            candidates |= zip(born, (mean + weight * deviation).tolist(), strict=True)
            everyone = [*(Ranked(*one) for one in candidates.items()), *population]
            parents = sorted(everyone, key=lambda one: -one.value)[: self.config.genetic.population]
        names = sorted(candidates, key=lambda smiles: -candidates[smiles])
        if surrogate is None or self.config.surrogate.acquisition == "upper_bound":
            return self._readable(names, n)
        return self._readable(self._drawn(names[:_DRAWN_OVER], surrogate, n, noise), n)

    def _readable(self, names: Iterable[str], n: int) -> list[str]:
        """The first `n` whose text can be read back; that of a rare child cannot."""
        return list(islice((smiles for smiles in names if self._parent(smiles) is not None), n))

    def _crowding(self, best: Sequence[Ranked]) -> Crowding | None:
        diversity = self.config.diversity
        if not diversity.by:
            return None
        return Crowding(diversity, [one.smiles for one in best if one.value >= diversity.least], self._features)

    def _population(self, best: Sequence[Ranked], crowding: Crowding | None) -> list[Ranked]:
        """The best molecules; of those that are too near to each other the better one, none where it is crowded."""
        size, limit = self.config.genetic.population, self.config.genetic.nearness
        if crowding is not None:
            full = crowding([one.smiles for one in best])
            best = [one for one, crowded in zip(best, full, strict=True) if not crowded] or best
        if not limit:
            return list(best[:size])
        looked_at = best[: _LOOKED_AT * size]
        near = similarities([self._known(one.smiles) for one in looked_at]) >= limit
        chosen: list[int] = []
        for at in range(len(looked_at)):
            if len(chosen) < size and not near[at, chosen].any():
                chosen.append(at)
        return [looked_at[at] for at in chosen]

    def _surrogate(self, scored: Sequence[Ranked], best: Sequence[Ranked], random: Random) -> TanimotoProcess | None:
        most = self.config.surrogate.most
        if self.config.surrogate.kind == "none":
            return None
        others = random.sample(range(len(scored)), min(len(scored), most // 6))
        learnt = dict.fromkeys([*best[: most * 2 // 3], *scored[-most // 6 :], *(scored[at] for at in others)])
        return TanimotoProcess([self._known(one.smiles) for one in learnt], np.array([one.value for one in learnt]))

    def _children(self, parents: Sequence[Ranked], random: Random) -> list[str]:
        """Distinct children of molecules, ranked best first."""
        genetic = self.config.genetic
        weights = [1 / (_RANK + rank) for rank in range(len(parents))]
        found: dict[str, None] = {}
        for _ in range(genetic.children):
            first, second = (self._parent(one.smiles) for one in random.choices(parents, weights, k=2))
            child = self._child(first, second, random) if first is not None and second is not None else None
            if child is None or (self.accepts is not None and not self.accepts(child)):
                continue
            smiles = Chem.MolToSmiles(child)
            found[smiles] = None
            self._born[smiles] = features_of(child)
        return list(found)

    def _child(self, first: Parent, second: Parent, random: Random) -> Chem.Mol | None:
        genetic = self.config.genetic
        if random.random() < genetic.mutation:
            return mutate(first, random, genetic.most_atoms)
        child = crossover(first, second, random, genetic.most_atoms)
        if child is None or random.random() >= genetic.after_crossover:
            return child
        return mutate(Parent(child), random, genetic.most_atoms) or child

    def _drawn(self, names: list[str], surrogate: TanimotoProcess, n: int, noise: np.random.Generator) -> list[str]:
        """The best molecule of each of `n` draws from the process, without repeats."""
        if not names:
            return []
        picked: dict[str, None] = {}
        for row in surrogate.draw([self._features(smiles) for smiles in names], n, noise):
            picked[next((names[at] for at in np.argsort(-row) if names[at] not in picked), names[0])] = None
        return list(picked)
