"""Asks senders, at the start and every few minutes, for deliveries that did not arrive."""
