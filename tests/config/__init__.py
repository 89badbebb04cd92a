"""Tests of the files that people set."""
