"""Fréchet ChemNet Distance (Preuer et al. 2018), with the published network as `fcd_torch` carries it."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch

from gancore.io.progress import progress

WIDTH = 512
_LENGTH = 350  # characters that the network reads
_BATCH = 256


@lru_cache
def _network() -> torch.nn.Module:
    from fcd_torch import FCD

    return FCD().model


def activations(smiles: Sequence[str]) -> np.ndarray:
    """What ChemNet's last recurrent layer says of canonical SMILES, `(molecule, 512)` float32."""
    from fcd_torch.utils import get_one_hot

    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = _network().to(device)
    batches = [np.empty((0, WIDTH), np.float32)]
    with torch.inference_mode(), progress("ChemNet", len(smiles)) as tick:
        for start in range(0, len(smiles), _BATCH):
            letters = [get_one_hot(text, _LENGTH) for text in smiles[start : start + _BATCH]]
            batch = torch.from_numpy(np.stack(letters) / letters[0].shape[1]).float()
            last = network(batch.transpose(1, 2).to(device))  # a view of what all places gave, which must not be kept
            batches.append(last.cpu().numpy().copy())
            tick(len(letters))
    return np.concatenate(batches)
