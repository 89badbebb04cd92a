"""The board's API, as programs and strangers meet it."""
