"""Requests for approval: links, the page where a person decides, and Slack buttons."""
