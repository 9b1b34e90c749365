"""Generators and critics of molecular graphs, and how a graph is sampled from logits."""
