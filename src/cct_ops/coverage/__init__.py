"""What of a runbook is software: every command, option and check of it beside what does it."""
