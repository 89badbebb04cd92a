"""
Secrets that people put where they do not belong, blotted out by their shape.

Alerts carry text of others: a command line with a password, a header in an error message. What is
kept of it for reading goes through here; the delivery's raw body is kept as it came, as evidence,
without what its source declares under ``secrets:``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

BLOT = "[redacted]"

_SHAPES = re.compile(
    r"""
      xox[a-z]-[\w-]{10,} | xapp-[\w-]{10,}                        # Slack's tokens
    | (?<=hooks\.slack\.com/)(?:services|workflows|triggers)/\S+   # and addresses
    | gh[pousr]_\w{20,} | github_pat_\w{20,}                       # GitHub
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b                                # AWS
    | glsa_\w{20,} | pn[bu]_\w{20,} | whsec_[\w+/=]{20,}           # Grafana, Prefect, webhooks
    | \beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*                            # JSON web tokens
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_AFTER_A_NAME = re.compile(
    r"""
    (?P<kept>
        \b(?:bearer|basic)\s+(?=[\w.~+/=-]{12})
      | (?:password|passwd|pwd|secret|token|api[_-]?key|authorization)["']?\s*[:=]\s*["']?
        (?:(?:bearer|basic)\s+)?
      | ://[^/\s:@]{1,256}:(?=[^/\s@]{1,256}@)
    )
    [^\s"',;&@]{6,}
    """,
    re.VERBOSE | re.IGNORECASE,
)


def redact(text: str) -> str:
    """Return the text without what looks like a secret."""
    return _AFTER_A_NAME.sub(rf"\g<kept>{BLOT}", _SHAPES.sub(BLOT, text))


def redact_values(pairs: Mapping[str, str]) -> dict[str, str]:
    """Return an alert's labels or annotations without what looks like a secret."""
    return {
        name: (_remembered if len(value) <= REMEMBERED_CHARACTERS else redact)(value)
        for name, value in pairs.items()
    }


# Senders repeat themselves, and looking for secrets costs more than all the rest of the judging.
_remembered = lru_cache(maxsize=16384)(redact)
REMEMBERED_CHARACTERS = 512  # of longer texts it would keep megabytes, 16,384 times
