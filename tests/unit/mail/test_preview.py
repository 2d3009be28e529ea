"""`mail preview` as a person calls it: files to look at, and a letter that can be replied to on this machine."""

from email import message_from_bytes
from email.policy import default
from io import BytesIO

import pytest
from click.testing import CliRunner
from PIL import Image

from bot.cli.mail import mail
from bot.cli.mail_preview import preview
from bot.mail import sent, tokens
from bot.mail.preview import kind_named
from bot.mail.samples import ALIASES, SAMPLES
from runtime.errors import InvalidRequest
from runtime.gates.choices import CHOICES
from runtime.local.secrets import load_or_create_secrets


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("CHROMIUM", "API_SECRET", "MAIL_FROM", "MAIL_REPLY_TO"):
        monkeypatch.delenv(name, raising=False)
    return lambda *words: CliRunner().invoke(mail, ["preview", *words])


def test_a_letter_is_written_with_a_token_that_this_machine_honours(run, tmp_path):
    done = run("launch_approval", "--to", "Ana Diaz <ana@example.com>", "--out", "letters")
    assert done.exit_code == 0, done.output
    assert "no Chromium" in done.output
    raw = (tmp_path / "letters" / "launch.eml").read_bytes()
    read = sent.sent_letter(raw)
    token = tokens.read(read.reply_to, "outcomes@localhost")
    secret = load_or_create_secrets(tmp_path / "data").api_secret
    assert tokens.owner(token, ["ben@example.com", "ana@example.com"], secret) == "ana@example.com"
    page = (tmp_path / "letters" / "launch.html").read_text()
    assert "data:image/png;base64," in page
    assert "cid:" not in page
    message = message_from_bytes(raw, policy=default)
    [picture] = [part for part in message.walk() if part.get_content_maintype() == "image"]
    assert Image.open(BytesIO(picture.get_payload(decode=True))).size[0] >= 1000
    assert len(raw) < 100_000


def test_without_a_kind_all_are_listed_and_an_unknown_one_is_answered_with_its_neighbours(run):
    for words in ((), ("list",)):
        shown = run(*words)
        assert shown.exit_code == 0
        assert all(kind in shown.output for kind in SAMPLES)
    with pytest.raises(InvalidRequest, match="Did you mean launch"):
        kind_named("lunch")


def test_the_recipient_is_the_owner_unless_said_and_must_be_an_address(run, tmp_path):
    assert run("notice", "--out", "x").exit_code == 0
    message = message_from_bytes((tmp_path / "x" / "notice.eml").read_bytes(), policy=default)
    assert message["To"].addresses[0].addr_spec == "owner@localhost"
    assert isinstance(run("notice", "--to", "nobody").exception, InvalidRequest)


def test_gates_go_by_their_types_names_and_a_plain_word():
    assert kind_named("gate") == "launch"
    assert {kind_named(gate_type) for gate_type in CHOICES} <= set(SAMPLES)
    assert kind_named("Ask Back") == kind_named("ask_back") == "ask-back"
    assert set(ALIASES.values()) <= set(SAMPLES)
    assert preview.name == "preview"
