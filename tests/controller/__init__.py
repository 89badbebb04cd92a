"""The controller: routing, one run each, and what it does when others fail."""
