"""The body of GPT-2 from the package `transformers` as a generator's network, and a generator as its causal model."""

import inspect
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gancore.errors import ConfigError
from seqgan.networks.decoding import State
from seqgan.text.vocabulary import BEGIN, END, PAD, SPECIAL, UNKNOWN, Vocabulary

_SPLIT = {"word": r"\s+", "char": r"[\s\S]", "protein": r"[\s\S]", "smiles": r"\[[^\]]*\]|Br|Cl|%\d\d|[\s\S]"}
"""Of kinds of tokens: what one is, or for words what stands between two."""


class GPT2(nn.Module):
    """GPT-2 (Radford et al. 2019) as `transformers` has it, from random weights; embedded tokens in, features out.

    embedding, width, length: sizes; width is a multiple of heads. Raises ConfigError where transformers is missing.
    """

    biased = False
    """Whether the head that reads it has a bias."""

    def __init__(self, embedding: int, width: int, layers: int, dropout: float, heads: int, length: int):
        super().__init__()
        if find_spec("transformers") is None:
            raise ConfigError("model.kind = 'gpt2' needs the package transformers: pip install 'discretegan[hf]'.")
        from transformers import GPT2Config, GPT2Model  # pyright: ignore

        sizes = {"n_positions": length, "n_embd": width, "n_layer": layers, "n_head": heads}
        drops = {"resid_pdrop": dropout, "embd_pdrop": dropout, "attn_pdrop": 0.0}  # nn.Dropout, which can be shut
        tokens = {"vocab_size": 1, "bos_token_id": None, "eos_token_id": None}
        self.width, self.heads, self.layers = width, heads, layers
        self.into = nn.Linear(embedding, width)
        self.body = GPT2Model(GPT2Config(**sizes, **drops, **tokens))
        self.body.wte.requires_grad_(False)  # not used: tokens come in embedded
        names = inspect.signature(self.body.forward).parameters
        self._cache = "cache" if "cache" in names else "past_key_values"

    def forward(self, embedded: Tensor) -> Tensor:
        """All steps at once."""
        return self.body(inputs_embeds=self.into(embedded), use_cache=False).last_hidden_state

    def start(self, n: int) -> State:
        """An empty cache `(n, layer, 2, head, 0, dim)`."""
        return (self.into.weight.new_zeros(n, self.layers, 2, self.heads, 0, self.width // self.heads),)

    def step(self, embedded: Tensor, state: State) -> tuple[Tensor, State]:
        """One step."""
        from transformers import DynamicCache  # pyright: ignore

        past, cache = state[0], DynamicCache()
        if past.shape[4]:
            for layer in range(self.layers):
                cache.update(past[:, layer, 0], past[:, layer, 1], layer)
        out = self.body(inputs_embeds=self.into(embedded)[:, None], use_cache=True, **{self._cache: cache})
        longer = [torch.stack((layer.keys, layer.values), 1) for layer in cache.layers]  # pyright: ignore
        return out.last_hidden_state[:, 0], (torch.stack(longer, 1),)


def to_transformers(generator: Any) -> Any:
    """A generator of kind gpt2 as a `transformers.GPT2LMHeadModel` with the same logits.

    Its token ids are those of the vocabulary, and a sequence begins with the begin token. Its `generate` shuts the
    begin, the padding and the unknown token, as sampling here does. Raises ConfigError for a generator of another kind
    and for one with conditions.
    """
    trunk = getattr(generator, "trunk", None)
    if not isinstance(trunk, GPT2):
        raise ConfigError("the generator is no model of transformers: only one of model.kind=gpt2 is.")
    if generator.context is not None:
        raise ConfigError("the generator has conditions, for which a model of transformers has no place.")
    from transformers import GPT2Config, GPT2LMHeadModel  # pyright: ignore

    own = trunk.body.config
    names = ("n_positions", "n_embd", "n_layer", "n_head", "resid_pdrop", "embd_pdrop", "attn_pdrop")
    special = {"bos_token_id": BEGIN, "eos_token_id": END, "pad_token_id": PAD, "tie_word_embeddings": False}
    sizes = {name: getattr(own, name) for name in names}
    model = GPT2LMHeadModel(GPT2Config(vocab_size=generator.alphabet.size, **sizes, **special))
    weights = {name: part for name, part in trunk.body.state_dict().items() if not name.startswith("wte.")}
    with torch.no_grad():
        model.transformer.load_state_dict(weights, strict=False)
        model.transformer.wte.weight.copy_(trunk.into(generator.embedding.weight))
        model.lm_head.weight.copy_(generator.head.weight)
    shown = model.generation_config
    shown.suppress_tokens, shown.max_length, shown.do_sample = [PAD, BEGIN, UNKNOWN], own.n_positions + 1, True
    return model.eval()


def to_tokenizer(vocabulary: Vocabulary) -> Any:
    """A `tokenizers.Tokenizer` with the ids of a vocabulary, which puts the begin token before a text.

    None for SELFIES and for tokens of another tokenizer, of which a vocabulary holds some alone.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    if vocabulary.kind == "bpe":
        tokenizer = Tokenizer.from_str(vocabulary.merges)
    elif vocabulary.kind in _SPLIT:
        ids = {token: place for place, token in enumerate(vocabulary.tokens)}
        if len(ids) < len(vocabulary.tokens):  # a word that is spelt as a special token
            return None
        tokenizer, words = Tokenizer(models.WordLevel(ids, unk_token=SPECIAL[UNKNOWN])), vocabulary.kind == "word"
        how = "removed" if words else "isolated"
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_SPLIT[vocabulary.kind]), how)  # pyright: ignore
        tokenizer.decoder = None if words else decoders.Fuse()  # pyright: ignore
    else:
        return None
    if vocabulary.lower:
        tokenizer.normalizer = normalizers.Lowercase()  # pyright: ignore
    begin = SPECIAL[BEGIN]
    tokenizer.post_processor = processors.TemplateProcessing(f"{begin} $A", special_tokens=[(begin, BEGIN)])  # pyright: ignore
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def write_transformers(generator: Any, vocabulary: Vocabulary, folder: Path) -> bool:
    """Write a generator as `from_pretrained` of transformers reads it; whether there is a tokenizer beside it.

    Raises ConfigError as `to_transformers` does.
    """
    model, tokenizer = to_transformers(generator), to_tokenizer(vocabulary)
    model.save_pretrained(folder)
    if tokenizer is not None:
        from transformers import PreTrainedTokenizerFast  # pyright: ignore

        names = dict(zip(("pad_token", "bos_token", "eos_token", "unk_token"), SPECIAL, strict=True))
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    return tokenizer is not None
