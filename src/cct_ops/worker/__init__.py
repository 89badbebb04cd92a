"""A Prefect worker whose runs start at once: they are forked with everything imported."""
