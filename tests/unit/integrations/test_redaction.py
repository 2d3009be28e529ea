"""No secret reaches a text that people or logs see."""

from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from runtime.integrations.redaction import MASK, redact, secrets_in

PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="*"), min_size=4, max_size=40)


@given(PRINTABLE, st.text(max_size=30), st.text(max_size=30))
def test_a_secret_is_masked_wherever_it_stands(secret: str, before: str, after: str) -> None:
    assert secret not in redact(before + secret + after, [secret])


@given(PRINTABLE)
def test_a_secret_is_masked_in_an_address_too(secret: str) -> None:
    quoted = quote(secret, safe="")
    assert quoted not in redact(f"failed at https://host.example/a?k={quoted}", [secret])


def test_of_two_secrets_the_longer_is_masked_whole() -> None:
    assert redact("key=abcdefgh", ["abcd", "abcdefgh"]) == f"key={MASK}"


def test_a_very_short_secret_does_not_tear_the_text_to_pieces() -> None:
    assert redact("a banana", ["a"]) == "a banana"


def test_credentials_inside_an_address_are_masked_even_if_nobody_named_them() -> None:
    assert redact("dsn postgresql://ana:geheim@db.example/x", []) == f"dsn postgresql://{MASK}@db.example/x"


def test_headers_that_carry_credentials_are_known_by_name() -> None:
    headers = {"Authorization": "Bearer abc123", "X-Api-Key": "k-1", "Accept": "application/json"}
    assert set(secrets_in(headers)) == {"Bearer abc123", "abc123", "k-1"}
