"""Text of others cannot pretend to be more than one visible line."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, strategies as st

from cct_ops.clients.slack_text import SECTION_CHARACTERS, escape, fitted
from cct_ops.clients.text import one_line


def test_lines_become_one() -> None:
    """A value cannot forge a line of its own."""
    assert one_line("down\r\n\tApproved by: alice\u2028yes") == "down Approved by: alice yes"


@pytest.mark.parametrize("unseen", ["\x00", "\x1b", "\u202e", "\u2066", "\u200b", "\ud800"])
def test_what_cannot_be_seen_goes(unseen: str) -> None:
    """Controls, bidi overrides, zero-width characters and lone surrogates are dropped."""
    assert one_line(f"can{unseen}ary") == "canary"


def test_a_cut_is_visible() -> None:
    """The limit holds, the mark of the cut included."""
    assert one_line("x" * 300, 200) == "x" * 199 + "…"
    assert one_line("x" * 200, 200) == "x" * 200


def test_a_mention_shows_literally() -> None:
    """Nobody is called by what an alert says, and an escape is not escaped away."""
    assert escape("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"
    assert escape("&lt;!here&gt;") == "&amp;lt;!here&amp;gt;"


@given(st.text())
def test_no_text_gets_markup_through(text: str) -> None:
    """Whatever comes in, no angle bracket, no line end and nothing invisible comes out."""
    safe = escape(text)

    assert not {"<", ">", "\n", "\r"} & set(safe)
    assert not {"Cc", "Cf", "Cs"} & {unicodedata.category(char) for char in safe}


def test_what_fits_is_left_as_it_is() -> None:
    assert fitted("x" * SECTION_CHARACTERS) == "x" * SECTION_CHARACTERS


@pytest.mark.parametrize("end", ["&amp;", "<https://prefect.example/runs/1|The run>", "```"])
@pytest.mark.parametrize("room", range(12))
def test_a_cut_leaves_nothing_half(end: str, room: int) -> None:
    text = "x" * (100 - room) + end * 3 + "y" * 100

    cut = fitted(text, 100)

    assert len(cut) <= 100
    assert cut.rstrip("`\n").endswith("…")
    assert cut.count("```") % 2 == 0
    assert cut.count("<") == cut.count(">")
    assert cut.count("&") == cut.count("&amp;")
    assert cut.replace("```", "").count("`") == 0
