"""Tests of the pure conclusions, most of them of every playbook."""
