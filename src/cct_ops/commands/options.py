"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

AnyId = Annotated[
    str, Parameter(help="Its id or the beginning of it; also that of a run, a delivery, a change.")
]
Html = Annotated[
    Path | None, Parameter(help="Write it as one page, which opens offline, to this file.")
]
Json = Annotated[
    bool, Parameter(name="--json", negative="", help="As JSON, with everything whole.")
]
