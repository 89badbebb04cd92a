"""The check of CCT: that it is there, that it takes our key, and which dialect it speaks."""

from __future__ import annotations

from collections.abc import Sequence

from cct_ops.clients.pacing import FORGETFUL, Keys, Unpaced
from cct_ops.clients.transport import PROTECTED, CctTransport, handlers_only, refuses_key
from cct_ops.doctor.check import Result, Sign
from cct_ops.doctor.ledger_base import quick
from cct_ops.errors import BadConfiguration, Rejected, Unavailable, Unsupported
from cct_ops.settings import Settings

_LEAVE_ALONE = "Leave this CCT alone for as long as it asks: asking again starves its limiter."

_SIGNS = {
    "runbook": (Sign.WELL, ""),
    "handlers-only": (
        Sign.LIMITED,
        "Playbooks use what is equivalent and report what is not there: see docs/cct-api.md.",
    ),
    "bare": (
        Sign.LIMITED,
        "Deploy CCT with its admin API: without it playbooks can only report what is missing.",
    ),
}


def look(settings: Settings) -> Sequence[Result]:
    """Three requests at most, and only one with a key that is refused: five lock this address."""
    if settings.cct_url is None:
        fix = "Set CCT_URL and X_API_KEY to operate a CCT; `cct-ops up` brings a sandbox."
        return [Result("cct", Sign.UNSET, "CCT_URL is not set", fix)]
    url, key = settings.cct()
    keys, pause = _remembered(settings, url)
    if pause:
        seen = f"{url} asked for silence (429) for another {pause:.0f} s, so it was not asked"
        return [Result("cct", Sign.BROKEN, seen, _LEAVE_ALONE)]
    # As patient as the playbooks: what is slow for them and works is not broken here.
    patience = settings.request_timeout_seconds
    with CctTransport(url, key, Unpaced(), patience, keys=keys) as transport:
        try:
            transport.read(PROTECTED)
        except Rejected as error:
            if not refuses_key(error):
                raise
            fix = "Set X_API_KEY to a key of this CCT; the wrong one was tried only once."
            return [Result("cct", Sign.BROKEN, str(error), fix)]
        except Unavailable as error:
            if not error.refused:
                raise
            return [Result("cct", Sign.BROKEN, str(error), _LEAVE_ALONE)]
        except Unsupported as error:
            fix = "Check that CCT_URL points to CCT: nothing there shows whether the key is good."
            return [Result("cct", Sign.BROKEN, str(error), fix)]
        spoken = {family: _dialect(transport, family) for family in ("canary", "exemptions")}
    return [_result(url, spoken)]


def _remembered(settings: Settings, url: str) -> tuple[Keys, float]:
    """Return the keys that the ledger knows, and its pause; without a ledger, nothing."""
    import sqlalchemy as sa

    from cct_ops.ledger.gate.pacing import paused_seconds
    from cct_ops.ledger.gate.refused_keys import LedgerKeys, remembered

    if settings.database_url is None:
        return FORGETFUL, 0.0
    try:
        engine = quick(settings.database_url)
        remembered(engine)  # a ledger of an older schema remembers none
        return LedgerKeys(engine, url), paused_seconds(engine, url)
    except (sa.exc.SQLAlchemyError, BadConfiguration):  # the check of the ledger reports why
        return FORGETFUL, 0.0


def _dialect(transport: CctTransport, family: str) -> str:
    try:
        return "handlers-only" if handlers_only(transport, family) else "runbook"
    except Unsupported:
        return "bare"


def _result(url: str, spoken: dict[str, str]) -> Result:
    dialects = ", ".join(f"{family} {name}" for family, name in spoken.items())
    if len(set(spoken.values())) == 1:
        dialects = f"the {spoken['canary']} dialect"
    worst = next(name for name in ("bare", "handlers-only", "runbook") if name in spoken.values())
    sign, fix = _SIGNS[worst]
    return Result("cct", sign, f"{url} takes the key and speaks {dialects}", fix)
