"""The record and the coordination of all runs, in PostgreSQL: what is not here did not happen."""
