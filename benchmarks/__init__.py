"""Costs of this package as ratios against a named peer or a physical limit: `make bench`."""
