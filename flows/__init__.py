"""One file, one playbook, one flow of the same name."""
