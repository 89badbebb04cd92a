"""What prefect.yaml cannot say: sources, routes, policy, and how it is all applied."""
