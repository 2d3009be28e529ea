"""Stored secrets: who can open them, what a changed byte does, how keys are changed."""

import base64
import re
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import InvalidConfiguration, VaultFailed
from runtime.vault import Vault, hash_token, new_token

ORG = uuid4()


def key(byte: int) -> str:
    return base64.b64encode(bytes([byte]) * 32).decode()


OLD = Vault.from_keys(f"old:{key(1)}")
BOTH = Vault.from_keys(f"new:{key(2)},old:{key(1)}")


@given(st.text())
def test_what_is_sealed_opens_again_for_the_same_organisation_and_purpose(secret: str) -> None:
    assert OLD.open(OLD.seal(secret, org_id=ORG, purpose="llm"), org_id=ORG, purpose="llm") == secret


def test_the_blob_names_version_and_key_and_is_never_the_same_twice() -> None:
    first, second = (BOTH.seal("sk-secret", org_id=ORG, purpose="llm") for _ in range(2))
    assert re.fullmatch(r"v1\.new\.[\w-]{16}\.[\w-]+", first)
    assert first != second
    assert "sk-secret" not in first


@pytest.mark.parametrize(("org", "purpose"), [(uuid4(), "llm"), (ORG, "slack")])
def test_a_secret_moved_to_another_organisation_or_purpose_does_not_open(org: object, purpose: str) -> None:
    blob = OLD.seal("sk-secret", org_id=ORG, purpose="llm")
    with pytest.raises(VaultFailed, match="does not open"):
        OLD.open(blob, org_id=str(org), purpose=purpose)


def test_an_organisation_cannot_pretend_to_be_another_by_a_divider_in_its_name() -> None:
    with pytest.raises(VaultFailed):
        OLD.seal("x", org_id="a|b", purpose="c")


@given(st.data())
def test_any_changed_character_of_a_blob_is_noticed(data: st.DataObject) -> None:
    blob = OLD.seal("sk-secret", org_id=ORG, purpose="llm")
    place = data.draw(st.integers(0, len(blob) - 1))
    other = data.draw(st.sampled_from("Ab3-_.=+/ é").filter(lambda character: character != blob[place]))
    with pytest.raises(VaultFailed):
        OLD.open(blob[:place] + other + blob[place + 1 :], org_id=ORG, purpose="llm")


@pytest.mark.parametrize("blob", ["", "v1", "v1.old.a", "v2.old.AAAA.AAAA", "v1.old.A.A", "v1.old..", "plain text"])
def test_what_is_no_blob_is_refused_and_not_guessed_at(blob: str) -> None:
    with pytest.raises(VaultFailed):
        OLD.open(blob, org_id=ORG, purpose="llm")


def test_after_a_change_of_keys_the_old_blob_opens_and_is_resealed_once() -> None:
    blob = OLD.seal("sk-secret", org_id=ORG, purpose="llm")
    assert BOTH.open(blob, org_id=ORG, purpose="llm") == "sk-secret"
    fresh = BOTH.rotate(blob, org_id=ORG, purpose="llm")
    assert fresh.startswith("v1.new.")
    assert BOTH.rotate(fresh, org_id=ORG, purpose="llm") == fresh
    assert Vault.from_keys(f"new:{key(2)}").open(fresh, org_id=ORG, purpose="llm") == "sk-secret"


def test_a_key_that_was_taken_away_is_named() -> None:
    blob = OLD.seal("sk-secret", org_id=ORG, purpose="llm")
    with pytest.raises(VaultFailed, match="'old'"):
        Vault.from_keys(f"new:{key(2)}").open(blob, org_id=ORG, purpose="llm")


def test_a_lone_key_names_itself_and_keeps_that_name_when_another_comes_before_it() -> None:
    alone = Vault.from_keys(key(7))
    blob = alone.seal("x", org_id=ORG, purpose="p")
    assert Vault.from_keys(f"next:{key(8)},{key(7)}").open(blob, org_id=ORG, purpose="p") == "x"


@pytest.mark.parametrize(
    "keys",
    ["", " , ", "k:not base64!", f"k:{base64.b64encode(b'short').decode()}", f"k:{key(1)},k:{key(2)}", f"a.b:{key(1)}"],
)
def test_unusable_keys_are_refused_without_being_shown(keys: str) -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        Vault.from_keys(keys)
    assert "not base64!" not in refused.value.message
    assert key(1) not in refused.value.message


def test_keys_are_not_in_the_vaults_own_description() -> None:
    assert key(1) not in repr(OLD)
    assert "AESGCM" not in repr(OLD)


def test_a_token_is_shown_once_and_known_again_by_its_hash() -> None:
    token, shown, stored = new_token("or")
    assert token.startswith(shown)
    assert shown.startswith("or_")
    assert len(token) - len(shown) > 30
    assert hash_token(token) == stored
    assert re.fullmatch(r"[0-9a-f]{64}", stored)
    assert new_token("or")[0] != token
