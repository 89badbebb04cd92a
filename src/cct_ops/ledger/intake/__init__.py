"""Deliveries, alerts, incidents, and the runs and notices that are still owed because of them."""
