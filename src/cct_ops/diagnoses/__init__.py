"""The pure conclusions of each playbook, and the plans that follow; no input, no output."""
