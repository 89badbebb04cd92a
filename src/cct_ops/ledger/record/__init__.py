"""The account of each run and incident: decisions, verifications, outcomes, history."""
