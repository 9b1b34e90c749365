"""From logits to samples: gradient estimators, rejection by a critic, the chunks that samples come in."""
