"""The board, as people and strangers meet it."""
