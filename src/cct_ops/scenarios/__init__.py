"""What each playbook is for: its faults, seeded in a sandbox, and what is expected of it then."""
