"""Rehearsals: whether everything still works with another Prefect, or with another CCT."""
