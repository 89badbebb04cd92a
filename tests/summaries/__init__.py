"""Summaries: checked, written, repaired; and schemas: extended and compared."""
