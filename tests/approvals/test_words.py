"""What people are shown of a request follows from the plan and from their answer."""

from __future__ import annotations

import html

import pytest
import sqlalchemy as sa

from cct_ops.reports.asking import unanswered_message
from cct_ops.reports.pages import unanswered_page
from cct_ops.reports.render import approval_form
from tests.approvals.parts import ANNA, Door, asked, plan


@pytest.mark.parametrize(
    ("reversible", "said"),
    [(True, "what was done is undone."), (False, "nothing of it can be undone.")],
)
def test_an_undo_is_promised_only_where_there_is_one(
    door: Door, engine: sa.Engine, *, reversible: bool, said: str
) -> None:
    """On the page behind a link, and above the form in Prefect."""
    approval = asked(engine, wanted=plan(reversible=reversible))

    page = html.unescape(door.browser.get(door.link_of()).text)

    for shown in (page, approval_form(approval)):
        assert said in shown
        assert ("is undone" in shown) is reversible


@pytest.mark.parametrize("decision", ["approve", "decline"])
def test_an_answer_is_confirmed_without_a_word_about_what_comes(
    door: Door, engine: sa.Engine, decision: str
) -> None:
    """A declined run does not go on; an approved one may find the target changed."""
    approval = asked(engine)
    form = {"decision": decision, "digest": approval.plan_digest}

    said = door.browser.post(door.link_of(), data=form).text

    assert f"You {decision}d this plan." in said
    assert "The run goes on" not in said


def test_who_is_called_next_learns_what_the_run_saw_and_not_what_is_so_now(
    engine: sa.Engine,
) -> None:
    approval = asked(engine)

    subject, body = unanswered_page(approval, "cct-ops run a")
    message = str(unanswered_message(approval, ANNA.id, ANNA, "cct-ops run a"))

    assert "in time" in subject
    for said in (body, message):
        assert "and it goes on" not in said
        assert "What it had seen: " in said
