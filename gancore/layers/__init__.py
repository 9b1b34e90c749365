"""Layers that networks of both halves share."""
