"""The gate as a library, without Prefect."""
