"""The public face that both halves share: the model, the protocols behind it, the command line."""
