"""``python -m cct_ops.ledger``: migrate the ledger to the newest schema."""

from __future__ import annotations

import sys

from cct_ops.errors import OpsError
from cct_ops.ledger.engine import migrate
from cct_ops.settings import Settings


def main() -> int:
    """Migrate, and say in one sentence what is wrong where that cannot be done."""
    try:
        migrate(Settings.load().ledger_url())
    except OpsError as error:
        print(f"ledger: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
