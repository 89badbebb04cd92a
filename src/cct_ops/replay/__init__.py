"""What other rules would have done with a history of alerts, replayed in its own time."""
