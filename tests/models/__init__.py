"""Conclusions: pure functions of what was seen."""
