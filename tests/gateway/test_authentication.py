"""Who is believed: published vectors, and everything that differs from them in one bit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st
from pydantic import SecretStr

from cct_ops.gateway.senders.keys import Key
from evaluation.soak.rules import cases
from tests.gateway.signing import (
    NOW,
    OTHER_SECRET,
    PAYLOADS,
    SECRET,
    SOURCES,
    STAMP,
    Sent,
    firing,
    flipped,
    sent,
    sign,
    signed_parts,
)

PAGERDUTY_SECRET = "lDQHScfUeXUKaQRNF+8XIiDKZ7XX3itBAYzwU0TARw8lJqRnkKl2iB1anSb0Z+IK"
PAGERDUTY_BODY = PAYLOADS / "pagerduty" / "incident.priority_updated-signed.json"


def vector(name: str, secret: str, body: bytes, headers: dict[str, str], seconds: int = 0) -> Sent:
    """Return a published example."""
    key = Key("published", SecretStr(secret))
    return Sent(SOURCES[name], headers, body, (key,), datetime.fromtimestamp(seconds, UTC))


GITHUB = vector(
    "github",
    "It's a Secret to Everybody",
    b"Hello, World!",
    {
        "x-hub-signature-256": "sha256="
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    },
)
STANDARD = vector(
    "standard",
    SECRET,
    b'{"test": 2432232314}',
    {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
    1614265330,
)


def grafana(body: bytes, digest: str, stamp: str | None) -> Sent:
    """Return an example made by the rule that Grafana publishes."""
    headers = {"x-grafana-alerting-signature": digest} | ({STAMP: stamp} if stamp else {})
    return vector("grafana" if stamp else "untimed", "secret", body, headers)


GRAFANA = [
    grafana(
        b"test message", "3bcebf43c85d20bba6e3b6ba278af1d2ba3ab0d57de271b0ad30b833e851c5a6", None
    ),
    grafana(
        b"test message", "ac18a483a582b60a883e974541afe25aa1026136163e94665649743324183ef1", "0"
    ),
    grafana(b"", "f9e66e179b6747ae54108f82f8ade8b3c25d76fd30afde6c395822c530196169", None),
    grafana(b"", "e2f315c3aecb48bf08e9308c9c9637aaac3a16d0d7499de2cdc6ecd924064632", "0"),
]
VECTORS = [GITHUB, STANDARD, *GRAFANA]


@pytest.mark.parametrize("example", VECTORS)
def test_the_published_vectors_verify(example: Sent) -> None:
    """Others computed these."""
    assert example.admitted


@pytest.mark.skipif(not PAGERDUTY_BODY.is_file(), reason="the body is not beside the checkout")
def test_the_published_vector_of_pagerduty_verifies() -> None:
    """Its raw bytes count: the same document written anew is another one."""
    good = "v1=0c0b9495b893a39e70d1fea2fe11fbe0a825f88b9f67846f6cc07dd2bc5476cd"
    bad = "v1=7020c8a7ec668a9b7012bc3dd82e483394b038f4230acc6785efbf2a7d8bcaf5"
    body = PAGERDUTY_BODY.read_bytes()
    example = vector("pagerduty", PAGERDUTY_SECRET, body, {"x-pagerduty-signature": good})

    assert example.admitted
    assert example.but(x_pagerduty_signature=f"{bad},{good}").admitted
    assert not example.but(x_pagerduty_signature=bad).admitted
    assert not example.but(x_pagerduty_signature="").admitted
    assert not example.but(b"").admitted
    assert not example.but(body.replace(b'":', b'": ')).admitted


PROOFS = [*VECTORS, *(sent(name) for name in SOURCES)]


@settings(max_examples=cases("forgeries", 2000), deadline=None)
@given(example=st.sampled_from(PROOFS), part=st.integers(0, 10), bit=st.integers(0, 1 << 16))
def test_one_bit_makes_it_somebody_else(example: Sent, part: int, bit: int) -> None:
    """Body, signature, time, id and token: none may differ."""
    named = signed_parts(example.headers)
    parts = [*named, *(["body"] if example.body and "authorization" not in named else [])]
    chosen = parts[part % len(parts)]
    if chosen == "body":
        assert not example.but(flipped(example.body, bit)).admitted
        return
    value = example.headers[chosen].encode()
    changed = flipped(value, bit).decode("latin-1")
    scheme = value.partition(b" ")[0].decode()
    if chosen == "authorization" and changed[: len(scheme)].lower() == scheme.lower():
        # The scheme's name may be written in any case; HTTP says so.
        changed = scheme + changed[len(scheme) :]
        if changed == value.decode():
            return
    assert not replace(example, headers=example.headers | {chosen: changed}).admitted


@pytest.mark.parametrize("name", SOURCES)
def test_a_sender_is_believed_by_its_own_keys_alone(name: str) -> None:
    """The right body, signed or accompanied with another source's key."""
    example = sent(name)

    assert example.admitted
    assert not replace(example, keys=(Key("other", SecretStr(OTHER_SECRET)),)).admitted
    assert not replace(example, keys=()).admitted


