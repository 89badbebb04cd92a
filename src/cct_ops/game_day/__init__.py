"""Game days: every playbook drilled in a stack of its own, with its fault seeded."""
