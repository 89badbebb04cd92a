"""Texts about a run for people: the incident report, the form, the messages, the timeline."""