@pytest.mark.parametrize("name", SOURCES)
def test_two_keys_are_valid_while_one_is_replaced(name: str) -> None:
    """And neither before it counts, nor after it was retired."""
    old, new = Key("old", SecretStr(OTHER_SECRET)), Key("new", SecretStr(SECRET))
    example = replace(sent(name), keys=(old, new))

    assert example.admitted
    assert not replace(example, keys=(old, replace(new, not_after=NOW))).admitted
    later = replace(new, not_before=NOW + timedelta(seconds=1))
    assert not replace(example, keys=(old, later)).admitted


@pytest.mark.parametrize("name", SOURCES)
def test_the_proof_of_one_kind_is_none_for_another(name: str) -> None:
    """Each source has one scheme, whatever else the request holds."""
    body = firing(kind=name)
    others = {
        header: value
        for other in SOURCES
        for header, value in sign(other, body).items()
        if header not in sign(name, body) and header != STAMP
    }

    assert not Sent(SOURCES[name], {"content-type": "application/json"} | others, body).admitted


@pytest.mark.parametrize("name", SOURCES)
def test_a_header_that_is_there_twice_proves_nothing(name: str) -> None:
    """What contradicts itself is not believed, even where both halves are right."""
    example = sent(name)
    for header in signed_parts(example.headers):
        twice = replace(
            example.received, headers=(*example.headers.items(), (header, example.headers[header]))
        )
        assert twice.header(header) is None


TIMED = {"grafana": STAMP, "standard": "webhook-timestamp", "signed": "x-at"}


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize(("seconds", "admitted"), [(-301, False), (-300, True), (301, False)])
def test_a_signature_is_good_for_five_minutes(name: str, seconds: int, admitted: bool) -> None:
    """In both directions."""
    body = firing(kind=name)
    headers = sign(name, body, at=NOW + timedelta(seconds=seconds))

    assert Sent(SOURCES[name], headers, body).admitted is admitted


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("stamp", [None, "", "hello", "-1", "1" + "0" * 30, "+1", "1e9", " 1", "٣"])
def test_a_time_that_is_none_proves_nothing(name: str, stamp: str | None) -> None:
    """Nor is a signature with the time taken away a signature without one."""
    example = sent(name)
    untimed = sign("untimed", example.body)

    assert not example.but(**{TIMED[name]: stamp}).admitted
    assert not example.but(**{TIMED[name]: stamp}, **untimed).admitted


def test_a_source_without_a_time_refuses_one_with() -> None:
    """The signature is over another text."""
    example = sent("grafana")

    assert not replace(example, source=SOURCES["untimed"]).admitted


def test_sha1_is_no_proof() -> None:
    """GitHub still sends it beside the other."""
    assert not GITHUB.but(x_hub_signature_256=None, x_hub_signature="sha1=abc").admitted


@pytest.mark.parametrize(
    ("signature", "admitted"),
    [
        ("v1,bad v2,bad {good} v1,bad", True),
        ("v1a,{good}", False),
        ("v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", False),
        ("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=", False),
        ("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OF=", False),  # the same bytes
        ("v1,", False),
        ("nonsense", False),
    ],
)
def test_one_good_signature_in_a_list_is_enough(signature: str, admitted: bool) -> None:
    """Standard Webhooks sends one for each key while a key is being replaced."""
    good = STANDARD.headers["webhook-signature"]

    assert STANDARD.but(webhook_signature=signature.format(good=good)).admitted is admitted


@pytest.mark.parametrize(
    "secret", ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMA"]
)
def test_keys_may_lack_their_padding(secret: str) -> None:
    """Some tools cut it off."""
    body = firing(kind="standard")
    headers = sign("standard", body, secret=secret)

    assert Sent(SOURCES["standard"], headers, body, (Key("k", SecretStr(secret)),)).admitted
