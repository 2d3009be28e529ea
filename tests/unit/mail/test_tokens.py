"""Reply addresses and Message-IDs: one gate, one recipient, nothing to forge."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.mail import tokens
from bot.mail.contracts import Token
from runtime.errors import InvalidConfiguration

BASE, SECRET = "outcomes@example.org", "a secret of this house"
GATE = UUID("0c9a2a52-6f2b-4c8e-9a35-3b7a5a1d0f11")
PEOPLE = st.emails().map(str.lower)


@given(st.uuids(), PEOPLE)
def test_an_address_carries_its_gate_and_its_owner(gate: UUID, person: str) -> None:
    address = tokens.reply_address(BASE, gate, person, SECRET)
    assert len(address.rpartition("@")[0]) <= 64
    token = tokens.read(address.upper(), BASE)
    assert token is not None
    assert token.gate_id == gate
    assert tokens.owner(token, ["someone@else.org", person], SECRET) == person
    assert tokens.owner(token, ["someone@else.org"], SECRET) is None
    assert tokens.owner(token, [person], "another secret") is None


@given(st.text(max_size=80))
def test_other_addresses_carry_nothing(local: str) -> None:
    assert tokens.read(f"{local}@example.org", BASE) is None or local.lower().startswith("outcomes+")
    tokens.read(local, BASE)
    tokens.read_message_id(local)


def test_a_token_is_bound_to_its_gate() -> None:
    mine = tokens.read(tokens.reply_address(BASE, GATE, "dana@x.org", SECRET), BASE)
    assert mine is not None
    assert tokens.owner(Token(uuid4(), mine.mac), ["dana@x.org"], SECRET) is None


def test_the_recipient_is_compared_without_case() -> None:
    token = tokens.read(tokens.reply_address(BASE, GATE, "Dana@X.org", SECRET), BASE)
    assert token is not None
    assert tokens.owner(token, ["dana@x.org"], SECRET) == "dana@x.org"


@pytest.mark.parametrize(
    "change", ["outcomes@", "outcomes+@", "outcomes+abc.def@", "other+{}@", "outcomes+{}x@", "outcomes+x{}@"]
)
def test_a_changed_address_carries_nothing(change: str) -> None:
    tag = tokens.reply_address(BASE, GATE, "dana@x.org", SECRET).partition("+")[2].partition("@")[0]
    assert tokens.read(change.format(tag) + "example.org", BASE) is None
    assert tokens.read(f"outcomes+{tag}@example.com", BASE) is None


def test_a_gate_is_spelled_in_one_way_only() -> None:
    """The last character of 26 has two bits to spare; a second spelling would be a second address."""
    address = tokens.reply_address(BASE, GATE, "dana@x.org", SECRET)
    local = address.partition("@")[0]
    last = local[len("outcomes+") + 25]
    other = next(char for char in "abcdefghijklmnopqrstuvwxyz234567" if char != last)
    changed = local[: len("outcomes+") + 25] + other + local[len("outcomes+") + 26 :]
    found = tokens.read(f"{changed}@example.org", BASE)
    assert found is None or found.gate_id != GATE


def test_a_base_with_its_own_plus_works_and_a_long_one_is_refused() -> None:
    address = tokens.reply_address("it+outcomes@example.org", GATE, "dana@x.org", SECRET)
    assert tokens.read(address, "it+outcomes@example.org") is not None
    with pytest.raises(InvalidConfiguration, match="at most 20 characters"):
        tokens.reply_address("a-very-long-name-of-a-mailbox@example.org", GATE, "dana@x.org", SECRET)
    with pytest.raises(InvalidConfiguration, match="no address"):
        tokens.reply_address("outcomes", GATE, "dana@x.org", SECRET)


def test_a_message_id_is_the_same_each_time_and_names_its_thread() -> None:
    one = tokens.message_id("gate:1:first", GATE, "dana@x.org", SECRET, "example.org")
    assert one == tokens.message_id("gate:1:first", GATE, "dana@x.org", SECRET, "example.org")
    assert one != tokens.message_id("gate:1:reminder", GATE, "dana@x.org", SECRET, "example.org")
    found = tokens.threads(["<other@x.org>", one, one])
    assert [token.gate_id for token in found] == [GATE]
    assert tokens.owner(found[0], ["sam@x.org", "dana@x.org"], SECRET, purpose="thread") == "dana@x.org"
    assert tokens.owner(found[0], ["dana@x.org"], SECRET) is None
