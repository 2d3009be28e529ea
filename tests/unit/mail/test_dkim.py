"""Letters signed with DKIM hold against an independent check, and no header can be added to them."""

import base64
from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from pydantic import SecretStr

from bot.mail import dkim as ours
from bot.mail.house import House
from bot.mail.samples import Scene, letter, reader
from runtime.errors import InvalidConfiguration
from runtime.settings import Settings

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HOUSE = House("Outcome Runtime <outcomes@outcome.test>", "outcomes@outcome.test", "s" * 40, "https://gates.example.com")


@pytest.fixture(scope="module")
def key():
    made = rsa.generate_private_key(65537, 2048)
    return made.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


@pytest.fixture(scope="module")
def raw():
    return letter("launch", HOUSE, Scene(reader(HOUSE, "ana@example.com", NOW), NOW), b"\x89PNG").message.as_bytes()


def settings(value):
    return Settings(_env_file=None, mail_from=HOUSE.sender, mail_dkim_key=SecretStr(value) if value else None)


def holds(raw, key):
    public = load_pem_private_key(key, None).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    asked = []

    def dns(name, timeout=5):
        asked.append(name)
        return record

    return dkim.verify(raw, dnsfunc=dns), asked


def test_a_signed_letter_holds_and_a_changed_one_does_not(key, raw):
    signed = ours.signer(settings(key.decode()))(raw)
    assert holds(signed, key) == (True, [b"outcome._domainkey.outcome.test."])
    assert signed.endswith(raw)
    assert not holds(signed.replace(b"Guest checkout", b"Guest chequout"), key)[0]


@pytest.mark.parametrize("more", [b"From: eve@evil.test\r\n", b"Subject: other\r\n", b"To: eve@evil.test\r\n"])
def test_a_second_header_breaks_the_signature(key, raw, more):
    signed = ours.signer(settings(key.decode()))(raw)
    head, _, rest = signed.partition(b"From:")
    assert not holds(head + more + b"From:" + rest, key)[0]


def test_the_key_may_stand_in_a_file_or_on_one_line(key, raw, tmp_path):
    path = tmp_path / "dkim.pem"
    path.write_bytes(key)
    assert holds(ours.signer(settings(str(path)))(raw), key)[0]
    assert holds(ours.signer(settings(key.decode().replace("\n", "\\n")))(raw), key)[0]


def test_without_a_key_letters_stay_as_they_are_and_a_bad_one_is_named(raw):
    assert ours.signer(settings(None))(raw) == raw
    with pytest.raises(InvalidConfiguration, match="cannot be read"):
        ours.signer(settings("/nowhere/at/all.pem"))
    with pytest.raises(InvalidConfiguration, match="cannot sign"):
        ours.signer(settings("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))(raw)
