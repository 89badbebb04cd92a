"""Backups of the ledger and Prefect's database, and how an installation is put back from one."""
