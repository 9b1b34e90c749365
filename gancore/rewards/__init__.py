"""Asking a reward, and shaping what it pays: curriculum, diversity filter, replay, requests."""
