"""Each failure of a system outside becomes the one error that says what to do about it."""
