"""The events of the transparency log on their way to a SIEM."""
