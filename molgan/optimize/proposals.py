"""Candidates for scoring: made from the best molecules by a genetic algorithm, chosen by a surrogate model."""

from collections.abc import Callable, Container, Iterable, Sequence
from functools import lru_cache
from itertools import islice
from random import Random

import numpy as np
from rdkit import Chem, rdBase

from molgan.optimize.batch_choice import CHOOSERS
from molgan.optimize.crossover import crossover
from molgan.optimize.crowding import Crowding
from molgan.optimize.mutation import mutate
from molgan.optimize.novelty import Novelty
from molgan.optimize.parents import Parent, parent
from molgan.optimize.ranked import Ranked, rank_weights
from molgan.optimize.settings import OptimizeConfig
from molgan.optimize.surrogate import Features, TanimotoProcess, features_of, similarities

_DRAWN_OVER = 500  # candidates that joint draws are made for
_CHOSEN_FROM = 5  # times a batch: the best candidates, of which some that differ are chosen
_NOVEL_AMONG = 1500  # the latest molecules, which a new one is compared with
_FEATURES_KEPT, _PARENTS_KEPT = 20_000, 2_000
_NOTHING = np.zeros(1, np.int64)
_LOOKED_AT = 5  # times the population: the best molecules, among which those too near to better ones are left out

Accepts = Callable[[Chem.Mol], bool]
"""Whether a candidate may be asked for."""


Realistic = Callable[[Sequence[str]], np.ndarray]
"""How likely molecules are real, as log-probabilities."""


