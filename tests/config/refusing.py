"""Files that are wrong, and why they are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cct_ops.errors import BadConfiguration


def refusal(read: Callable[[Path], object], path: Path, text: str) -> str:
    """Write a file that is wrong; return why it is refused."""
    path.write_text(text)
    with pytest.raises(BadConfiguration) as caught:
        read(path)
    return str(caught.value)
