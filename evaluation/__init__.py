"""Evidence about the whole: a simulated week, a soak under faults, benchmarks against others."""
