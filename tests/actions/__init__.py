"""Actions: complete, or not at all."""
