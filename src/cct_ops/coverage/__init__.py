"""Maps every command, option and check of a runbook to the software that does it."""
