"""What takes too long for the test suite: floods, kills and outages, with a count at the end."""
