"""A likelihood model as a second source of candidates: it learns, draws, resumes after a kill; a critic as a term."""

import shutil
from random import Random

import numpy as np
import pytest
from rdkit import Chem

import molgan
from gancore.errors import ConfigError, RunError
from gancore.facade.models import load_model
from gancore.facade.tuning import TunedModel
from molgan import Optimizer
from molgan.optimize import GeneticConfig, LearnerConfig, OptimizeConfig, RealismConfig, SurrogateConfig
from molgan.optimize.learner import LOSSES, Learner
from molgan.optimize.ranked import Ranked
from molgan.optimize.realism import Realism
from seqgan import Config, SeqGAN

START = ["CCO", "CCN", "c1ccccc1O", "CC(=O)O", "C1CCNCC1", "CC(C)C", "OCCO", "c1ccncc1", "CCCC", "CC#N", "CNC", "NCCN"]


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """A small model of SMILES, saved."""
    few = ["recipe=mle", "data.tokens=smiles", "data.valid=0", "data.test=0", "likelihood.epochs=20", "model.width=32"]
    gan = SeqGAN(Config.load("small", few)).fit(START * 3, quiet=True)
    folder = tmp_path_factory.mktemp("model") / "words"
    gan.save(folder)
    return str(folder)


def config(words, **more):
    learner = LearnerConfig(words, sampled=10, batch=8, checkpoint=2, **more)
    genetic, surrogate = GeneticConfig(12, 2, 20), SurrogateConfig(most=40)
    return OptimizeConfig(50, batch=6, initial=8, genetic=genetic, surrogate=surrogate, learner=learner)


def nitrogens(smiles):
    return min(smiles.upper().count("N"), 4) / 4


def searched(optimizer):
    while asked := optimizer.ask():
        optimizer.tell(asked, [nitrogens(smiles) for smiles in asked])
    return optimizer.frame()


@pytest.mark.parametrize("loss", LOSSES)
def test_what_scores_becomes_likelier(words, loss):
    scored = [Ranked(smiles, float("N" in smiles)) for smiles in START[:6] + START[8:]]
    learner = Learner(
        load_model(words), LearnerConfig(words, loss, steps=8, batch=12, sampled=12, strength=5.0, lr=3e-3), 0
    )
    tuned = learner._tuned
    before = np.mean(["N" in (text or "") for text in tuned.sample(200, 0)])
    for ask in range(6):
        learner.learn(ask, scored)
    after = np.mean(["N" in (text or "") for text in tuned.sample(200, 0)])
    assert after > before + 0.1, (loss, before, after)


def test_a_divergence_keeps_the_model_near_to_what_it_was(words):
    scored = [Ranked(smiles, float("N" in smiles)) for smiles in START]
    moved = []
    for kl in (0.0, 10.0):
        chosen = LearnerConfig(words, steps=6, batch=12, sampled=12, kl=kl, lr=3e-3)
        learner = Learner(load_model(words), chosen, 0)
        for ask in range(4):
            learner.learn(ask, scored)
        own = [text for text in learner._tuned.sample(200, 1) if text]
        mine, theirs, _ = learner._tuned.log_prob(own)
        moved.append((mine - theirs).mean().item())
    assert moved[1] < moved[0] / 2


