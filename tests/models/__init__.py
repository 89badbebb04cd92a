"""Pure conclusions."""
