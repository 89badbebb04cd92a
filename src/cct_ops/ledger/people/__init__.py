"""Notices and pages on record, and the signs of life of our own parts."""
