import math
import random
import warnings

import numpy as np
import pytest
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from gancore.errors import ConfigError, DataError
from seqgan.data.grammar import corpus
from seqgan.metrics import (
    bleu,
    copied_spans,
    distinct,
    frechet_distance,
    repetition,
    self_bleu,
    two_sample_test,
)
from seqgan.metrics.evaluation import evaluate, language_model_scores, temperature_sweep
from seqgan.metrics.plots import sweep_curve

ORDERS = (2, 3, 4, 5)


def random_sequences(n, seed, tokens=6, shortest=0, longest=9):
    rng = random.Random(seed)
    return [[str(rng.randrange(tokens)) for _ in range(rng.randint(shortest, longest))] for _ in range(n)]


def nltk_bleu(hypothesis, references):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        smooth = SmoothingFunction().method1
        return [sentence_bleu(references, hypothesis, [1 / n] * n, smooth) for n in ORDERS]


@pytest.mark.parametrize("seed", range(3))
def test_bleu_is_that_of_nltk(seed):
    """Empty and repeated sequences, ties of length, words no reference has."""
    hypotheses, references = random_sequences(40, seed), random_sequences(25, seed + 10, tokens=5)
    expected = [nltk_bleu(hypothesis, references) for hypothesis in hypotheses]
    np.testing.assert_allclose(bleu(hypotheses, references), expected, atol=1e-12)
    expected = [nltk_bleu(own, hypotheses[:row] + hypotheses[row + 1 :]) for row, own in enumerate(hypotheses)]
    np.testing.assert_allclose(self_bleu(hypotheses), expected, atol=1e-12)


def test_bleu_on_sentences():
    lines = [line.split() for line in corpus(60)]
    expected = [nltk_bleu(hypothesis, lines[30:]) for hypothesis in lines[:30]]
    np.testing.assert_allclose(bleu(lines[:30], lines[30:]), expected, atol=1e-12)


def test_published_values_of_captions(shared_data):
    """Real against real, 10,000 each, to the printed digit."""
    files = (shared_data / f"coco_{part}.txt" for part in ("train", "test"))
    train, test = ([line.split() for line in file.read_text().splitlines()] for file in files)
    np.testing.assert_allclose(bleu(train, test).mean(0), [0.743, 0.526, 0.343, 0.222], atol=1e-3)
    np.testing.assert_allclose(self_bleu(train).mean(0), [0.894, 0.751, 0.580, 0.422], atol=1e-3)


def test_bleu_needs_something_to_compare_with():
    with pytest.raises(DataError, match="references"):
        bleu([["a"]], [])
    with pytest.raises(DataError, match="two sequences"):
        self_bleu([["a"]])


def test_counts_by_hand():
    sequences = [["a", "b", "a", "b"], ["a", "b", "c"]]
    assert distinct(sequences, 1) == 3 / 7
    assert distinct(sequences, 2) == 3 / 5
    assert math.isnan(distinct(sequences, 5))
    assert repetition(sequences, 2) == pytest.approx((1 / 3 + 0) / 2)
    assert math.isnan(repetition([["a"]], 2))
    known = [["x", "a", "b", "c", "y"], ["c", "c"]]
    assert copied_spans([["a", "b", "c", "d"], ["q"], [], ["y", "x"], ["c", "c", "c"]], known).tolist() == [
        3,
        0,
        0,
        1,
        2,
    ]


def test_frechet_distance_of_gaussians():
    """Equal covariances: the squared distance of the means; one dimension: that of the deviations too."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(50, 3))
    texts = [str(row) for row in range(50)]

    def at(shift, scale=1.0):
        return lambda names: (
            scale * points[[int(name.strip("s")) for name in names]] + (shift if names[0][-1] == "s" else 0)
        )

    moved = [f"{text}s" for text in texts]
    assert frechet_distance(texts, texts, at(0)) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(texts, moved, at(np.array([3.0, 0, 4.0]))) == pytest.approx(25)
    line = {"a": 0.0, "b": 2.0, "c": 0.0, "d": 6.0}
    found = frechet_distance(["a", "b"], ["c", "d"], lambda names: np.array([[line[name]] for name in names]))
    assert found == pytest.approx((3 - 1) ** 2 + (math.sqrt(18) - math.sqrt(2)) ** 2)
    with pytest.raises(DataError, match="one row of finite numbers"):
        frechet_distance(texts, texts, lambda names: np.full((len(names), 2), np.nan))


def test_the_two_sample_test_tells_what_differs_and_only_that():
    same = two_sample_test(*([line.split() for line in corpus(600, seed)] for seed in (1, 2)))
    assert abs(same.accuracy - 0.5) < 0.08
    assert same.p_value > 0.01
    assert same.n == 600
    shuffled = [sorted(line.split()) for line in corpus(600, 3)]
    told = two_sample_test([line.split() for line in corpus(600, 1)], shuffled)
    assert told.accuracy > 0.95
    assert told.p_value < 1e-10


def test_evaluate_gives_every_figure_with_an_interval():
    lines = corpus(400)
    figures = evaluate(lines[:100], lines[100:200], train=lines[50:])
    assert figures["novel"].value == pytest.approx(len(set(lines[:100]) - set(lines[50:])) / len(set(lines[:100])))
    assert figures["unique"].value == len(set(lines[:100])) / 100
    for name, estimate in figures.items():
        assert estimate.low <= estimate.value <= estimate.high, name
    assert "novel" not in evaluate(lines[:100], lines[100:200])
    collapsed = evaluate(lines[:1] * 100, lines[100:200])
    assert collapsed["self-bleu-4"].value == pytest.approx(1)
    assert collapsed["unique"].value == 0.01
    spaced = ["  ".join(line.split()) for line in lines]
    assert evaluate(lines[:100], lines[100:200], train=spaced)["novel"].value == 0
    with pytest.raises(DataError, match="too little"):
        evaluate(["a"], lines)
    with pytest.raises(DataError, match="none of the 400 texts can be split into tokens of kind selfies"):
        evaluate(lines, ["CCO"] * 4, tokens="selfies")
    with pytest.raises(ConfigError, match="cannot be split into 'bytes'"):
        evaluate(lines, lines, tokens="bytes")


def test_language_models_notice_noise_and_sameness():
    lines = corpus(900)
    train, reference, fresh = lines[:400], lines[400:500], lines[500:]
    noise = [" ".join(reversed(line.split())) for line in fresh]
    good, bad, few = (
        language_model_scores(texts, train, reference, epochs=4) for texts in (fresh, noise, fresh[:5] * 80)
    )
    assert bad.forward > good.forward + 0.5
    assert few.reverse > good.reverse + 0.5
    assert good.real == bad.real == few.real


def test_a_sweep_and_its_picture(tmp_path):
    lines = corpus(200)
    sweep = temperature_sweep(lambda temperature: lines[: int(50 * temperature)], lines[100:], (1.0, 2.0))
    assert sweep["temperature"].tolist() == [1.0, 2.0]
    expected = bleu([line.split() for line in lines[:50]], [line.split() for line in lines[100:]], (4,)).mean()
    assert sweep["bleu"][0] == pytest.approx(expected)
    sweep_curve({"model": sweep}, tmp_path / "sweep.png", reference=(0.5, 0.6))
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")
