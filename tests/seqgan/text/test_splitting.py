"""Both sides of a comparison are split in one way: a kind of token, or as a model sees text."""

import io
import json
import math
import sys

import pytest

from gancore.errors import ConfigError, DataError
from seqgan.__main__ import main
from seqgan.data.grammar import corpus
from seqgan.data.settings import DataConfig
from seqgan.gan import SeqGAN
from seqgan.metrics import two_sample_test
from seqgan.metrics.evaluation import evaluate, language_model_scores, split_tokens, temperature_sweep
from seqgan.text.splitting import Tokens, advice
from seqgan.text.vocabulary import SPLIT, Vocabulary

LINES = corpus(80)
CAPITALS = [line.capitalize().replace("the ", "The ") for line in LINES]
CHINESE = [
    f"{who}{what}。" for who in ("猫", "狗", "小鸟", "一条鱼", "马") for what in ("在跑", "睡了", "吃饭", "唱歌")
]


@pytest.fixture
def run(command_line):
    return command_line("seqgan", main)


@pytest.fixture
def trained(small_text_config):
    def train(lines, folder=None, **data):
        config = small_text_config.as_recipe("mle", data=DataConfig(**data))
        return SeqGAN(config).fit(lines, out=folder, quiet=True)

    return train


def same(one, other):
    assert one.to_json() == other.to_json()


# How texts are split ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SPLIT)
def test_a_kind_and_a_vocabulary_of_it_split_alike(kind):
    lines = ["CCO", "c1ccccc1Br", "CC(=O)Cl"]
    known = Vocabulary.of(lines[:1], kind)
    assert split_tokens(lines, kind) == split_tokens(lines, known)
    lower = Vocabulary.of(lines[:1], "char", lower=True)
    assert (
        split_tokens(lines, lower) == split_tokens(lines, "char", lower=True) == [list(line.lower()) for line in lines]
    )


def test_byte_pairs_are_split_as_they_were_learnt():
    pairs = Vocabulary.of([*LINES, "漢字"], "bpe", max_size=400)
    (tokens,) = split_tokens([LINES[0]], pairs)
    assert tokens == [pairs.tokens[token] for token in pairs.encode(LINES[0])]
    with pytest.raises(ConfigError, match="are learnt: give the run"):
        split_tokens(LINES, "bpe")
    with pytest.raises(ConfigError, match="cannot be split into 'bytes'"):
        Tokens.of("bytes")


# Figures ----------------------------------------------------------------------------------------


def models(lines):
    """What is said of the perplexities."""
    return f"forward-, reverse- and reference-perplexity are of Kneser-Ney models of 4-grams, of {lines} lines each."


def test_case_is_the_models_on_both_sides():
    """The same lines in other case: not different where the model sees lower case, and said so."""
    known = Vocabulary.of(LINES, "word", lower=True)
    for tokens, lower in ((known, False), ("word", True), (Tokens.of("word", True), False)):
        figures = evaluate(CAPITALS[:40], LINES, CAPITALS[:20], tokens, lower)
        assert figures["bleu-4"].value == pytest.approx(1.0)
        assert figures["novel"].value == pytest.approx(evaluate(LINES[:40], LINES, LINES[:20])["novel"].value)
        assert "Tokens: word, lower case." in figures.notes
    plain = evaluate(CAPITALS[:40], LINES)
    assert plain["bleu-4"].value < 0.9
    assert json.loads(plain.to_json())["notes"] == ["Tokens: word.", models(40)]
    twice = ["A b c", "a B c", "a b d", "e f g"]
    assert evaluate(twice, twice, lower=True)["unique"].value == 0.75
    sweeps = [temperature_sweep(lambda t: CAPITALS[:40], LINES, (1.0,), tokens=tokens) for tokens in (known, "word")]
    assert sweeps[0]["bleu"][0] == pytest.approx(1.0)
    assert sweeps[1]["bleu"][0] < 0.9


