"""What people read about a run: the incident report, the form, the messages and the timeline."""
