"""Standard Webhooks: the published vectors, the traps, and what an attacker would try."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import InvalidConfiguration, NotAuthenticated
from runtime.integrations.webhooks import new_secret, signature, signed_headers, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE, MOMENT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
PUBLISHED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
NOW = datetime.fromtimestamp(MOMENT, UTC)
HEADERS = {"webhook-id": MESSAGE, "webhook-timestamp": str(MOMENT), "webhook-signature": PUBLISHED}
IDS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="."), min_size=1, max_size=60)


def test_the_published_example_gets_the_published_signature() -> None:
    """The example of the standard's own documentation and libraries."""
    assert signature(SECRET, MESSAGE, MOMENT, BODY) == PUBLISHED
    assert signed_headers(SECRET, MESSAGE, BODY, NOW) == HEADERS
    assert verify(SECRET, HEADERS, BODY, NOW) == MESSAGE


@given(IDS, st.binary(max_size=300), st.integers(-290, 290))
def test_what_we_sign_we_accept_within_the_tolerance(message_id: str, body: bytes, later: int) -> None:
    secret = new_secret()
    headers = signed_headers(secret, message_id, body, NOW)
    assert verify(secret, headers, body, NOW + timedelta(seconds=later)) == message_id


@given(st.binary(min_size=1, max_size=100), st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_byte_of_the_body_is_refused(body: bytes, place: int, change: int) -> None:
    place %= len(body)
    forged = body[:place] + bytes([body[place] ^ change]) + body[place + 1 :]
    with pytest.raises(NotAuthenticated, match="fits this body"):
        verify(SECRET, signed_headers(SECRET, "m", body, NOW), forged, NOW)


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_a_message_from_another_time_is_refused(seconds: int) -> None:
    with pytest.raises(NotAuthenticated, match="5 minutes"):
        verify(SECRET, HEADERS, BODY, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("name", list(HEADERS))
def test_each_header_is_needed(name: str) -> None:
    with pytest.raises(NotAuthenticated):
        verify(SECRET, {key: value for key, value in HEADERS.items() if key != name}, BODY, NOW)


def test_header_names_may_come_in_any_case() -> None:
    assert verify(SECRET, {name.title(): value for name, value in HEADERS.items()}, BODY, NOW) == MESSAGE


@pytest.mark.parametrize(
    "timestamp", ["", "now", "-1614265330", "1614265330.0", "1e9", "²", "\uff19", "9" * 40, " 1614265330"]
)
def test_a_timestamp_that_is_no_plain_number_is_refused_and_breaks_nothing(timestamp: str) -> None:
    with pytest.raises(NotAuthenticated):
        verify(SECRET, {**HEADERS, "webhook-timestamp": timestamp}, BODY, NOW)


@given(st.text())
def test_any_text_as_signature_is_refused_and_breaks_nothing(text: str) -> None:
    with pytest.raises(NotAuthenticated):
        verify(SECRET, {**HEADERS, "webhook-signature": text}, BODY, NOW)


@pytest.mark.parametrize(
    "given", ["no-comma", ",", "v1,", "v2," + PUBLISHED[3:], PUBLISHED[3:], "v1a," + PUBLISHED[3:], PUBLISHED.lower()]
)
def test_signatures_without_our_version_do_not_fit(given: str) -> None:
    with pytest.raises(NotAuthenticated):
        verify(SECRET, {**HEADERS, "webhook-signature": given}, BODY, NOW)


def test_one_good_signature_among_strange_ones_is_enough() -> None:
    given = f"nonsense v1a,AAAA v1,AAAA {PUBLISHED}"
    assert verify(SECRET, {**HEADERS, "webhook-signature": given}, BODY, NOW) == MESSAGE


def test_during_a_change_of_secrets_both_sides_understand_each_other() -> None:
    old, new = new_secret(), new_secret()
    both = signed_headers([new, old], "m", BODY, NOW)
    assert verify(old, both, BODY, NOW) == verify(new, both, BODY, NOW) == "m"
    assert verify([new, old], signed_headers(old, "m", BODY, NOW), BODY, NOW) == "m"
    with pytest.raises(NotAuthenticated):
        verify(new, signed_headers(old, "m", BODY, NOW), BODY, NOW)


def test_an_id_with_a_full_stop_cannot_shift_a_signature_onto_another_body() -> None:
    """`m.1614265330` + `x` and `m` + `1614265330.x` are signed over the same bytes."""
    inner = f"{MOMENT}.x".encode()
    stolen = signature(SECRET, "m", MOMENT, inner)
    assert stolen == signature(SECRET, f"m.{MOMENT}", MOMENT, b"x")
    shifted = {"webhook-id": f"m.{MOMENT}", "webhook-timestamp": str(MOMENT), "webhook-signature": stolen}
    with pytest.raises(NotAuthenticated, match="full stop"):
        verify(SECRET, shifted, b"x", NOW)
    with pytest.raises(ValueError, match="full stop"):
        signed_headers(SECRET, "a.b", b"", NOW)


def test_nobody_is_authenticated_by_no_secret_at_all() -> None:
    with pytest.raises(NotAuthenticated):
        verify([], HEADERS, BODY, NOW)
    with pytest.raises(InvalidConfiguration):
        signed_headers([], "m", BODY, NOW)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_kurz", "whsec_" + base64.b64encode(b"15 bytes only!!").decode(), "whsec_ß"]
)
def test_a_secret_that_would_protect_nothing_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        signed_headers(secret, "m", BODY, NOW)
    assert secret.removeprefix("whsec_") == "" or secret not in refused.value.message
