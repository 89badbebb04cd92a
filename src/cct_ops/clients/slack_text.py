"""Text for messages to Slack: of others escaped, and of the length that a section takes."""

from __future__ import annotations

import re

from cct_ops.clients.text import one_line

SECTION_CHARACTERS = 3000
"""The limits of a text block: https://docs.slack.dev/reference/block-kit/blocks/section-block"""

_CUT_CODE = "…\n```"
# An entity or a link of which the cut has left only the beginning.
_OPENED = re.compile(r"(&[a-z]{0,3}|<[^<>]*)\Z")


def escape(text: str) -> str:
    """
    Make text of others safe inside a message: one visible line, without markup of Slack.

    Slack reads mentions and links only between ``<`` and ``>``, so ``<!channel>`` shows literally.
    """
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fitted(text: str, limit: int = SECTION_CHARACTERS) -> str:
    """
    Return markup cut to what a section takes; what it opened before the cut is whole or closed.

    Slack refuses a message with a longer section. A cut inside ``&amp;`` or ``<url|words>`` would
    show the rest as text, and one inside a code block would take all that follows into it.
    """
    if len(text) <= limit:
        return text
    cut = _OPENED.sub("", text[: limit - len(_CUT_CODE)])
    fence = len(cut) - len(cut.rstrip("`"))
    cut = cut[: len(cut) - fence % 3]
    return cut + (_CUT_CODE if cut.count("```") % 2 else "…")
