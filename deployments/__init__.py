"""The settings that prefect.yaml cannot hold: sources, routes, policy; and how they are applied."""
