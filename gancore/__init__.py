"""What the two halves share: GAN mathematics, one training loop, checkpoints, configuration.

Torch only: nothing here knows chemistry or language. Read `types` first, then `loop`.
"""

__version__ = "0.1.0"
