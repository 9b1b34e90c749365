"""The synthetic oracle of SeqGAN: a random LSTM whose sequences are the data and whose likelihood is the judge."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch

from gancore.errors import DataError
from seqgan.networks.architectures import GeneratorConfig
from seqgan.networks.generator import Generator
from seqgan.text.alphabet import Alphabet

START = 0  # the published oracle conditions on token 0, which is an ordinary token too


def lstm_oracle(seed: int, vocabulary: int = 5000, width: int = 32, length: int = 20) -> Generator:
    """A random oracle as Yu et al. (2017) make theirs: every parameter from N(0, 1).

    Sequences have `length` tokens and no end. Another seed is another oracle, on another scale of NLL.
    """
    oracle = _empty(vocabulary, width, length)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in oracle.named_parameters():
            if "bias_hh" not in name:  # torch has a second bias, which the published equations do not
                parameter.normal_(generator=random)
    return oracle


def published_oracle(path: str | Path, length: int = 20) -> Generator:
    """The oracle whose parameters were published, from an .npz of its arrays.

    Its entropy at 20 tokens is 5.753 ± 0.001 nats a token: the mean entropy of the next token over 120,000 draws, with
    its standard error. One sample's negative log-likelihood scatters more: by 0.53 over the root of the draws.
    Arrays: embeddings, for each gate (i, f, og, c) Wx (embedding, width), Ux (width, width), bx, and Wo, bo.
    Raises DataError when the file is missing or holds other arrays.
    """
    try:
        with open(path, "rb") as file:
            arrays = dict(np.load(file, allow_pickle=False))
        tokens, width = arrays["embeddings"].shape
        oracle = _empty(tokens, width, length)
        gates = ("i", "f", "c", "og")  # torch's order: input, forget, cell, output
        values = {
            "embedding.weight": arrays["embeddings"],
            "trunk.layers.0.weight_ih_l0": np.concatenate([arrays[f"W{gate}"].T for gate in gates]),
            "trunk.layers.0.weight_hh_l0": np.concatenate([arrays[f"U{gate}"].T for gate in gates]),
            "trunk.layers.0.bias_ih_l0": np.concatenate([arrays[f"b{gate}"] for gate in gates]),
            "trunk.layers.0.bias_hh_l0": np.zeros(4 * width),
            "head.weight": arrays["Wo"].T,
            "head.bias": arrays["bo"],
        }
        oracle.load_state_dict({name: torch.from_numpy(array.astype(np.float32)) for name, array in values.items()})
    except FileNotFoundError:
        raise DataError(f"{path}: no such file.") from None
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, BadZipFile) as error:
        raise DataError(f"{path}: does not hold the arrays of an LSTM oracle ({error}).") from None
    return oracle


def _empty(vocabulary: int, width: int, length: int) -> Generator:
    oracle = Generator(Alphabet(vocabulary, START), GeneratorConfig("lstm", width, width), length)
    for name, parameter in oracle.named_parameters():
        if "bias_hh" in name:
            torch.nn.init.zeros_(parameter)
    return oracle.eval().requires_grad_(False)
