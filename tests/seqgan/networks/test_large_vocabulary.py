"""A vocabulary of 50,000 tokens and sequences of 512: nothing holds logits of all places at once."""

import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gancore.errors import ConfigError
from gancore.losses.policy_gradient import categorical_kl
from seqgan.networks import likelihood
from seqgan.networks.architectures import GeneratorConfig
from seqgan.networks.generator import Generator, Mixture, kl_to
from seqgan.networks.likelihood import by_rows
from seqgan.recipes.gumbel import refuse_large
from seqgan.text.alphabet import Alphabet

SMALL = Alphabet(size=40, begin=1, end=2, pad=0)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="no peak of memory to be set back")
def test_training_and_sampling_in_bounded_memory():
    """In a process of its own: logits of the whole batch are 410 MB, and each way would keep five or more of them."""
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["losses"][0] == pytest.approx(10.8, abs=0.3)  # near log 50,000
    assert told["losses"][-1] < told["losses"][0]
    assert {name: used for name, used in told["megabytes"].items() if used > 700} == {}


def generators(count):
    torch.manual_seed(0)
    return [Generator(SMALL, GeneratorConfig(embedding=8, width=8), 6) for _ in range(count)]


def test_in_parts_it_is_the_same(monkeypatch):
    one, other = generators(2)
    ids = torch.randint(3, 40, (5, 6))
    expected = categorical_kl(one.logits(ids), other.logits(ids))
    expected.sum().backward()
    slopes = [part.grad.clone() for part in one.parameters()]
    mixed = Mixture([one, other]).log_prob(ids)
    for largest in (likelihood.LARGEST, 640):
        monkeypatch.setattr(likelihood, "LARGEST", largest)
        one.zero_grad()
        found = kl_to(one, other, ids)
        found.sum().backward()
        torch.testing.assert_close(found, expected)
        for part, slope in zip(one.parameters(), slopes, strict=True):
            torch.testing.assert_close(part.grad, slope)
        assert all(part.grad is None for part in other.parameters())
        torch.testing.assert_close(Mixture([one, other]).log_prob(ids), mixed)


def test_a_large_batch_is_split(monkeypatch):
    monkeypatch.setattr(likelihood, "LARGEST", 320)
    sizes = []

    def seen(rows):
        sizes.append(len(rows))
        return rows

    rows = torch.arange(480.0).view(12, 40)
    assert by_rows(seen, 1, rows).equal(rows)
    assert sizes == [20] * 24


def test_relaxed_samples_that_are_too_large_are_refused():
    refuse_large(64, 40, 5000)
    with pytest.raises(ConfigError, match=r"64 x 512 steps x 50,000 tokens are 6.6 GB, several times; lower data.max"):
        refuse_large(64, 512, 50_000)


def peak(function):
    """Megabytes that a call needs at most beyond those before it."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = used("VmRSS")
    function()
    return used("VmHWM") - before


def used(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1e3


def main() -> None:
    from gancore.training.device import adam
    from seqgan.networks.decoding import Decoding, sample
    from seqgan.networks.generator import at_rest, nll, token_nll

    alphabet, length = Alphabet(size=50_000, begin=1, end=2, pad=0, unknown=3), 512
    config = GeneratorConfig(embedding=8, width=8)
    first, second = (Generator(alphabet, config, length) for _ in range(2))
    ids = torch.randint(4, 50, (4, length))
    optimizer, losses = adam(first.parameters(), 0.05, (0.9, 0.999), 0.0), []

    def step(anchored):
        loss = token_nll(first, ids).mean()
        losses.append(float(loss.detach()))
        if anchored:
            loss = loss + 0.01 * kl_to(first, second, ids).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    token_nll(first, ids[:, :2]).mean().backward()  # what is loaded at first use
    with at_rest(first, second):
        mixed = peak(lambda: Mixture([first, second]).log_prob(ids))
        plain = peak(lambda: sample(second, 2, length))
        filtered = peak(lambda: sample(second, 300, 2, decoding=Decoding(top_k=1000, nucleus=0.9)))
    megabytes = {"likelihood": peak(lambda: step(False)), "anchored": peak(lambda: step(True))}
    megabytes["validation"] = peak(lambda: losses.append(nll(first, ids)))
    megabytes |= {"mixture": mixed, "sample": plain, "nucleus": filtered}
    print(json.dumps({"losses": losses, "megabytes": megabytes}))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))
    main()
