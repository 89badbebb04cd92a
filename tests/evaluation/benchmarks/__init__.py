"""Tests of the benchmarks: what they measure is there."""
