"""Documents, messages and charts for people."""
