"""A cluster of all parts on one machine: hosts that can be cut off, processes that can be hurt."""
