"""Measures what each part takes of the machine, and simulates the queues at loads beyond it."""