@pytest.mark.parametrize("data", [{"lower": True}, {"tokens": "bpe", "max_size": 300}, {"tokens": "char"}])
def test_a_model_is_judged_by_its_own_tokens(trained, data):
    gan = trained(CAPITALS, **data)
    texts = gan.sample(30, seed=2)
    found = gan.evaluate(30, reference=CAPITALS, seed=2, train=CAPITALS[:30])
    same(found, evaluate(texts, CAPITALS, CAPITALS[:30], gan.vocabulary))
    tokens = data.get("tokens", "word")
    assert found.notes[0] == f"Tokens: {tokens}{', lower case' if 'lower' in data else ''}."
    lengths = [len(gan.vocabulary.encode(text)) for text in texts]
    assert found["length"].value == pytest.approx(sum(lengths) / 30)


def test_what_cannot_be_split_is_not_a_perfect_score():
    """Lines of a script without spaces, as words: nothing is counted that is not there."""
    figures = evaluate(CHINESE[:10], CHINESE[10:])
    undefined = {name for name, one in figures.items() if math.isnan(one.value)}
    assert undefined == {
        *(f"{kind}-{n}" for kind in ("bleu", "self-bleu", "reference-self-bleu") for n in (2, 3, 4, 5)),
        *("distinct-2", "distinct-3", "distinct-4", "repetition-2", "repetition-3", "repetition-4", "tell-apart"),
    }
    held = json.loads(figures.to_json())
    assert held["tell-apart"] == {"value": None, "low": None, "high": None, "n": 10}
    assert any(note.startswith("tell-apart is not defined") for note in held["notes"])
    assert any(note.startswith("Not defined, as no text has so many tokens: bleu-2") for note in held["notes"])
    assert any("puts no spaces between words" in note and "char" in note for note in held["notes"])
    split = evaluate(CHINESE[:10], CHINESE[10:], tokens="char")
    assert not any(math.isnan(one.value) for one in split.values())
    assert split.notes == ["Tokens: char.", models(5)]
    sweep = temperature_sweep(lambda t: CHINESE[:10], CHINESE[10:], (1.0,))
    assert sweep[["bleu", "self_bleu"]].isna().all(axis=None)
    assert temperature_sweep(lambda t: CHINESE[:10], CHINESE[10:], (1.0,), tokens="char")["bleu"][0] > 0.1


def test_figures_are_defined_as_far_as_texts_are_long():
    """Texts of three tokens: BLEU-3 is a figure, BLEU-4 of them is none."""
    three = ["a b c", "b c d", "c d e", "a b e"]
    figures = evaluate(three, LINES)
    assert not math.isnan(figures["bleu-3"].value)
    assert math.isnan(figures["self-bleu-4"].value)
    assert not math.isnan(figures["reference-self-bleu-4"].value)


def test_a_test_of_two_samples_needs_something_to_go_by():
    def names(first, last):
        return [[f"{place}"] for place in range(first, last)]

    for real, made in (
        (names(0, 40), names(40, 80)),  # nothing is said twice
        ([["same"]] * 40, [["same"]] * 40),  # nothing else is said
        ([[]] * 40, [[]] * 40),
        ([*names(0, 36), *[["x"]] * 4], [*names(36, 72), *[["x"]] * 4]),  # hardly anything is
    ):
        told = two_sample_test(real, made)
        assert math.isnan(told.accuracy)
        assert math.isnan(told.p_value)
        assert told.n == 40
    apart = two_sample_test([["a"]] * 40, names(0, 40))
    assert apart.accuracy == 1, "one of the sides is enough to tell by"
    words = [["red"], ["green"], ["blue"], ["grey"]] * 30
    assert abs(two_sample_test(words, words[1:]).accuracy - 0.5) < 0.2, "lines of one word that are said again"


