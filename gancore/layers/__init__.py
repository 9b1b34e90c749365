"""Layers that the networks of molgan and seqgan share."""
