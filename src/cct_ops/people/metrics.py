"""What was sent to people, counted in whichever part sends it; each registers it as its own."""

from __future__ import annotations

from prometheus_client import Counter

MESSAGES = Counter(
    "cct_ops_messages",
    "Messages for people's chat, by whether it took them (sent, failed).",
    ["result"],
    registry=None,
)
PAGE_ATTEMPTS = Counter(
    "cct_ops_page_attempts",
    "Attempts to reach one contact, by whether that was reached (reached, failed).",
    ["result"],
    registry=None,
)
for _result in ("sent", "failed"):
    MESSAGES.labels(_result)
for _result in ("reached", "failed"):
    PAGE_ATTEMPTS.labels(_result)
