"""Tests of the warm worker."""
