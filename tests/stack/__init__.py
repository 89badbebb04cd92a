"""The stack: PostgreSQL, the leash, the supervisor and the front."""
