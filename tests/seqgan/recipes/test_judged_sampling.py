"""A critic that sampling asks: n-grams, lines of its own, what it sees of held-out lines, rejection with a ceiling."""

import json
import warnings

import numpy as np
import pytest
import torch

import seqgan
import seqgan.__main__
from gancore.errors import ConfigError, DataError
from gancore.io.notes import Note
from gancore.statistics.ranking import area_under_curve
from gancore.types import Context
from seqgan.data.corpus import Corpus
from seqgan.gan import SeqGAN
from seqgan.networks.critics import CriticConfig, NgramCritic, ngrams
from seqgan.recipes.judged_sampling import Calibration, split_off
from seqgan.text.alphabet import Alphabet

WORDS = Alphabet(size=9, begin=1, end=2, pad=0, unknown=3)
TWO = ["a b c d", "e f g h"]


def config(*settings, recipe="seqgan"):
    few = ["device=cpu", "steps=0", "batch=16", "likelihood.epochs=1", "critic.pretrain=2", "log_every=1"]
    few += ["model.width=8", "model.embedding=8", "critic.kind=ngrams", "critic.embedding=8", "critic.buckets=256"]
    return seqgan.Config.load("small", [f"recipe={recipe}", *few, "policy.reward=rollout", *settings])


def test_the_area_under_the_curve_is_the_share_of_pairs():
    random = np.random.default_rng(0)
    higher, lower = random.integers(0, 6, 40).astype(float), random.integers(0, 5, 30).astype(float)
    pairs = (higher[:, None] > lower).mean() + (higher[:, None] == lower).mean() / 2
    assert area_under_curve(higher, lower) == pytest.approx(pairs)
    assert area_under_curve(lower, higher) == pytest.approx(1 - pairs)
    with pytest.raises(ValueError, match="0 and 30"):
        area_under_curve(higher[:0], lower)


def test_grams_are_counted_by_hand():
    ids = torch.tensor([[4, 5, 4, 2, 0, 0]])
    hashes, counted = ngrams(ids, WORDS)
    # begin 4 5 4 end: 5 single tokens, 4 pairs, 3 triples; pairs 2, 3 and 4 places apart: 3, 2 and 1
    assert int(counted.sum()) == 5 + 4 + 3 + 3 + 2 + 1
    assert len(hashes[counted].unique()) == 18 - 1, "4 is there twice"
    wider = torch.nn.functional.pad(ids, (0, 4))
    again, still = ngrams(wider, WORDS)
    assert sorted(again[still].tolist()) == sorted(hashes[counted].tolist())
    one, other = (ngrams(torch.tensor([row]), WORDS)[0].unique().tolist() for row in ([4, 5, 6], [6, 5, 4]))
    assert set(one) != set(other), "order counts"
    assert ngrams(ids[:, :1], WORDS)[0].shape == (1, 3), "a short sequence has no long gram"


def test_the_critic_of_grams_tells_order_and_hears_a_context():
    critic = NgramCritic(WORDS, CriticConfig("ngrams", embedding=8, buckets=512, dropout=0.0), 6, context_features=1)
    optimizer = torch.optim.Adam(critic.parameters(), 0.05)
    ids, labels = torch.tensor([[4, 5, 6, 2], [6, 5, 4, 2]]), torch.tensor([1.0, 0.0])
    unknown = Context.unknown(2, 1)
    for _ in range(30):
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(critic((ids,), unknown).logits, labels)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    told = Context(torch.ones(2, 1), torch.ones(2, 1, dtype=torch.bool))
    assert not torch.equal(critic((ids,), told).logits, critic((ids,), unknown).logits)


