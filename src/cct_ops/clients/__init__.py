"""Clients of the systems outside: one method per endpoint, frozen models out, our errors out."""
