"""Requests for fragments met by prompts: a stand-in writes ends, good and bad, and what is returned always holds."""

import warnings
from random import Random

import pytest
from rdkit import Chem

from gancore.io.notes import Note
from molgan.chemistry.fragments import Fragments
from molgan.library.prompting import complete_each, refusal

ENDS = [
    *("C", "CC", "c1ccccc1", "C(=O)NC1CC1", "CCN(C)C", "OCC", "N", "C1CCC1", "(C)C", "(F)(F)CC", "C(C)(C)CN"),
    *("", ")", "=O", "C(", "1CC1", "C.C", "*", "C[2H]", "[H]", "#N", "CCCCCCCCCCCCCCCCCCCCCCCCCC", "[N+](=O)[O-]"),
]
"""What may follow a prompt; those of the second row are mostly of no use."""


class Ends:
    """Continues each prompt by some end at random."""

    def complete(self, prompts, seed=0):
        random = Random(seed)
        return [None if random.random() < 0.05 else prompt + random.choice(ENDS) for prompt in prompts]

    def refusal(self, prompt):
        return "has iodine" if "I" in prompt else ""


REQUESTS = [
    "[*]c1ccccc1",
    "c1ccc2[nH]ccc2c1",
    "[1*]c1ccc([2*])cc1",
    "C1(*)(*)CCCCC1",
    "[1*]c1c([2*])c([3*])cc([4*])c1",
    "[*]c1ccccc1.[*]N1CCOCC1",
    "[1*]c1ccncc1.[2*]C1CC1.[3*]C(=O)O",
    "[1*]c1ccncc1.[2*]C1CC([3*])C1",
    "c1ccncc1.[*]C1CC1",
    "[*]n1cccc1",
    "[*]n1cccc1.[*][NH+](C)C",
    "[*]C[NH+](C)C",
    "[*][NH2+]CC",
    "[*]C[N+](C)(C)C",
    "[*][n+]1ccccc1",
    "[*]/C=C/C(=O)O",
    "[*]/C=C\\[*]",
    "[*]N1CCC[C@H]1C(=O)N",
    "[1*][C@](C)(F)C[2*].[*]N1CCC[C@@H]1C",
    "O=C1CC2(CCN1[*])CC2",
    "N",
]


def complete(texts, n=12, seed=0, **limits):
    requests = [Fragments.parse(text) for text in texts]
    made = complete_each(Ends(), requests, n, seed, **limits)
    return requests, [made[place * n : (place + 1) * n] for place in range(len(texts))]


def test_every_sample_has_its_fragments():
    for request, made in zip(*complete(REQUESTS), strict=True):
        assert refusal(Ends(), request) == ""
        assert None not in made, request.text
        assert [text for text in made if not request.in_molecule(text)] == [], request.text
        assert made == [Chem.CanonSmiles(text) for text in made]
        assert len(set(made)) > 3, request.text


def test_sizes_patterns_and_distinct_molecules():
    _, (sized, linked) = complete(["[*]c1ccncc1", "[*]c1ccncc1.[*]C1CC1"], size=(12, 16), added=(3, 8))
    assert {Chem.MolFromSmiles(text).GetNumAtoms() for text in sized} <= set(range(12, 15))
    assert {Chem.MolFromSmiles(text).GetNumAtoms() for text in linked} <= set(range(12, 17))
    _, (made,) = complete(["c1ccncc1"], distinct=True)
    assert len(set(made)) == 12
    _, (made,) = complete(["c1ccncc1"], accepts=lambda text: "O" in text)
    assert all("O" in text for text in made)


def test_optional_sites_are_used_by_some():
    request = Fragments.parse("[1*]c1ccc([2*])cc1", optional=[2])
    made = complete_each(Ends(), [request], 20)
    assert all(map(request.in_molecule, made))
    both = Fragments.parse("[1*]c1ccc([2*])cc1")
    assert 0 < sum(map(both.in_molecule, made)) < 20
    neither = Fragments.parse("[1*]C[2*]", optional=[1, 2])
    assert None not in complete_each(Ends(), [neither], 20), "an atom at least is added"


def test_a_seed_fixes_the_molecules():
    first, again, other = (complete(REQUESTS[:6], 4, seed)[1] for seed in (3, 3, 4))
    assert first == again != other


def test_what_cannot_be_had_is_none_and_counted():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", Note)
        _, (made,) = complete(["[*]CC"], 5, accepts=lambda text: False, redraws=7)
    assert made == [None] * 5
    assert str(caught[-1].message) == "5 of 5 samples are not what was requested after 7 further completions."
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", Note)
        _, (made,) = complete(["[*]CC"], 5, added=(1, 1), distinct=True)
    assert set(made) == {"CCC", "CCN"}
    assert "3 of 5 samples repeat an earlier molecule" in str(caught[-1].message)


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("[*]CCC[*]", {"linked": True}, "has sites to be linked, which string models cannot do"),
        ("C1CC*CC1[*]", {}, "has an atom of any type, which string models cannot do"),
        ("[*]CI", {}, "has iodine"),
        ("[*]F", {}, ""),
        ("[*]" + "C" * 70, {}, "needs 71 heavy atoms or more, the model holds 64"),
        ("[*]C.FC(F)(F)F", {}, "has a piece without a free valence"),
    ],
)
def test_refusals(text, options, reason):
    told = refusal(Ends(), Fragments.parse(text, **options))
    assert told.startswith(reason)
    assert bool(told) == bool(reason)
    assert refusal(Ends(), Fragments.parse("[*]CC"), (2, 2)) == "needs 3 heavy atoms or more, and 2 are allowed"
