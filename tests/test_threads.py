"""One loaded model in many threads gives what it gives in one; a fork of a program works as the program does."""

import operator
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from gancore.io.process_pool import Pool
from gancore.training.ema import EMA
from molgan.gan import MolGAN
from molgan.metrics import evaluate as judge
from molgan.recipes.config import Config as MolConfig
from seqgan.data.grammar import corpus
from seqgan.gan import SeqGAN
from seqgan.networks.architectures import GeneratorConfig
from seqgan.networks.generator import Generator, at_rest, nll, without_dropout
from seqgan.text.alphabet import Alphabet

LINES = corpus(60)
THREADS, SEEDS = 8, range(8)


def in_threads(work, items):
    """What `work` gives for each item when eight threads are at it, each item twice."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, [*items, *items]))


def agree(work, items):
    serial = [work(item) for item in items]
    assert in_threads(work, items) == serial * 2
    return serial


@pytest.fixture(scope="module", params=["mle", "critic", "transformer"])
def text(request, tmp_path_factory):
    """A loaded model with a lot of dropout; `critic`: one whose critic, with dropout too, rejects draws."""
    from seqgan.recipes.config import Config, LikelihoodConfig
    from seqgan.recipes.seqgan_config import SeqGANCriticConfig

    kind = "transformer" if request.param == "transformer" else "lstm"
    model = GeneratorConfig(kind, embedding=8, width=8, layers=2, embedding_dropout=0.5, dropout=0.5)
    config = Config(recipe="mle", device="cpu", model=model, likelihood=LikelihoodConfig(epochs=2, batch=16))
    if request.param == "critic":
        critic = SeqGANCriticConfig(filters=0.05, dropout=0.5, pretrain=3, pool=16, rejections=3)
        config = config.as_recipe("seqgan", steps=0, critic=critic)
    folder = tmp_path_factory.mktemp("text") / "run"
    SeqGAN(config).fit(LINES, out=folder, quiet=True)
    return SeqGAN.load(folder)


def test_texts_of_many_threads_are_those_of_one(text):
    found = agree(lambda seed: text.sample(40, seed=seed), SEEDS)
    assert len({tuple(texts) for texts in found}) == len(SEEDS)


def test_likelihoods_and_figures_of_many_threads_are_those_of_one(text):
    ids = torch.randint(4, text.vocabulary.alphabet.size, (40, text._trained.length))
    average = text._trained.averaged.average
    agree(lambda seed: nll(average, ids[seed:]), SEEDS)
    agree(lambda seed: str(text.evaluate(30, LINES, seed=seed, train=LINES)), range(2))


def test_a_loaded_and_a_trained_model_are_at_rest(text, small_text_config):
    trained = SeqGAN(small_text_config.as_recipe("mle")).fit(LINES, quiet=True)
    for gan in (text, trained):
        assert not any(part.training for module in gan._trained.modules.values() for part in module.modules())


def test_streams_that_take_turns_are_those_of_one(text):
    streams = [text.stream(30, seed=seed) for seed in range(3)]
    assert [list(texts) for texts in zip(*(zip(*streams, strict=True)), strict=True)] == [
        text.sample(30, seed=seed) for seed in range(3)
    ]


def test_dropout_is_off_until_the_last_thread_has_left():
    """A network in training: two blocks overlap in time; the one that leaves first does not switch it on."""
    generator = Generator(Alphabet(9, 1, 2, 0), GeneratorConfig(embedding=4, width=8, dropout=0.5), 5)
    first, second = at_rest(generator), without_dropout(generator)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not generator.drop.training
    second.__exit__(None, None, None)
    assert generator.drop.training, "training goes on as before"
    with at_rest(generator), at_rest(generator):
        assert not generator.drop.training
    assert generator.drop.training


def test_an_average_never_trains():
    averaged = EMA(torch.nn.Dropout(0.5))
    assert not averaged.average.training
    assert averaged.train().training
    assert not averaged.average.training


@pytest.fixture(scope="module", params=["one_shot", "autoregressive", "molgan"])
def molecules(request, tmp_path_factory):
    """A loaded model of each recipe; the growing one has dropout, and a critic that rejects draws."""
    smiles = ["CCO", "CCN", "CCC", "C1CC1O", "CC(C)O", "CC=O", "C#N", "CCCO", "CNC", "OCCO"] * 2
    few = [f"recipe={request.param}", "steps=2", "batch=8", "device=cpu"]
    few += {
        "autoregressive": ["model.recurrent=16", "model.pair=8", "model.dropout=0.5", "critic.rejections=3"],
        "one_shot": ["model.noise=8", "model.generator=[16]", "model.critic=[16]", "model.encoder=[16]"],
        "molgan": ["model.noise=8", "model.generator=[16]"],
    }[request.param]
    if request.param != "molgan":
        few += ["pretrain.steps=4", "pretrain.batch=8"]
    config = MolConfig.load("default", few)
    folder = tmp_path_factory.mktemp("molecules") / "run"
    MolGAN(config).fit(smiles, out=folder, quiet=True)
    return MolGAN.load(folder)


def test_molecules_of_many_threads_are_those_of_one(molecules):
    agree(lambda seed: molecules.sample(15, seed=seed), SEEDS)
    assert not any(part.training for module in molecules._trained.modules.values() for part in module.modules())


def test_figures_of_molecules_in_many_threads_are_those_of_one(qm9_smiles):
    lists = [qm9_smiles[place : place + 20] for place in range(3)]
    agree(lambda some: str(judge(some, qm9_smiles[100:140])), lists)


# Forks ------------------------------------------------------------------------------------------


def in_fork(work) -> bool:
    """Whether `work()` is true in a fork of this process; one that hangs is ended after a minute."""
    child = os.fork()
    if not child:
        code = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(60)
            code = 0 if work() else 1
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_starts_its_own_pool_and_leaves_the_others_alone():
    pool = Pool(1)
    items = list(range(40))
    wanted = [-number for number in items]
    assert pool.map(operator.neg, items, chunk=20) == wanted
    before = [worker.process.pid for worker in pool._idle]

    def other() -> bool:
        right = pool.map(operator.neg, items, chunk=20) == wanted
        fresh = {worker.process.pid for worker in pool._idle}
        pool.close()
        return right and len(fresh) == 1 and not fresh & set(before)

    with pool._lock:  # as if another thread were at work at that moment
        assert in_fork(other)
    assert [worker.process.pid for worker in pool._idle] == before
    assert pool.map(operator.neg, items, chunk=20) == wanted, "the fork ended no process of ours"
    assert [worker.process.poll() for worker in pool._idle] == [None]
    pool.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_model_loaded_before_the_fork_samples_after_it(text):
    """As docs/serving.md says: one thread of torch in the fork, for those of the program are not there."""
    expected = text.sample(20, seed=3)

    def other() -> bool:
        torch.set_num_threads(1)
        return text.sample(20, seed=3) == expected

    assert in_fork(other)
