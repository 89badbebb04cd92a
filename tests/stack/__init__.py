"""The stack: PostgreSQL, the guard, the supervisor and the front."""
