"""Playbooks from the first look to the report."""
