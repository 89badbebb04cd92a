"""Tests of follow-ups: reminders, and issues on GitHub."""
