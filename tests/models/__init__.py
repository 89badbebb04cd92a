"""Pure conclusions, which need nothing but their arguments."""
