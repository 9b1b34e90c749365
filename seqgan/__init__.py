"""Token sequences: text and SMILES by SeqGAN and its Gumbel relatives. Not built yet: see README.md."""
