"""The checks of ``cct-ops doctor``: everything that is set up, each part as it is reached."""
