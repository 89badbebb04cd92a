"""How people are notified."""
