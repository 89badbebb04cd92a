"""The faults that each playbook is for, seeded in a sandbox, and the outcome expected then."""
