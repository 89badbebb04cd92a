"""Every action there is, by the name that plans use."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module

from pydantic import ValidationError

from cct_ops import actions
from cct_ops.actions.action import Action
from cct_ops.errors import NotPermitted
from cct_ops.models.plan import Call

_SENDER = "operator"  # it brings every client, which whoever only names actions has no use for


def of(call: Call) -> Action:
    """Return the action of a stored call; raises ``NotPermitted`` for what is none."""
    kind = ACTIONS.get(call.method)
    if kind is None:
        raise NotPermitted(f"Nothing was sent: the operator knows no call {call}.")
    try:
        return kind.model_validate(call.arguments)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise NotPermitted(f"Nothing was sent: {call} is not such a call: {problem}.") from None


def by_hand(call: Call) -> str | None:
    """Return the command that does a stored call by hand, as it stands; None where none does."""
    kind = ACTIONS.get(call.method)
    return kind.model_construct(None, **call.arguments).by_hand() if kind else None


def explained(call: Call) -> tuple[str, ...]:
    """Return in words what a stored call does, then each part; nothing where its call says it."""
    try:
        return of(call).explained()
    except NotPermitted:  # of another release: it is shown as it is stored
        return ()


def _known() -> Iterator[tuple[str, type[Action]]]:
    """Find the actions in all modules of this folder."""
    for module in pkgutil.iter_modules(actions.__path__):
        if module.name == _SENDER:
            continue
        for value in vars(import_module(f"{actions.__name__}.{module.name}")).values():
            if isinstance(value, type) and issubclass(value, Action) and hasattr(value, "method"):
                yield value.method, value


ACTIONS: Mapping[str, type[Action]] = dict(_known())
