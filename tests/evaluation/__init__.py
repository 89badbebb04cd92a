"""Tests of the simulation, the soak and the benchmarks."""
