"""Metrics of a few samples during training: cheap, without intervals."""

from jaxtyping import Float
from torch import Tensor

from gancore.statistics.precision_recall import precision_recall
from gancore.training.device import new_generator
from seqgan.data.corpus import Corpus
from seqgan.networks.decoding import Decoding, sample
from seqgan.networks.generator import Generator, at_rest, nll
from seqgan.text.alphabet import Ids

_DRAWS, _NEIGHBOURS = 500, 3


def monitor_metrics(generator: Generator, corpus: Corpus, draws: int = _DRAWS) -> dict[str, float]:
    """Figures by name: what the generator misses of the validation part, and what `draws` of its sequences are like.

    valid/nll: nats a token. sample/unique: share of distinct draws; sample/novel: share of those that are not in the
    training part; sample/precision, sample/recall: against as many training sequences, where the generator itself
    embeds both (Kynkäänniemi et al. 2019), so they tell of collapse and not of quality. Without lines: unique alone.
    """
    known = len(corpus.train)
    figures = {"valid/nll": nll(generator, corpus.validation)} if known else {}
    random = new_generator(generator.device, 0, "glance")
    with at_rest(generator):
        ids = sample(generator, draws, corpus.length, random, Decoding(unknown=False), device=generator.device).cpu()
    distinct = ids.unique(dim=0)
    figures["sample/unique"] = len(distinct) / draws
    if known:
        figures["sample/novel"] = int((~corpus.known.contain(distinct)).sum()) / len(distinct)
    real = corpus.train[:draws]
    if min(len(real), draws) > _NEIGHBOURS:
        scores = precision_recall(embed(generator, real), embed(generator, ids), _NEIGHBOURS)
        figures["sample/precision"], figures["sample/recall"] = scores
    return figures


def embed(generator: Generator, ids: Ids) -> Float[Tensor, "batch width"]:
    """The mean over a sequence's tokens of what the generator's head reads."""
    ids = generator.alphabet.trim(ids.to(generator.device))
    mask = generator.alphabet.mask(ids)[..., None]
    with at_rest(generator):
        return ((generator.features(ids) * mask).sum(1) / mask.sum(1)).float()
