"""Jobs that take too long for the test suite: floods, kills and outages, counted at the end."""
