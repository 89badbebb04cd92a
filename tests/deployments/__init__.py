"""What prefect.yaml and its neighbours become on a real server."""
