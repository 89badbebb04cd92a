"""A periodic job that follows the news does not wait for its turn."""

from __future__ import annotations

import threading

import sqlalchemy as sa

from cct_ops.controller.loop import Controller, Periodic
from cct_ops.ledger.intake import outbox
from tests.stack.polling import eventually


def test_an_answer_wakes_the_jobs_that_follow_the_news_and_no_other(engine: sa.Engine) -> None:
    woken: list[str] = []
    jobs = [
        Periodic("follows", 600, lambda: woken.append("follows"), on_news=True),
        Periodic("waits", 600, lambda: woken.append("waits")),
    ]
    controller = Controller(engine, [], jobs, poll_seconds=0.2)
    thread = threading.Thread(target=controller.run, args=(lambda: None,))
    thread.start()
    try:
        # Being connected to the ledger is news as well: the second turn is that one's.
        eventually(lambda: woken.count("follows") >= 2)
        before = woken.count("follows")
        with engine.begin() as tx:
            outbox.wake(tx)
        eventually(lambda: woken.count("follows") > before)
    finally:
        controller.stop()
        thread.join(30)

    assert not thread.is_alive()
    assert woken.count("waits") == 1
