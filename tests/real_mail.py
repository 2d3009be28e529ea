"""Debian's dovecot and OpenSMTPD on loopback: a real border server and a real mailbox for tests of mail."""

import fcntl
import imaplib
import os
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runtime.local.ports import free_port

DOMAIN, OTHER_DOMAIN, HOST = "outcome.test", "example.com", "mx.outcome.test"
PASSWORD = "secret"
USER = "mail"
_SPEAKING = Path("/run/smtpd.sock")
_APART = "mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/spool && chmod 755 /var/spool"
"""OpenSMTPD has one control socket and one queue a machine; in a mount namespace of its own it has them for itself."""
_LEASHED = '"$@" & pid=$!; cat; kill $pid; wait $pid'
"""Ends a server when its standard input does: also when the test process is killed."""
PATIENCE = 20.0
HOW = "apt-get install dovecot-imapd dovecot-lmtpd opensmtpd, and run as root"

_DOVECOT = """
protocols = imap lmtp
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
recipient_delimiter = +
mailbox_idle_check_interval = 1 secs
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{folder}/boxes/%n
mail_home = {folder}/boxes/%n
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={user} home={folder}/boxes/%n
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@{domain}
}}
{more}
"""
WITHOUT_IDLE = "imap_capability = IMAP4rev1 SASL-IR LITERAL+ ENABLE UNSELECT UIDPLUS"
"""What a server says that pushes nothing."""
_SMTPD = """
table vu {{ "@" = "{user}" }}
listen on 127.0.0.1 port {smtp} hostname {host}
action "deliver" lmtp "127.0.0.1:{lmtp}" rcpt-to virtual <vu>
match from any for domain {{ "{domain}", "{other}" }} action "deliver"
match from any for any reject
"""


def why_not() -> str:
    """Empty when real servers can be had here."""
    missing = [name for name in ("dovecot", "doveadm", "smtpd") if _program(name) is None]
    if missing:
        return f"NO REAL MAIL SERVERS: {', '.join(missing)} not installed ({HOW})"
    if os.geteuid() != 0:
        return f"NO REAL MAIL SERVERS: they deliver for other users, which only root may ({HOW})"
    return ""


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


@dataclass
class MailServer:
    """Where the servers listen. Anybody's password is `secret`; a plus-address lands in its person's INBOX."""

    folder: Path
    smtp_port: int
    imap_port: int
    lmtp_port: int
    apart: bool = True
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def smtp_url(self) -> str:
        return f"smtp://127.0.0.1:{self.smtp_port}"

    def imap_url(self, user: str = "outcomes") -> str:
        return f"imap://{user}%40{DOMAIN}:{PASSWORD}@127.0.0.1:{self.imap_port}/INBOX"

    @contextmanager
    def mailbox(self, user: str) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4("127.0.0.1", self.imap_port, timeout=10) as client:
            client.login(f"{user}@{DOMAIN}", PASSWORD)
            client.select("INBOX")
            yield client

    def letters(self, user: str) -> list[bytes]:
        """Everything in a person's INBOX, oldest first."""
        with self.mailbox(user) as client:
            uids = client.uid("search", "ALL")[1][0].split()
            return [client.uid("fetch", uid.decode(), "(BODY.PEEK[])")[1][0][1] for uid in uids]

    def wait_for(self, user: str, wanted: Callable[[bytes], bool], patience: float = PATIENCE) -> bytes:
        """The newest letter that is wanted, as soon as it lands."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            for raw in reversed(self.letters(user)):
                if wanted(raw):
                    return raw
            time.sleep(0.05)
        raise AssertionError(f"no such letter for {user} within {patience} s; {len(self.letters(user))} others")

    def post(self, raw: bytes, to: list[str], sender: str) -> None:
        """Hand a message in at the border server, as another server would."""
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=10) as client:
            client.sendmail(sender, to, raw)

    def append(self, user: str, raw: bytes) -> None:
        """Put a letter into a mailbox, as another server's delivery would."""
        with self.mailbox(user) as client:
            assert client.append("INBOX", "", "", raw)[0] == "OK"

    def recreate(self, user: str) -> None:
        """The mailbox is lost and made anew: the same address, another UIDVALIDITY."""
        with self.mailbox(user) as client:
            before = int(client.response("UIDVALIDITY")[1][0])
        self.stop("dovecot")
        shutil.rmtree(self.folder / "boxes" / user)
        while time.time() <= before + 1:  # Dovecot counts UIDVALIDITY in seconds
            time.sleep(0.05)
        self.start("dovecot")

    def start(self, name: str) -> None:
        folder = self.folder
        argv = {
            "dovecot": [_program("dovecot") or "", "-F", "-c", str(folder / "dovecot.conf")],
            "smtpd": [_program("smtpd") or "", "-d", "-f", str(folder / "smtpd.conf")],
        }[name]
        leashed = ["sh", "-c", _LEASHED, "sh", *argv]
        if name == "smtpd" and self.apart:
            leashed = ["unshare", "--mount", "sh", "-c", f"{_APART} && {_LEASHED}", "sh", *argv]
        with (folder / f"{name}.out").open("ab") as out:
            self.running[name] = subprocess.Popen(leashed, stdin=subprocess.PIPE, stdout=out, stderr=out)
        greeting = {"dovecot": self._imap_answers, "smtpd": self._smtp_answers}[name]
        end = time.monotonic() + PATIENCE
        while not greeting():
            if self.running[name].poll() is not None or time.monotonic() > end:
                raise AssertionError(f"{name} did not start: {(self.folder / f'{name}.out').read_text()[-2000:]}")
            time.sleep(0.03)

    def stop(self, name: str) -> None:
        """Ends it, and the processes under it."""
        server = self.running.pop(name, None)
        if server is None:
            return
        assert server.stdin is not None
        server.stdin.close()
        try:
            server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()

    def restart(self) -> None:
        for name in ("smtpd", "dovecot"):
            self.stop(name)
        for name in ("dovecot", "smtpd"):
            self.start(name)

    def _imap_answers(self) -> bool:
        try:
            with imaplib.IMAP4("127.0.0.1", self.imap_port, timeout=5) as client:
                return client.login(f"probe@{DOMAIN}", PASSWORD)[0] == "OK"
        except (OSError, imaplib.IMAP4.error):
            return False

    def _smtp_answers(self) -> bool:
        try:
            with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=5) as client:
                return client.noop()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False


