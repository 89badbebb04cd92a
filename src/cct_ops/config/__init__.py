"""The files that people set: policy, contacts, sources, approvers; every error names its line."""
