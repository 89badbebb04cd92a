"""The gateway, as senders see it."""
