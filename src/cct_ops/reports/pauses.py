"""Messages about a pause in Prefect: that it holds, and that it is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cct_ops.reports.messages import Message, notice

_MOST = 10


def paused_message(part: str, waiting: Sequence[str]) -> Message:
    """Say that a part of Prefect is paused, what waits for it, and what goes on all the same."""
    counted = Counter(waiting).most_common()
    lines = [
        f"• {name}{f' ({count} runs)' if count > 1 else ''}" for name, count in counted[:_MOST]
    ]
    if len(counted) > _MOST:
        lines.append(f"• and {len(counted) - _MOST} more")
    number = "1 run waits" if len(waiting) == 1 else f"{len(waiting)} runs wait"
    text = (
        f":double_vertical_bar: The {part} is paused in Prefect, so none of its playbooks starts."
        f" {number}:\n" + "\n".join(lines) + "\nAlerts are taken in as ever; what they start waits"
        " as well, without another word. Temporary changes are taken back and runs that died are"
        " recovered all the same. It goes on once somebody resumes it in Prefect's UI, or raises a"
        " limit of 0."
    )
    return notice(text, ())


def goes_on_message(part: str) -> Message:
    """Say that a pause is over."""
    return notice(
        f":arrow_forward: The {part} is no longer paused in Prefect: what waited for it starts.", ()
    )
