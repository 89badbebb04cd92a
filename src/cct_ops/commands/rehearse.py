"""``cct-ops rehearse``: whether everything still works with another Prefect, or another CCT."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cct_ops.commands.options import Json
from cct_ops.errors import BadConfiguration
from cct_ops.terminal import say, say_json

if TYPE_CHECKING:
    from cct_ops.rehearsal.result import Rehearsed


def rehearse(
    *,
    prefect: Annotated[
        str | None, Parameter(help="A version of Prefect, such as 3.8.8, to be installed apart.")
    ] = None,
    cct_url: Annotated[
        str | None, Parameter(help="Another CCT, with the key in X_API_KEY: it is only looked at.")
    ] = None,
    playbook: Annotated[
        list[str] | None, Parameter(negative="", help="Only this one; again for each.")
    ] = None,
    as_json: Json = False,
) -> int:
    """
    Try a newer Prefect, or another CCT, before it counts: pass or fail for each playbook.

    With --prefect that version is installed in an environment of its own, thrown away afterwards.
    There a whole stack shows what the worker promises (fast starts, pauses, approvals, cancelled
    runs), and every playbook is drilled against a sandbox. With --cct-url every playbook
    looks at that CCT in observe mode, which changes nothing. It takes some minutes, touches nothing
    that runs here, and ends with 1 if anything fails.
    """
    from cct_ops.stack.config import project_of

    if (prefect is None) == (cct_url is None):
        raise BadConfiguration("name either --prefect or --cct-url")
    from pathlib import Path

    project_of(Path.cwd())  # before minutes are spent on it
    only = _known(playbook or [])
    if cct_url is not None:
        from cct_ops.rehearsal import looking

        about = f"CCT at {looking.place_of(cct_url)}"
        return _shown(about, looking.with_cct(cct_url, only), as_json=as_json)
    from cct_ops.rehearsal import candidate, rehearse as rehearsals

    if not as_json:
        say(f"Installing Prefect {prefect} apart ...")
    with candidate.prepared(prefect or "") as ready:
        about = f"Prefect {rehearsals.prefect_of(ready.python)}"
        for note in ready.notes if not as_json else ():
            say(("Look: ", "bold yellow"), note)
        return _shown(about, rehearsals.with_prefect(ready.python, only), as_json=as_json)


def _known(playbooks: list[str]) -> list[str]:
    from cct_ops.commands.names import refused
    from cct_ops.rehearsal.rehearse import drilled

    known = drilled()
    for name in playbooks:
        if name not in known:
            raise refused(name, known, "drill")
    return playbooks


def _shown(about: str, results: Iterable[Rehearsed], *, as_json: bool) -> int:
    """Show each result as it comes, and the verdict; 1 where anything failed."""
    found = []
    for each in results:
        found.append(each)
        if not as_json:
            word = ("pass  ", "green") if each.passed else ("FAIL  ", "bold red")
            say(word, f"{each.name} ({each.seconds:.0f} s)")
            if each.problem:
                say(f"      {each.problem}")
    failed = [each for each in found if not each.passed]
    if as_json:
        say_json(
            {
                "about": about,
                "passed": not failed,
                "results": [each.model_dump() | {"passed": each.passed} for each in found],
            }
        )
    elif failed:
        say(("Not yet: ", "bold red"), f"{about} fails {len(failed)} of {len(found)}.")
    else:
        say(("Good: ", "bold green"), f"{about} passes all {len(found)}.")
    return 1 if failed else 0
