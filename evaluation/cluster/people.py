"""Somebody who is asked for a yes: reads Slack, opens the link, and answers after some seconds."""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass, field
from random import Random

import httpx

from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Message

ON_CALL = "/slack/on-call"
_LINK = re.compile(r"https?://[^\s|>\"]+/approvals/[\w-]+")
_DIGEST = re.compile(r'name="digest" value="([^"]+)"')
_THINKS_SECONDS = (1.0, 8.0)
_AGAIN_SECONDS = 2.0  # until somebody whose answer failed tries again
_NO_SHARE = 0.1
_SECONDS = 10.0
# What a page says of a link that nothing can be done with any more.
_OVER = frozenset({404, 409, 410})


@dataclass
class Asked:
    """One link that somebody got, and what the answer will be."""

    link: str
    due: float
    approved: bool
    answered: bool = False


@dataclass
class Person:
    """The one on call, whom the links in their own place in Slack reach."""

    sandbox: SandboxControl
    random: Random
    asked: dict[str, Asked] = field(default_factory=dict)
    _read: int = 0

    def run(self, over: threading.Event) -> None:
        """Read and answer until the end."""
        with httpx.Client(timeout=_SECONDS, trust_env=False) as client:
            while not over.wait(1.0):
                self._look()
                for each in self._due():
                    each.answered = _answer(client, each)
                    each.due = time.monotonic() + _AGAIN_SECONDS

    def _due(self) -> list[Asked]:
        now = time.monotonic()
        return [each for each in self.asked.values() if not each.answered and each.due <= now]

    def _look(self) -> None:
        try:
            new = self.sandbox.slack_messages(after=self._read)
        except httpx.HTTPError:  # Slack is away as well: it is looked at again
            return
        self._read += len(new)
        for link in (found for message in new for found in links(message)):
            due = time.monotonic() + self.random.uniform(*_THINKS_SECONDS)
            self.asked.setdefault(link, Asked(link, due, self.random.random() >= _NO_SHARE))


def links(message: Message) -> list[str]:
    """Return the links to requests for approval in a message to the one on call."""
    return _LINK.findall(json.dumps(message.body)) if message.path == ON_CALL else []


def _answer(client: httpx.Client, asked: Asked) -> bool:
    """Open the link and answer what stands there; true once nothing is left to do."""
    try:
        page = client.get(asked.link)
        digest = _DIGEST.search(page.text)
        if digest is None:
            return page.is_success or page.status_code in _OVER  # it is open no more
        said = {"decision": "approve" if asked.approved else "decline", "digest": digest[1]}
        answer = client.post(asked.link, data={**said, "note": "As the runbook says."})
    except httpx.HTTPError:
        return False
    return answer.is_success or answer.status_code in _OVER
