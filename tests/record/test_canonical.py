"""Leaves are canonical JSON: the bytes of RFC 8785, whatever PostgreSQL holds."""

from __future__ import annotations

import pytest

from cct_ops.record.canonical import canonical, loads


def test_it_writes_as_the_rfc_does() -> None:
    """Its sample of numbers and literals, but for a digit that a reader would round."""
    sample = (
        '{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],'
        ' "literals": [null, true, false]}'
    )

    assert canonical(loads(sample.replace("333333333.33333329", "333333333.3333333"))) == (
        b'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}'
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("9007199254740991", b"9007199254740991"),
        ("9007199254740993", b'"9007199254740993"'),
        ("-1e400", b'"-1e400"'),
        ("0.1", b"0.1"),
        ("0.10000000000000000001", b'"0.10000000000000000001"'),
        ("1.0", b"1"),
    ],
)
def test_a_number_that_a_reader_would_round_is_text(text: str, written: bytes) -> None:
    assert canonical(loads(text)) == written