def test_lines_of_the_critic_are_not_lines_of_the_generator():
    train = torch.arange(40).repeat(3)[:, None]
    corpus = Corpus(WORDS, train, train[:2], train[:0]).with_context(
        Context(torch.arange(122)[:, None].float(), torch.ones(122, 1, dtype=torch.bool))
    )
    learnt, judged = split_off(corpus, 0.25, seed=3)
    assert len(judged.train) == 30
    assert len(learnt.train) == 90
    assert not set(learnt.train.flatten().tolist()) & set(judged.train.flatten().tolist())
    assert torch.equal(judged.context.values[:, 0].long() % 40, judged.train[:, 0])
    assert torch.equal(judged.valid, corpus.valid)
    assert torch.equal(split_off(corpus, 0.25, seed=3)[1].train, judged.train)
    assert not torch.equal(split_off(corpus, 0.25, seed=4)[1].train, judged.train)
    with pytest.raises(DataError, match="one distinct line"):
        split_off(Corpus(WORDS, train[:1], train[:0], train[:0]), 0.5, 0)


@pytest.mark.parametrize("recipe", ["seqgan", "gad"])
def test_no_player_sees_the_lines_of_the_other(recipe):
    settings = ["critic.held_out=0.5", "steps=2", "data.valid=0.1"]
    if recipe == "gad":
        whole = seqgan.Config.load("gad", ["device=cpu", "batch=8", "model.width=8", "critic.held_out=0.5", "steps=2"])
    else:
        whole = config(*settings)
    corpus = Corpus.of([f"a{i} b{i}" for i in range(60)], whole.data)
    from seqgan.data.space import TextSpace
    from seqgan.recipes import RECIPES

    space = TextSpace(corpus.alphabet, corpus.length, corpus.vocabulary)
    networks = RECIPES[recipe](whole, space, torch.device("cpu"))
    seen = {"likelihood": set(), "critic": set(), "generator": set()}

    def noted(name):
        def turn(batch, step):
            seen[name].update(map(tuple, batch.sample[0].tolist()))
            return {}

        return turn

    networks.critic_turn, networks.generator_turn = noted("critic"), noted("generator")
    networks.pretraining.turn = noted("likelihood")
    for phase in networks.phases(corpus):
        for player in phase.players:
            for step in range(20):
                player.losses(next(phase.batches), step)
    lines = set(map(tuple, corpus.train.tolist()))
    assert seen["critic"] | seen["generator"] == lines
    assert not seen["critic"] & seen["generator"]
    assert seen["generator"] == seen["likelihood"]


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A poor likelihood of two sentences, and a critic that knows them well."""
    out = tmp_path_factory.mktemp("judged") / "run"
    settings = ["critic.rejections=20", "critic.ceiling=8", "critic.pretrain=60", "critic.lr=0.02", "monitor_every=20"]
    more = ["likelihood.epochs=14", "critic.objective=non_saturating", "critic.dropout=0", "data.valid=0.1"]
    lines = [f"{a} {b} {c}" for a in "abcd" for b in "abcd" for c in "abcd" if (a == b) != (b == c)] * 8
    gan = SeqGAN(config(*settings, *more, "critic.held_out=0.3")).fit(lines, out=out, quiet=True)
    return gan, out, set(lines)


def test_what_the_critic_sees_is_a_figure_of_the_run(judged):
    gan, out, _ = judged
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    found = [row["critic/auc"] for row in rows if "critic/auc" in row]
    assert len(found) == 4, "each 20 steps, and at the end"
    assert found[-1] > 0.6
    assert found[-1] == pytest.approx(gan.recipe.held_out_auc(gan.data))
    assert gan.domain.labels["critic/auc"] == "held-out auc"


def test_rejection_brings_samples_nearer_and_a_ceiling_decides_how_near(judged):
    gan, _, lines = judged
    share = {}
    for name, asked in {"raw": {"raw": True}, "low": {"ceiling": 1.0}, "trained": {}, "same": {"ceiling": 8.0}}.items():
        drawn = gan.sample(400, seed=2, **asked)
        share[name] = np.mean([text in lines for text in drawn])
    assert share["raw"] + 0.05 < share["trained"]
    assert share["raw"] <= share["low"] <= share["trained"]
    assert share["same"] == share["trained"]
    assert list(gan.sample(400, seed=2))[:5] == list(gan.sample(5, seed=2))


def test_the_command_takes_a_ceiling(judged, command_line):
    gan, out, _ = judged
    run = command_line("seqgan", seqgan.__main__.main)
    code, printed, _ = run("generate", str(out), "-n", "6", "--ceiling", "1.5", "--quiet")
    assert code == 0
    assert printed.splitlines() == list(gan.sample(6, ceiling=1.5))
    assert run("generate", str(out), "-n", "2", "--ceiling", "0.5")[0] == 2


def test_a_ceiling_needs_a_critic_and_a_number(judged):
    gan, _, _ = judged
    with pytest.raises(ConfigError, match=r"^ceiling must be a number of at least 1; got 0\.5\.$"):
        gan.sample(2, ceiling=0.5)
    plain = SeqGAN(seqgan.Config.load("small", ["recipe=mle", "likelihood.epochs=1"])).fit(TWO * 3, quiet=True)
    with pytest.raises(ConfigError, match=r"^ceiling: this model has no critic that rejects samples; leave it out\.$"):
        plain.sample(2, ceiling=2.0)


def test_a_start_that_knows_the_lines_of_the_critic_is_told_of():
    lines = [f"{a} {b} {c}" for a in "abc" for b in "abc" for c in "abc"]
    tuned = ["likelihood.epochs=0", "critic.held_out=0.25"]
    start = SeqGAN(config("critic.held_out=0.25", "critic.pretrain=0")).fit(lines, quiet=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SeqGAN(config(*tuned)).fit(lines, start=start, quiet=True)
    for other, rows in ((["seed=1"], lines), (["critic.held_out=0.5"], lines), ([], lines[1:])):
        with pytest.warns(Note, match=r"^critic\.held_out: the start may have learnt from the lines"):
            SeqGAN(config(*tuned, *other)).fit(rows, start=start, quiet=True)


def test_a_critic_that_is_too_sure_of_itself_is_calibrated():
    """Log-ratios of N(1, 1) to N(0, 1), three times too large: the slope is a third."""
    random = torch.Generator().manual_seed(0)
    real, fake = 1 + torch.randn(20_000, generator=random), torch.randn(20_000, generator=random)
    calibration = Calibration()
    calibration.fit(3 * (real - 0.5) + 7, 3 * (fake - 0.5) + 7)
    assert calibration.slope.item() == pytest.approx(1 / 3, rel=0.05)
    calibration.fit(fake, real)
    assert calibration.slope.item() == 0, "it saw nothing but the wrong way round"
    calibration.fit(torch.tensor([5.0, 6.0]), torch.tensor([1.0, 2.0]))
    assert 1 < calibration.slope.item() < 1000


def test_rejection_follows_the_calibrated_logits(tmp_path):
    lines = [f"{a} {b} {c}" for a in "abc" for b in "abc" for c in "abc"] * 2
    settings = ["critic.rejections=20", "critic.calibrated=true", "critic.lr=0.02", "critic.pretrain=20", "steps=0"]
    gan = SeqGAN(config(*settings)).fit(lines, out=tmp_path / "run", quiet=True)
    latest, slope = gan._training.latest, gan.recipe.calibration.slope
    assert latest["critic/slope"] == pytest.approx(slope.item())
    slope.fill_(1.0)
    gan.save_pretrained(tmp_path / "model")
    again = SeqGAN.load(tmp_path / "model", "cpu")
    assert list(again.sample(100, ceiling=1.0)) == list(gan.sample(100, ceiling=1.0)) != list(gan.sample(100, raw=True))
    slope.fill_(0.0)
    assert list(gan.sample(100, ceiling=1.0)) == list(gan.sample(100, raw=True)), "all are as likely"
    with pytest.raises(ConfigError, match=r"set data\.valid above 0"):
        config("critic.calibrated=true", "data.valid=0")
    with pytest.raises(ConfigError, match=r"set data\.valid above 0"):
        seqgan.Config.load("gad", ["data.valid=0"])
