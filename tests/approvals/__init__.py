"""Approvals: who may answer, how often, until when, and what becomes of the run."""
