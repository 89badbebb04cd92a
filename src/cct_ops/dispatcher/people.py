"""What the one on call is told at once: a run that died, a change that is overdue."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from cct_ops.models.topic import Topic
from cct_ops.reports.messages import notice
from cct_ops.voice import Voice

_log = logging.getLogger(__name__)


def tell(voice: Voice, text: str, topic: Topic, commands: Sequence[str]) -> None:
    """Say it in the log and to people, with what they type; raises when Slack does not take it."""
    _log.error("%s", text)
    voice.say(notice(text, commands), topic, urgent=True)
