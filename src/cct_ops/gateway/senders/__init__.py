"""One file for each kind of sender: its authentication, and how its bodies are read."""
