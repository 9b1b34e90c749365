"""Published results for comparison: rows of the MOSES paper's table, and one-shot generators of QM9."""

MOSES_N = 30_000
"""Molecules generated for each row of `MOSES`."""
MOSES = {
    "training set": (1, 1, 0.008, 0.642, 1, 0.991, 0, 0.857, 1, 1),
    "CharRNN": (0.975, 0.999, 0.073, 0.602, 0.9998, 0.924, 0.110, 0.856, 0.994, 0.842),
    "VAE": (0.977, 0.998, 0.099, 0.626, 0.999, 0.939, 0.059, 0.856, 0.997, 0.695),
    "AAE": (0.937, 0.997, 0.556, 0.608, 0.991, 0.902, 0.079, 0.856, 0.996, 0.793),
    "JTN-VAE": (1.0, 0.9996, 0.395, 0.548, 0.997, 0.896, 0.101, 0.855, 0.976, 0.914),
    "LatentGAN": (0.897, 0.997, 0.297, 0.537, 0.999, 0.887, 0.107, 0.857, 0.974, 0.950),
}
"""Polykovskiy et al. 2020, 30,000 molecules a model; columns as in `MOSES_COLUMNS`."""
MOSES_COLUMNS = (
    *("moses/valid", "moses/unique@10000", "moses/fcd", "moses/snn", "moses/frag", "moses/scaf"),
    *("moses/scaf/scaffolds", "moses/intdiv1", "moses/filters", "moses/novel"),
)
QM9 = {
    "MolGAN": (0.981, 0.104, 0.942),
    "SPECTRE": (0.873, 0.357, 0.973),
    "MoFlow": (1.0, 0.993, 0.981),
    "DiGress": (0.990, 0.962, None),
}
"""De Cao and Kipf 2018; Martinkus et al. 2022; Zang and Wang 2020; Vignac et al. 2023: as quoted by them."""
QM9_COLUMNS = ("connected", "unique", "novel")
