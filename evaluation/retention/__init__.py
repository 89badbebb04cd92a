"""A long history that is pruned while alerts come in."""
