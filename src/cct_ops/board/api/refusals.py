"""How a program is told what an action of a page refused."""

from __future__ import annotations

from cct_ops.board.api.problem import Refusal, Wrong
from cct_ops.board.page import FillAgain, NoSuchPage
from cct_ops.errors import OpsError, Unavailable

RETRY_SECONDS = "5"
REFUSED = (Refusal, NoSuchPage, FillAgain, OpsError)


def refusal_of(error: Exception) -> Refusal:
    """Return the same as the answer that it is."""
    match error:
        case Refusal():
            return error
        case NoSuchPage():
            return Refusal(404, "There is nothing of this id or name.")
        case FillAgain():
            wrong = [Wrong(field=f"body.{name}", detail=said) for name, said in error.wrong.items()]
            return Refusal(422, error.words, errors=wrong)
        case Unavailable():
            return Refusal(503, str(error), headers={"Retry-After": RETRY_SECONDS})
        case _:
            return Refusal(409, str(error))
