"""The jobs of the soak, in short."""