def test_a_generator_that_always_says_the_same_has_likelihoods():
    collapsed = language_model_scores([LINES[0]] * 30, LINES[:40], LINES[40:], epochs=2)
    fresh = language_model_scores(LINES[40:70], LINES[:40], LINES[40:], epochs=2)
    assert all(map(math.isfinite, collapsed))
    assert collapsed.reverse > fresh.reverse
    capitals = language_model_scores(CAPITALS[40:70], LINES[:40], CAPITALS[40:], epochs=2, lower=True)
    assert capitals == fresh
    pairs = Vocabulary.of(LINES, "bpe", max_size=300)
    assert all(map(math.isfinite, language_model_scores(LINES[:9], LINES[:20], LINES[40:50], pairs, epochs=1)))
    with pytest.raises(DataError, match="none of its 9 lines can be used"):
        language_model_scores([""] * 9, LINES[:40], LINES[40:])


def test_training_a_judge_leaves_the_global_generators_alone():
    import torch

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    language_model_scores(LINES[:9], LINES[:20], LINES[20:30], epochs=1)
    assert torch.equal(torch.rand(3), expected)


# What is advised --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (CHINESE, "char or bpe"),
        (["これは ペンです。", "日本語の文 を書く"], "no spaces between words"),
        (["แมวนั่งอยู่บนเสื่อ สุนัขวิ่งเร็ว", "ฉันรักเธอ"], "no spaces between words"),
        (["CCO", "c1ccccc1", "CC=O"], "smiles where the lines are SMILES"),
    ],
)
def test_lines_that_words_do_not_suit(lines, words):
    assert words in advice(lines)


@pytest.mark.parametrize(
    "lines",
    [LINES, [], ["", " "], ["привет мир", "как дела"], ["안녕 하세요", "잘 지내요"], ["go", "the dog ran", "a b"]],
)
def test_lines_that_words_suit(lines):
    assert advice(lines) == ""


# The command line -------------------------------------------------------------------------------


def test_a_files_run_says_how_it_is_split(run, trained, tmp_path):
    trained(CAPITALS, tmp_path / "r", lower=True)
    (tmp_path / "new.txt").write_text("\n".join(LINES[:40]))
    (tmp_path / "real.txt").write_text("\n".join(CAPITALS))
    (tmp_path / "r" / "held_out.txt").write_text("\n".join(CAPITALS))
    expected = json.loads(evaluate(LINES[:40], CAPITALS, lower=True).to_json())

    def figures(*arguments):
        code, out, err = run("evaluate", *arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    assert figures("new.txt", "--reference", "r/held_out.txt") == expected
    assert figures("new.txt", "--reference", "real.txt", "--run", "r") == expected
    assert figures("new.txt", "--reference", "real.txt", "--lower") == expected
    assert figures("new.txt", "--reference", "real.txt")["notes"][0] == "Tokens: word."
    assert figures("new.txt", "--reference", "r/held_out.txt", "--tokens", "char")["notes"][0] == "Tokens: char."
    assert "Tokens: word, lower case." in run("evaluate", "new.txt", "--reference", "r/held_out.txt")[1]
    code, _, err = run("evaluate", "new.txt", "--reference", "real.txt", "--run", "r", "--tokens", "word")
    assert (code, err) == (2, "seqgan: --run has tokens and case of its own: leave --tokens and --lower out.\n")
    code, _, err = run("evaluate", "new.txt", "--reference", "real.txt", "--tokens", "bpe")
    assert code == 2
    assert "give the run (--run)" in err
    code, _, err = run("export", "r", "--out", "m", "--reference", "real.txt", "-n", 20)
    assert code == 0, err
    assert "Tokens: word, lower case." in (tmp_path / "m" / "README.md").read_text()


def test_training_and_judging_warn_of_a_script_without_spaces(run, tmp_path):
    (tmp_path / "lines.txt").write_text("\n".join(CHINESE), encoding="utf-8")
    few = ["--set", "recipe=mle", "--set", "likelihood.epochs=1", "--set", "model.width=8", "--set", "device=cpu"]
    for kind, warned in (("word", True), ("char", False)):
        code, _, err = run("train", "--data", "lines.txt", "--out", kind, *few, "--set", f"data.tokens={kind}")
        assert code == 0, err
        assert ("warning: most of the text is in a script that puts no spaces between words" in err) == warned
    out = run("evaluate", "lines.txt", "--reference", "lines.txt")[1]
    assert "puts no spaces between words" in out


# Prefixes, and where texts are written ----------------------------------------------------------


def test_several_prefixes_have_the_texts_of_each(trained):
    gan = trained(LINES)
    both = gan.sample(6, prefix=["the", "a"], seed=3)
    assert both == gan.sample(6, prefix="the", seed=3) + gan.sample(6, prefix="a", seed=3)
    assert gan.sample(2, prefix=("the",)) == gan.sample(2, prefix="the")
    for wrong in ([], [3], 3, ["the", None], {"the": 1}):
        with pytest.raises(ConfigError, match="prefix: give a string, or a list of strings"):
            gan._prefixes(wrong, 5)  # the types of these tests refuse what Python lets through


def narrow(monkeypatch, command, program_main, encoding="ascii"):
    """Exit code, standard output and error of a command line whose streams hold so little."""
    streams = {
        name: io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=errors)
        for name, errors in (("stdout", "strict"), ("stderr", "backslashreplace"))
    }
    with monkeypatch.context() as patch:
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
        patch.setattr(sys, "argv", list(map(str, command)))
        with pytest.raises(SystemExit) as end:
            program_main()
    for stream in streams.values():
        stream.flush()
    return (end.value.code or 0, *(stream.buffer.getvalue().decode("ascii") for stream in streams.values()))


