"""A SIEM's endpoint that is down while controllers are killed: what arrives, in which order."""
