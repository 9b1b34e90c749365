"""Summaries and dialogue: targets that the grammar vouches for, answers that the facts give."""

import pytest

from seqgan.data.forms import dialogue, grammars, summaries


@pytest.fixture(scope="module")
def rows():
    return summaries(300, seed=2), dialogue(300, seed=2)


def test_a_summary_is_the_short_form_of_a_sentence(rows):
    long, short = grammars()
    found = rows[0]
    assert bool(long.contains(found["source"].tolist()).all())
    assert bool(short.contains(found["target"].tolist()).all())
    assert found["source"].is_unique
    for source, target in found.itertuples(index=False):
        assert len(target.split()) <= len(source.split())
        assert set(target.split()) <= {*source.split(), "the"}
        assert not {"and", "but", "while"} & set(target.split()) or " and " in source


def test_some_summaries_by_hand():
    known = {
        "clara likes the cat that is in the kitchen .": "clara likes the cat .",
        "the girl beside the tree is near the tree .": "the girl is near the tree .",
        "the girls sing but the farmers help greta .": "the girls sing .",
    }
    found = dict(summaries(400).itertuples(index=False)) | dict(summaries(1, seed=6).itertuples(index=False))
    assert {source: found[source] for source in known} == known


def test_an_answer_follows_from_the_facts(rows):
    for source, target in rows[1].itertuples(index=False):
        first, second, question = source.split(" . ")
        facts = [first, second]
        if question.startswith("who "):
            act = question.removeprefix("who ").removesuffix(" ?")
            (right,) = [fact.removesuffix(act).strip() for fact in facts if fact.endswith(f" {act}")][:1]
            assert target == f"{right} ."
        else:
            assert target.removesuffix(" .") in facts
            subject = question.removesuffix(" do ?").split(maxsplit=2)[2]
            assert target.startswith(f"{subject} ")
            assert question.split()[:2] in (["what", "do"], ["what", "does"])


def test_the_same_seed_gives_the_same_pairs():
    assert dialogue(20, 1).equals(dialogue(20, 1))
    assert not dialogue(20, 1).equals(dialogue(20, 2))