def test_a_search_that_was_cut_anywhere_goes_on_alike(words, tmp_path):
    chosen = config(words)
    whole = searched(Optimizer(START, chosen, tmp_path / "whole"))
    text = (tmp_path / "whole" / "journal.jsonl").read_bytes()
    assert (tmp_path / "whole" / "learner").is_dir()
    random = Random(0)
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "journal.jsonl").write_bytes(text[: random.randrange(len(text) // 2, len(text))])
        if number % 2:  # killed while it ran: what it saved by then is there
            searched_until(Optimizer(START, chosen, tmp_path / f"part{number}"), 30)
            shutil.rmtree(folder)
            shutil.copytree(tmp_path / f"part{number}", folder)
            assert (folder / "learner").is_dir()
        optimizer = Optimizer(START, chosen, folder)
        left = optimizer.pending
        optimizer.tell(left, [nitrogens(smiles) for smiles in left])
        assert searched(optimizer).equals(whole)


def searched_until(optimizer, calls):
    while optimizer.calls < calls and (asked := optimizer.ask()):
        optimizer.tell(asked, [nitrogens(smiles) for smiles in asked])


def test_a_state_ahead_of_its_search_is_refused(words, tmp_path):
    chosen = config(words)
    searched_until(Optimizer(START, chosen, tmp_path / "one"), 30)
    (tmp_path / "one" / "journal.jsonl").unlink()
    with pytest.raises(RunError, match="learner"):
        searched(Optimizer(START, chosen, tmp_path / "one"))


def test_draws_are_candidates(words):
    """One child is bred for a batch, so that the others come from the model."""
    learner = LearnerConfig(words, sampled=40, randomized=0.0)
    chosen = OptimizeConfig(12, 5, 2, genetic=GeneticConfig(5, 1, 1, most_atoms=8), learner=learner)
    optimizer = Optimizer(["C", "N"], chosen)
    optimizer.tell(first := optimizer.ask(2), [nitrogens(smiles) for smiles in first])
    drawn = Learner(load_model(words), learner, 0).draw(1)
    valid = {Chem.MolToSmiles(mol) for text in drawn if (mol := Chem.MolFromSmiles(text)) is not None}
    asked = set(optimizer.ask(5))
    assert len(asked & valid) >= 2
    assert len(asked - valid) <= 1


def test_a_graph_model_learns_too():
    learner = Learner(load_model("moses"), LearnerConfig("moses", batch=8, sampled=4, kl=0.0), 0)
    texts = ["CC(=O)Nc1ccc(O)cc1", "Cc1ccccc1C(=O)O"]
    before, *_ = learner._tuned.log_prob(texts)
    learner.learn(0, [Ranked(texts[0], 1.0), Ranked(texts[1], 0.0)])
    after, prior, rows = learner._tuned.log_prob(texts)
    assert rows == [0, 1]
    assert prior.tolist() == pytest.approx(before.tolist())
    assert (after - before)[0] > (after - before)[1]


def test_a_critic_puts_the_real_before_the_unreal():
    realism = Realism(molgan.MolGAN.load("moses"), RealismConfig("moses"))
    real = ["CC(=O)Nc1ccc(O)cc1", "Cc1ccc(cc1)S(=O)(=O)N1CCOCC1", "O=C(Nc1ccccc1)c1ccncc1"]
    odd = ["C1=CC2=CC=C1C=C2", "N=NN=NN=NO", "C1OOC2NC12"]
    assert realism(real).min() > realism(odd).max()
    assert realism(["[Na+].[Cl-]", "not a molecule"]).tolist() == [-6.0, -6.0]
    assert realism([]).shape == (0,)


def test_a_term_for_realism_changes_what_is_asked_for():
    shares = []
    for model in ("", "moses"):
        realism = RealismConfig(model, weight=5.0)
        chosen = OptimizeConfig(50, 10, 4, genetic=GeneticConfig(12, 2, 30), realism=realism)
        start = ["CC(=O)Nc1ccc(O)cc1", "Cc1ccccc1C(=O)O", "O=C(Nc1ccccc1)c1ccncc1", "CCN(CC)C(=O)c1ccccc1"]
        found = molgan.optimize(lambda smiles: [nitrogens(one) for one in smiles], 50, start, config=chosen)
        judge = Realism(molgan.MolGAN.load("moses"), RealismConfig("moses"))
        shares.append(judge(found.frame["smiles"].tolist()[4:]).mean())
    assert shares[1] > shares[0] + 0.5


def test_a_model_that_was_trained_on_conditions_is_refused():
    with pytest.raises(ConfigError, match="trained on conditions"):
        TunedModel(load_model("drug"), 1e-3)
