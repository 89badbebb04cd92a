"""Upgrades of an installation under load."""
