"""The public interface that molgan and seqgan share: the model, the protocols behind it, the command line."""