def test_a_narrow_standard_output_is_one_sentence_for_texts(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained(CHINESE, tmp_path / "r", tokens="char")
    code, out, err = narrow(monkeypatch, ["seqgan", "generate", "r", "-n", 3], main)
    assert (code, out) == (1, "")
    assert err.startswith("seqgan: standard output is ascii, which has no \\u")
    assert err.endswith("; set PYTHONIOENCODING=utf-8, or write to a file with --out.\n")
    assert narrow(monkeypatch, ["seqgan", "generate", "r", "-n", 3, "--out", "new.txt"], main)[0] == 0
    assert len((tmp_path / "new.txt").read_text(encoding="utf-8").splitlines()) == 3


def test_a_narrow_standard_output_has_tables_with_escapes(trained, tmp_path, monkeypatch):
    import molgan.__main__

    monkeypatch.chdir(tmp_path)
    trained(LINES, tmp_path / "漢" / "r")
    for program, start in (("seqgan", main), ("molgan", molgan.__main__.main)):
        code, out, err = narrow(monkeypatch, [program, "runs", "漢"], start)
        assert code == 0, err
        assert "+" in out or "|" in out
        code, out, err = narrow(monkeypatch, [program, "runs", "文"], start)
        assert code == 1
        assert "\\u6587" in err


def test_words_are_written_as_text_where_asked(run, trained, tmp_path):
    lines = [
        f"{who} , he said , does n't {what} ." for who in ("ben", "ann", "the dog") for what in ("run", "sit", "eat")
    ]
    trained(lines, tmp_path / "r")
    plain, text = (run("generate", "r", "-n", 4, *flag)[1].splitlines() for flag in ([], ["--readable"]))
    gan = SeqGAN.load(tmp_path / "r")
    assert plain == gan.sample(4)
    assert text == [gan.readable(line) for line in plain]
    assert gan.readable(lines[0]) == "Ben, he said, doesn't run."
    cased = trained([f"Says {line}" for line in lines])
    assert cased.readable("ben , Says he .") == "ben, Says he."
    assert trained(LINES, tokens="char").readable("a , b .") == "a , b ."
