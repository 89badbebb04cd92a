"""New playbooks, written from templates: whole, checked, and ready to be filled in."""
