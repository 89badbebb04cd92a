"""The contacts, and if each of them can be reached; the status page; the dead man's switch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cct_ops.config import contacts
from cct_ops.config.contacts import Contacts, StatusPage
from cct_ops.doctor.check import Result, Sign
from cct_ops.errors import BadConfiguration, OpsError, Unavailable
from cct_ops.settings import Settings

SET_HEARTBEAT = (
    "Set CCT_OPS_HEARTBEAT_URL to the address at which your dead man's switch is called."
)


def look(settings: Settings) -> Sequence[Result]:
    """Try the addresses of all contacts; nobody is paged."""
    from cct_ops.people import paging

    path = settings.contacts_path
    known = contacts.read(path)
    failures = dict(paging.unreachable(known))
    seen = f"{path}: {', '.join(contact.id for contact in known.contacts)}"
    found = [Result("contacts", Sign.WELL, f"{seen}: an address of each is known")]
    if failures:
        why = " ".join(f"{contact.id}: {error}" for contact, error in failures.items())
        # What Prefect, if there is one, does not have is wrong; an address may not be set up yet.
        wrong = any(each.block and not isinstance(failures[each], Unavailable) for each in failures)
        fix = "Make the block in Prefect's UI, or set the variable or file for the controller."
        sign = Sign.BROKEN if wrong else Sign.LIMITED
        found = [Result("contacts", sign, f"{seen}; not reached: {why}", fix)]
    return [*found, _status_page(known)]


def _status_page(known: Contacts) -> Result:
    page = known.status_page
    if page is None:
        fix = "Fill in `status_page:` to have the public notified of P0 incidents."
        return Result("status-page", Sign.UNSET, "no status page is notified", fix)
    wrong = [str(error) for error in _wrong(page)]
    if wrong:
        fix = "Set that variable or file for the controller."
        return Result("status-page", Sign.BROKEN, " ".join(wrong), fix)
    return Result("status-page", Sign.WELL, f"its address is in {page.url.name}")


def _wrong(page: StatusPage) -> Iterator[OpsError]:
    try:
        contacts.address(page.url)
    except BadConfiguration as error:
        yield error
    for reference in page.headers.values():
        try:
            contacts.secret(reference)
        except BadConfiguration as error:
            yield error


def outside(settings: Settings) -> Iterator[Result]:
    """See whether somebody outside is to notice when all of this is dead."""
    url = settings.heartbeat_url
    if url is None:
        seen = "nobody outside notices when all of this is dead"
        yield Result("outside", Sign.UNSET, seen, SET_HEARTBEAT)
        return
    contacts.check_url(url, "CCT_OPS_HEARTBEAT_URL")
    seen = "the controller calls CCT_OPS_HEARTBEAT_URL each minute while all parts are well"
    yield Result("outside", Sign.WELL, seen)
