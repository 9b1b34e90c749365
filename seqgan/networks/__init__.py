"""Generators and critics of sequences; decoding, likelihoods, rollouts."""
