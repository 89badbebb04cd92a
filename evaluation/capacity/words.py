"""The words of the page for parts, things and loads."""

from __future__ import annotations

PARTS = {
    "gateway": "gateway",
    "controller": "controller",
    "prefect-api": "Prefect API",
    "prefect-services": "Prefect services",
    "worker": "worker and runs",
    "postgres": "PostgreSQL",
    "standby": "standby",
    "redis": "Redis",
    "nginx": "nginx",
}
THINGS = {
    "second": "a second in which nothing happens, all of the cluster but workers",
    "worker second": "a second of one worker",
    "batch": "a transaction of the gateway",
    "delivery": "a delivery",
    "alert": "an alert in it",
    "opening": "a delivery that opens incidents: controllers are woken",
    "incident": "an incident that is opened, with a message to people",
    "look": "a run that finds nothing to do",
    "repair": "a run that repairs",
    "watched second": "a second of its watch",
}
COMPARED = {
    "mixed": "8 deliveries a second with 40 alerts, 8 of them new, and 0.3 runs",
    "mixed, much": "30 deliveries a second with 90 alerts, and 0.5 runs",
    "as fast as it goes": "48 senders without a pace",
}
