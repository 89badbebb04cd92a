"""Test summaries: checked against their schema and the business rules, written, and repaired."""
