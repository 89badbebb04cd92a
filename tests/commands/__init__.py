"""Commands as people type them, on a real ledger."""
