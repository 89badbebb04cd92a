"""Which claim is shown by which test, under which fault of which part."""
