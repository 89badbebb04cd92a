"""Frozen models and pure conclusions: no input, no output, nothing of ours imported."""
