"""The sandbox keeps to CCT's contract, seen over HTTP from a process of its own."""
