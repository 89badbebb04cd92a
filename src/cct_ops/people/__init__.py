"""The ways to people: notices in Slack, pages for whoever is on call, the peer watchdog."""
