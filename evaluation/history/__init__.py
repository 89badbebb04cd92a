"""
A made-up week that each sender and each playbook is in, to hold every change of the rules against.

``python -m evaluation.history`` writes it anew, and what today's rules make of it.
"""
