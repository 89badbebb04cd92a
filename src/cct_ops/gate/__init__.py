"""The one gate between a diagnosis and a change."""
