"""
Alertmanager's matchers as one writes them: ``route=~"/.+"``, ``{"host.name"=web, region!=eu}``.

Alertmanager reads an entry with two parsers, one for labels of any name and the classic one, and
where they differ the classic reading holds. So it does here: the same words mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import cast

from pydantic import ValidationError, model_validator

from cct_ops.models.base import Frozen
from cct_ops.models.silence import Matcher, Operator

FORM = 'write a matcher as label="value", with =, !=, =~ or !~'

_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # Go's, not Python's
)
_TOKEN = re.compile(
    rf"""[{_SPACE}]*(?:(?P<mark>[{{}},])|(?P<operator>=~|!~|!=|=)|(?P<quoted>"(?:[^"\\]|\\.)*")"""
    rf"""|(?P<bare>[^{_SPACE}{{}}!=~,\\"'`]+)|(?P<end>\Z))""",
    re.DOTALL,
)
_ESCAPE = re.compile(
    rb'\\(?:([abfnrtv\\"])|([0-3][0-7]{2})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))'
)
_LETTERS = dict(zip(b'abfnrtv\\"', b'\a\b\f\n\r\t\v\\"', strict=True))

_CLASSIC = re.compile(
    r"[\t\n\f\r ]*([a-zA-Z_:][a-zA-Z0-9_:]*)[\t\n\f\r ]*(=~|=|!=|!~)[\t\n\f\r ]*(.*?)[\t\n\f\r ]*",
    re.DOTALL,
)
_CLASSIC_PIECE = re.compile(r'\\(.)|\\|(")|[^"\\]+', re.DOTALL)


class Matchers(Frozen):
    """One entry of a rule: conditions that must all hold, mostly a single one."""

    matchers: tuple[Matcher, ...]

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, written: object) -> object:
        # Not text is no text that could be read.
        return {"matchers": parse(written if isinstance(written, str) else "?")}

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether the labels fulfil all of it."""
        return all(each.matches(labels) for each in self.matchers)


def parse(written: str) -> tuple[Matcher, ...]:
    """Read one entry; raises ``ValueError`` with what is wrong with it."""
    try:
        written.encode()
    except UnicodeEncodeError:
        raise ValueError("a matcher must be valid Unicode") from None
    try:
        read = _any_name(written)
    except ValueError as error:
        try:
            return _classic(written)
        except ValueError:
            raise error from None
    try:
        return _classic(written)
    except ValueError:
        return read


def _any_name(written: str) -> tuple[Matcher, ...]:
    """Read it as the parser does that knows quoted names."""
    tokens = _tokens(written)
    kind, text = next(tokens)
    braced = text == "{" and kind == "mark"
    if braced:
        kind, text = next(tokens)
    found = []
    while kind in {"quoted", "bare"}:
        label = _unquoted(kind, text)
        kind, operator = next(tokens)
        if kind != "operator":
            raise ValueError(FORM)
        kind, text = next(tokens)
        if kind not in {"quoted", "bare"}:
            raise ValueError(FORM)
        found.append(_made(label, operator, _unquoted(kind, text)))
        kind, text = next(tokens)
        if (kind, text) != ("mark", ","):
            break
        kind, text = next(tokens)
    if braced:
        if (kind, text) != ("mark", "}"):
            raise ValueError(FORM)
        kind, text = next(tokens)
    if kind != "end":
        raise ValueError(FORM)
    return tuple(found)


def _tokens(written: str) -> Iterator[tuple[str, str]]:
    """Yield kind and text of each token, and at last the end."""
    place, kind = 0, ""
    while kind != "end":
        token = _TOKEN.match(written, place)
        if token is None:
            raise ValueError(FORM)
        place, kind = token.end(), str(token.lastgroup)
        yield kind, token[kind]


def _unquoted(kind: str, text: str) -> str:
    """Return what a token stands for; in quotes that is what Go reads there."""
    if kind != "quoted":
        return text
    inside = text[1:-1].encode()
    if b"\n" in inside or b"\\" in _ESCAPE.sub(b"", inside):
        raise ValueError("the value is not a string in double quotes")
    try:
        return _ESCAPE.sub(_escaped, inside).decode()
    except (UnicodeError, ValueError):
        raise ValueError("the value is not a string in double quotes") from None


def _escaped(found: re.Match[bytes]) -> bytes:
    letter, octal, byte, *code_points = found.groups()
    if letter is not None:
        return bytes([_LETTERS[letter[0]]])
    if octal is not None or byte is not None:
        return bytes([int(octal, 8) if octal else int(byte, 16)])
    return chr(int(code_points[0] or code_points[1], 16)).encode()  # refuses surrogates


def _classic(written: str) -> tuple[Matcher, ...]:
    """Read it as the parser does that knows only names of letters, digits, ``_`` and ``:``."""
    entries, entry, quoted, escaped = [], "", False, False
    for letter in written.removeprefix("{").removesuffix("}"):
        if letter == "," and not quoted:
            entries.append(entry)
            entry = ""
            continue
        if letter == '"' and not escaped:
            quoted = not quoted
        if letter != ",":
            escaped = letter == "\\" and not escaped
        entry += letter
    if entry.strip():
        entries.append(entry)
    return tuple(_classic_matcher(each) for each in entries)


def _classic_matcher(entry: str) -> Matcher:
    form = _CLASSIC.fullmatch(entry)
    if form is None:
        raise ValueError(FORM)
    label, operator, raw = form.groups()
    quoted = raw.startswith('"')
    value, closed = "", not quoted
    for piece in _CLASSIC_PIECE.finditer(raw, int(quoted)):
        escaped, quote = piece.groups()
        if quote is not None:
            if not quoted or piece.end() < len(raw):
                raise ValueError('there is a double quote in the value: write it as \\"')
            closed = True
        elif escaped is not None:
            value += {"n": "\n", '"': '"', "\\": "\\"}.get(escaped, piece[0])
        else:
            value += piece[0]
    if not closed:
        raise ValueError("the closing double quote is missing")
    return _made(label, operator, value)


def _made(label: str, operator: str, value: str) -> Matcher:
    try:
        return Matcher(label=label, operator=cast("Operator", operator), value=value)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise ValueError(said) from None
