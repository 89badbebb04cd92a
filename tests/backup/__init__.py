"""Tests of backups, and of what is put back from them."""