def _write(server: MailServer, more: str) -> None:
    known = {
        "more": more,
        "folder": server.folder,
        "imap": server.imap_port,
        "smtp": server.smtp_port,
        "lmtp": server.lmtp_port,
        "password": PASSWORD,
        "user": USER,
        "domain": DOMAIN,
        "other": OTHER_DOMAIN,
        "host": HOST,
    }
    (server.folder / "dovecot.conf").write_text(_DOVECOT.format(**known))
    (server.folder / "smtpd.conf").write_text(_SMTPD.format(**known))
    (server.folder / "smtpd.conf").chmod(0o600)
    boxes = server.folder / "boxes"
    boxes.mkdir()
    shutil.chown(boxes, USER, USER)


def _can_be_apart() -> bool:
    return subprocess.run(["unshare", "--mount", "sh", "-c", _APART], capture_output=True, check=False).returncode == 0


@contextmanager
def _alone() -> Iterator[None]:
    """Where namespaces are not allowed, of two test processes one waits."""
    with (Path(tempfile.gettempdir()) / "outcome-real-mail.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _another_speaks():
            pytest.skip("NO REAL MAIL SERVERS: this machine's own OpenSMTPD is running; stop it for the tests")
        yield


def _another_speaks() -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return _SPEAKING.exists() and probe.connect_ex(str(_SPEAKING)) == 0


@contextmanager
def mailboxes_alone(more: str = "") -> Iterator[MailServer]:
    """Dovecot by itself, with more lines of configuration; letters are put in with `append`."""
    with _servers(more, ["dovecot"]) as server:
        yield server


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Both servers on free ports, in a folder that their own users may enter; skips where they cannot be had."""
    with _servers("", ["dovecot", "smtpd"]) as server:
        yield server


@contextmanager
def _servers(more: str, names: list[str]) -> Iterator[MailServer]:
    if reason := why_not():
        pytest.skip(reason)
    with ExitStack() as stack:
        apart = "smtpd" not in names or _can_be_apart()
        if not apart:
            stack.enter_context(_alone())
        folder = Path(tempfile.mkdtemp(prefix="outcome-mail-", dir="/tmp"))
        folder.chmod(0o755)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server = MailServer(folder, free_port(), free_port(), free_port(), apart)
        stack.callback(server.stop, "dovecot")
        stack.callback(server.stop, "smtpd")
        _write(server, more)
        for name in names:
            server.start(name)
        yield server
