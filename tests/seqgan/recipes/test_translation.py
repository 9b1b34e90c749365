"""Recipes that translate: whose turn moves what, what the terms are, that each teaches, and what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from gancore.errors import ConfigError, DataError, RunError
from gancore.training.loop import play
from gancore.types import Batch, Context
from seqgan import Config, SeqGAN
from seqgan.recipes.translating import Search
from seqgan.recipes.unpaired import noised, side_by_side
from seqgan.text.alphabet import Alphabet

PAD, BEGIN, END = 0, 1, 2
ALPHABET = Alphabet(size=9, begin=BEGIN, end=END, pad=PAD)
SMALL = (
    *("model.embedding=8", "model.width=8", "model.heads=2", "critic.pretrain=1", "critic.steps=1", "steps=2"),
    *("likelihood.epochs=2", "batch=4", "likelihood.batch=4", "policy.draws=2", "device=cpu"),
)
WORDS = ["red", "green", "blue", "small", "big", "old"]
MIRRORED = [(f"{one} {other}", f"{other} {one}") for one in WORDS for other in WORDS if one != other]
SIDES = pd.DataFrame(
    {
        "text": [f"the {one} {other}" for one, other in MIRRORED] + [f"{one} {other} ze" for one, other in MIRRORED],
        "label": ["first"] * len(MIRRORED) + ["last"] * len(MIRRORED),
    }
)
ROWS = {"pix2pix": MIRRORED, "cyclegan": SIDES, "stargan": SIDES}
each = pytest.mark.parametrize("recipe", ROWS)


def config(recipe, *more):
    own = [] if recipe == "pix2pix" else ["critic.embedding=8", "critic.filters=0.02"]
    return Config.load(recipe, [*SMALL, *own, *more])


@pytest.fixture(scope="module")
def trained():
    """A model of every recipe, trained for a moment once."""
    return {recipe: SeqGAN(config(recipe)).fit(rows, quiet=True) for recipe, rows in ROWS.items()}


def asked(recipe, value="last"):
    return {} if recipe == "pix2pix" else {"condition": {"label": value}}


# Turns and terms ---------------------------------------------------------------------------------


@each
def test_a_turn_moves_its_own_player_only(trained, recipe):
    recipe_of = trained[recipe].recipe
    for phase in recipe_of.phases(trained[recipe].data)[1:]:
        for player in phase.players:
            before = {
                name: {key: part.clone() for key, part in module.state_dict().items()}
                for name, module in recipe_of.modules.items()
            }
            play([replace(player, repeat=1)], phase.batches, range(1))
            moved = {
                name
                for name, parts in before.items()
                for key, part in parts.items()
                if not torch.equal(part, recipe_of.modules[name].state_dict()[key])
            }
            assert moved == {player.name}


@each
def test_equal_rewards_teach_nothing(trained, recipe):
    """With the other draws as baseline, what all draws of a source are paid alike moves nothing."""
    own = trained[recipe].recipe
    sources = trained[recipe].data.train[:3].repeat_interleave(2, 0)
    context = trained[recipe].data.context
    context = context[:3][torch.arange(3).repeat_interleave(2)] if context is not None else None
    ids = own.draw(sources, context)
    assert own.reinforce(ids, sources, context, torch.tensor([1.0, 1, 5, 5, -2, -2])).abs().sum().item() == 0
    loss = own.reinforce(ids, sources, context, torch.tensor([1.0, 0, 0, 0, 0, 0]))
    assert loss[1:].abs().sum() == 0


def test_noise_leaves_out_and_moves_within_bounds():
    ids = torch.tensor([[3, 4, 5, 6, 7, END], [8, 3, END, PAD, PAD, PAD]])
    assert torch.equal(noised(ids, ALPHABET, 0.0, 0.0), ids)
    nothing = noised(ids, ALPHABET, 1.0, 3.0)
    assert nothing.tolist() == [[END, 0, 0, 0, 0, 0]] * 2
    for _ in range(50):
        moved = noised(ids, ALPHABET, 0.0, 2.0)
        assert sorted(moved[0].tolist()) == sorted(ids[0].tolist())
        assert moved[:, [5]].flatten().tolist() == [END, PAD]
        assert all(abs(moved[0].tolist().index(token) - place) < 2 for place, token in enumerate(ids[0].tolist()))
    wide = ids[:1].repeat(4000, 1)
    left = (noised(wide, ALPHABET, 0.3, 3.0) > END).sum(1).float().mean()
    assert float(left) == pytest.approx(5 * 0.7, abs=0.1)


def test_the_other_side_is_asked_of_each_row(trained):
    own = trained["cyclegan"].recipe
    context = Context(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.ones(2, 2, dtype=torch.bool))
    assert own.asked_of(context).values.tolist() == [[0, 1], [1, 0]]
    first, last = (Batch((torch.zeros(1, 3),), context[row]) for row in (slice(0, 1), slice(1, 2)))
    assert side_by_side(first, last).context.values.tolist() == context.values.tolist()


def test_cyclegan_plays_on_a_stream_a_side(trained):
    gan = trained["cyclegan"]
    batch = next(gan.recipe.phases(gan.data)[-1].batches)
    assert list(batch) == ["first", "second"]
    for side, name in enumerate(("the", "ze")):
        part = batch[("first", "second")[side]]
        texts = [gan.vocabulary.decode(row) for row in part.sample[0].tolist()]
        assert all(name in text.split() for text in texts)
        assert bool((part.context.values[:, side] == 1).all())


def test_stargan_asks_for_one_condition_of_another_row():
    rows = SIDES.assign(words=[len(text) / 7 for text in SIDES["text"]])
    gan = SeqGAN(config("stargan")).fit(rows, condition=["label", "words"], quiet=True)
    context = Context(torch.randn(64, 3), torch.ones(64, 3, dtype=torch.bool))
    changed = gan.recipe.asked_at_random(context).values != context.values
    assert bool((changed[:, 0] == changed[:, 1]).all())
    assert not bool((changed[:, 0] & changed[:, 2]).any())
    assert bool(changed[:, 0].any())
    assert bool(changed[:, 2].any())
    table = gan.predict(SIDES["text"].tolist()[:3])
    assert list(table) == ["label", "label_probability", "words"]


def test_likelihood_learns_a_mapping():
    learning = ["likelihood.epochs=60", "likelihood.lr=0.01", "model.width=16", "steps=0", "data.test=0"]
    gan = SeqGAN(config("pix2pix", *learning)).fit(MIRRORED, quiet=True)
    sources, targets = map(list, zip(*MIRRORED, strict=True))
    assert np.mean(gan.translate(sources)["target"] == targets) > 0.9


def test_the_adversary_alone_brings_translations_nearer():
    """No likelihood: a critic of pairs alone tells that a word stays as it is."""
    rows = [(word, word) for word in WORDS] * 4
    learning = [
        *("likelihood.epochs=0", "policy.likelihood=0", "steps=150", "critic.pretrain=20", "critic.steps=2", "lr=0.01"),
        *("critic.lr=0.01", "critic.dropout=0", "batch=16", "policy.draws=4", "average=0", "hide_source=0"),
        *("model.width=16", "model.embedding=16", "data.test=0", "data.valid=0", "model.embedding_dropout=0"),
    ]
    begun = SeqGAN(config("pix2pix", *learning, "steps=0")).fit(rows, quiet=True)
    gan = SeqGAN(config("pix2pix", *learning)).fit(rows, quiet=True)

    def right(model):
        ids, own = model.data.train, model.recipe
        return float(own.log_prob((ids, model.data.sources[0])).exp().mean())

    assert right(gan) > right(begun) + 0.2


# Translating -------------------------------------------------------------------------------------


@each
def test_translations_come_in_order_and_by_the_seed(trained, recipe):
    gan = trained[recipe]
    sources = ["red green", "blue", "old big", "blue red"] if recipe == "pix2pix" else SIDES["text"].tolist()[:4]
    table = gan.translate(sources, 3, **asked(recipe))
    assert list(table) == ["row", "source", "rank", "target", "log_prob", "reason"]
    assert table["source"].tolist() == [source for source in sources for _ in range(3)]
    assert table["rank"].tolist() == [1, 2, 3] * 4
    for _, some in table.groupby("row"):
        assert some["log_prob"].is_monotonic_decreasing
    one, again, other = (gan.translate(sources, 3, temperature=1.0, seed=seed, **asked(recipe)) for seed in (0, 0, 1))
    assert one.equals(again)
    assert not one["target"].equals(other["target"])
    assert bool((one["log_prob"] < 0).all())
    assert gan.translate(sources[1], **asked(recipe))["source"].tolist() == [sources[1]]


@each
def test_what_is_saved_translates_the_same(trained, recipe, tmp_path):
    gan = trained[recipe]
    sources = SIDES["text"].tolist()[:3] if recipe != "pix2pix" else ["red green", "old big"]
    gan.save(tmp_path / "run")
    gan.save_pretrained(tmp_path / "model")
    expected = gan.translate(sources, 2, **asked(recipe))
    for folder in ("run", "model"):
        assert SeqGAN.load(tmp_path / folder).translate(sources, 2, **asked(recipe)).equals(expected)


def test_a_source_that_cannot_be_read_has_its_reason(trained):
    table = trained["pix2pix"].translate(["red green", "red zebra", " ", None, "red blue old"])
    assert table["row"].tolist() == [1, 2, 3, 4, 5]
    assert table["reason"].tolist() == [
        "",
        "has 'zebra', which the model does not know",
        "is empty",
        "is empty",
        "has 3 tokens, and the model reads at most 2",
    ]
    assert table["target"].isna().tolist() == [False, True, True, True, True]


def test_a_condition_may_be_a_list(trained):
    gan, text = trained["cyclegan"], SIDES["text"][0]
    both = gan.translate([text, text], condition={"label": ["first", "last"]})
    for row, name in enumerate(("first", "last")):
        alone = gan.translate(text, condition={"label": name})
        assert both["target"][row] == alone["target"][0]


def test_a_translator_also_goes_on_from_another(trained, tmp_path):
    gan = SeqGAN(config("pix2pix", "likelihood.epochs=0", "steps=1")).fit(
        MIRRORED, start=trained["pix2pix"], quiet=True
    )
    assert gan.vocabulary.tokens == trained["pix2pix"].vocabulary.tokens


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"n": 0}, ConfigError, "cannot give 0 translations"),
        ({"n": 4, "beam": 2}, ConfigError, "beam must be at least n, 4; got 2"),
        ({"temperature": 1e9}, ConfigError, "temperature must be from"),
        ({"guidance": -1.0}, ConfigError, "guidance must be from 0 to 100"),
        ({"condition": {"tone": 1}}, ConfigError, "this model was trained without conditions"),
        ({"sources": []}, DataError, "there is nothing to translate"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(trained, given, error, told):
    with pytest.raises(error, match=told):
        trained["pix2pix"].translate(**{"sources": ["red"], **given})


def test_without_a_request_it_says_what_there_is(trained):
    for recipe in ("cyclegan", "stargan"):
        with pytest.raises(ConfigError, match="say what to translate into, one of label: first, last"):
            trained[recipe].translate("the red big")


def test_recipes_and_data_that_do_not_go_together():
    with pytest.raises(ConfigError, match="recipe cyclegan needs one condition of two classes"):
        SeqGAN(config("cyclegan")).fit(SIDES.assign(tone=[str(row % 3) for row in range(60)]), condition="tone:class")
    with pytest.raises(ConfigError, match="condition label: the data have no such column"):
        SeqGAN(config("stargan")).fit(SIDES["text"].tolist(), quiet=True)
    with pytest.raises(DataError, match="no column named source"):
        SeqGAN(config("pix2pix")).fit(SIDES, quiet=True)
    with pytest.raises(ConfigError, match="recipe pix2pix learns from pairs: give a file or a frame with columns"):
        SeqGAN(config("pix2pix")).fit(None, quiet=True)
    with pytest.raises(ConfigError, match="width 9 must be even"):
        config("pix2pix", "model.width=9")


def test_other_recipes_do_not_translate():
    gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1", "model.width=8"]))
    with pytest.raises(RunError, match="has no weights yet"):
        gan.translate("red")
    with pytest.raises(ConfigError, match="translate: recipe mle has no translate; take one that has"):
        gan.fit(["red green", "green red", "blue"], quiet=True).translate("red")


def test_the_width_of_a_beam():
    assert [Search(n, beam=beam).checked().beam for n, beam in ((1, 0), (9, 0), (2, 3))] == [5, 9, 3]


@each
def test_a_translator_can_be_tuned_without_sources(trained, recipe):
    """As any model whose likelihood is known; the gradient flows, and `log_prob` is the same without one."""
    own = trained[recipe].recipe
    ids = trained[recipe].data.train[:3]
    network = own.averaged.average
    free = own.log_prob_of(own.generator, (ids,))
    assert free.requires_grad
    assert torch.allclose(own.log_prob((ids,)), own.log_prob_of(network, (ids,)), atol=1e-4)
