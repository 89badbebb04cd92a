"""Reusable verbs, split by what they do to the world: probes read, actions change."""
