"""The kinds of senders: how each proves who it is, and how its bodies are read."""
