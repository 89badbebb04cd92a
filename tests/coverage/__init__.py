"""What of a runbook is software, and whether that is true."""
