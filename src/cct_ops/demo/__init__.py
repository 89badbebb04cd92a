"""One incident from its alert to its repair, on a stack of its own."""