class Proposals:
    """Breeds candidates. accepts: what else a candidate has to fulfil. realistic: a term of what it is worth."""

    def __init__(self, config: OptimizeConfig, accepts: Accepts | None = None, realistic: Realistic | None = None):
        self.config, self.accepts, self._realistic = config, accepts, realistic
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
        self,
        n: int,
        scored: Sequence[Ranked],
        known: Container[str],
        random: Random,
        noise: np.random.Generator,
        drawn: Iterable[str] = (),
    ) -> list[str]:
        """At most `n` new molecules, the most promising first.

        scored: every molecule with a score, in the order in which they were asked for. known: molecules that must not
        be proposed again. drawn: texts of a model, which are candidates, too.
        """
        self._born.clear()
        best = sorted(scored, key=lambda one: -one.value)
        crowding = self._crowding(best)
        population = self._population(best, crowding, noise.random() < self.config.genetic.niches)
        surrogate = self._surrogate(scored, best, random)

        def fresh(names: Iterable[str]) -> list[str]:
            new = [smiles for smiles in names if smiles not in known]
            full = crowding(new) if crowding is not None else [False] * len(new)
            return [smiles for smiles, crowded in zip(new, full, strict=True) if not crowded]

        first = fresh(self._read_drawn(drawn))
        if surrogate is None:
            mixed = [*first, *fresh(self._children(population, random))]
            return self._readable(random.sample(mixed, len(mixed)) if first else mixed, n)
        weight = self.config.surrogate.exploration * 10 ** noise.uniform(-2, 0)
        candidates: dict[str, float] = {}
        parents = population
        for _ in range(self.config.genetic.generations):
            born = [smiles for smiles in fresh(self._children(parents, random)) if smiles not in candidates]
            born, first = list(dict.fromkeys([*first, *born])), []
            if not born:
                continue
            mean, deviation = surrogate.predict([self._born[smiles] for smiles in born])
            candidates |= zip(born, (mean + weight * deviation).tolist(), strict=True)
            everyone = [*(Ranked(*one) for one in candidates.items()), *population]
            parents = sorted(everyone, key=lambda one: -one.value)[: self.config.genetic.population]
        return self._chosen(candidates, surrogate, scored, n, noise)

    def _chosen(
        self,
        candidates: dict[str, float],
        surrogate: TanimotoProcess,
        scored: Sequence[Ranked],
        n: int,
        noise: np.random.Generator,
    ) -> list[str]:
        """The `n` best of the candidates, whose values are upper bounds: by these, or by draws from the process."""
        names = sorted(candidates, key=lambda smiles: -candidates[smiles])[:_DRAWN_OVER]
        terms = self._terms(names, surrogate.spread, scored)
        values = np.array([candidates[smiles] for smiles in names]) + terms
        order = np.argsort(-values, kind="stable")
        names, terms, values = [names[at] for at in order], terms[order], values[order]
        if self.config.diversity.batch and names:
            return self._readable(self._differing(names, values, n), n)
        if self.config.surrogate.acquisition == "upper_bound":
            return self._readable(names, n)
        greedy = self._readable(names, round(n * self.config.surrogate.greedy))
        left = [at for at, smiles in enumerate(names) if smiles not in greedy]
        others = self._drawn([names[at] for at in left], terms[left], surrogate, n - len(greedy), noise)
        return [*greedy, *self._readable(others, n - len(greedy))]

    def _terms(self, names: list[str], spread: float, scored: Sequence[Ranked]) -> np.ndarray:
        """What is added to the value of each candidate: for being realistic, and for being new."""
        terms = np.zeros(len(names))
        if self._realistic is not None and names:
            terms += self.config.realism.weight * spread * self._realistic(names)
        if self.config.diversity.novelty and names:
            novelty = Novelty([self._known(one.smiles) for one in scored[-_NOVEL_AMONG:]])
            terms += self.config.diversity.novelty * spread * novelty([self._features(one) for one in names])
        return terms

    def _differing(self, names: list[str], values: np.ndarray, n: int) -> list[str]:
        """A batch of the best few times `n` by the chooser of `diversity.batch`, then the others in their order."""
        some = names[: _CHOSEN_FROM * n]
        near = similarities([self._features(smiles) for smiles in some])
        chosen = [some[at] for at in CHOOSERS[self.config.diversity.batch](near, values[: len(some)], n)]
        return [*chosen, *(smiles for smiles in names if smiles not in chosen)]

    def _read_drawn(self, texts: Iterable[str]) -> list[str]:
        """Texts of a model as candidates: molecules in one part that are not too large and are accepted."""
        found: dict[str, None] = {}
        for text in texts:
            with rdBase.BlockLogs():
                origin = self._parent(text)
            if origin is None or origin.mol.GetNumAtoms() > self.config.genetic.most_atoms:
                continue
            smiles = Chem.MolToSmiles(origin.mol)
            if "." not in smiles and (self.accepts is None or self.accepts(origin.mol)):
                found[smiles] = None
                self._born[smiles] = features_of(origin.mol)
        return list(found)

    def _readable(self, names: Iterable[str], n: int) -> list[str]:
        """The first `n` whose text can be read back; that of a rare child cannot."""
        return list(islice((smiles for smiles in names if self._parent(smiles) is not None), n))

    def _crowding(self, best: Sequence[Ranked]) -> Crowding | None:
        diversity = self.config.diversity
        if not diversity.by:
            return None
        return Crowding(diversity, [one.smiles for one in best if one.value >= diversity.least], self._features)

    def _population(self, best: Sequence[Ranked], crowding: Crowding | None, niches: bool) -> list[Ranked]:
        """The best molecules; of those that are too near to each other the better one, none where it is crowded."""
        size, limit = self.config.genetic.population, self.config.genetic.nearness
        if crowding is not None:
            full = crowding([one.smiles for one in best])
            best = [one for one, crowded in zip(best, full, strict=True) if not crowded] or best
        if not limit or not niches:
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
        weights = rank_weights(len(parents))
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

    def _drawn(
        self, names: list[str], terms: np.ndarray, surrogate: TanimotoProcess, n: int, noise: np.random.Generator
    ) -> list[str]:
        """The best molecule of each of `n` draws from the process, without repeats. terms: what is added to a draw."""
        if not names:
            return []
        picked: dict[str, None] = {}
        for row in surrogate.draw([self._features(smiles) for smiles in names], n, noise) + terms:
            picked[next((names[at] for at in np.argsort(-row) if names[at] not in picked), names[0])] = None
        return list(picked)
