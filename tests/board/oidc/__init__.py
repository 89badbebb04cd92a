"""The tests of signing in by OIDC."""
