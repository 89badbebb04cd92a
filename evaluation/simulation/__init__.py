"""A simulated week: the real guards and the real ledger, on a clock that jumps."""
