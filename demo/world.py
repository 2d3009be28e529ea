"""The demo world's processes: the product by its command line, the shop, the agent; where they live and how they find each other."""

import asyncio
import base64
import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from demo import processes
from demo.days import code_directory
from demo.errors import DemoFailed
from demo.files import secret_file, write_atomic
from demo.processes import Child

REPOSITORY = Path(__file__).resolve().parents[1]
PORTS = {"PORT": 8700, "SANDBOX_PORT": 8701, "SHOP_PORT": 8702, "AGENT_PORT": 8703}
PEOPLE = "Ana Costa <ana@example.com>; Ben Okafor <ben@example.com>"
# The demo brings its own: an address or account of the person's real set-up has no business here.
NOT_OURS = (
    "DATABASE_URL",
    "MIGRATION_DATABASE_URL",
    "REDIS_URL",
    "APP_URL",
    "API_SECRET",
    "AGENT_URL",
    "AGENT_SECRET",
    "ORG",
    "SMTP_URL",
    "IMAP_URL",
)
NOT_OURS_EITHER = ("SLACK_", "MAIL_")
UNDO_SECONDS = "5"
UP_SECONDS, SHOP_SECONDS = 180, 60
GONE_SECONDS = 10

DSN = re.compile(r"postgres(?:ql)?://\S+")
SIGNING_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]+")
KEY = re.compile(r"\bor_[A-Za-z0-9_.~-]+")


@dataclass(frozen=True, slots=True)
class Wish:
    """How the demo was asked to run."""

    root: Path
    seed: int = 1
    fast: bool = False
    shop: bool = True
    say: Callable[[str], None] = print
    on_page: Callable[[str], None] = lambda _address: None


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """One demo a directory; the second one is told who is there."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "demo.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise DemoFailed(
                f"A demo is running in {root} already (process {lock.read().strip()}); stop it first."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _belongs_here(pid: int, root: Path) -> bool:
    with contextlib.suppress(OSError):
        return str(root).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def end_left_over(root: Path) -> None:
    """Ends servers that outlived an earlier demo of this very directory, before it is wiped."""
    files = [*root.glob("*/run/*.pid"), *root.glob("*/*/postmaster.pid")]
    numbers = {int(first) for path in files if (first := path.read_text().split("\n", 1)[0].strip()).isdigit()}
    left = {pid for pid in numbers if _belongs_here(pid, root)}
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + GONE_SECONDS
    while any(_belongs_here(pid, root) for pid in left) and time.monotonic() < deadline:
        time.sleep(0.05)


def wipe(root: Path) -> None:
    """Everything but the lock that is held."""
    end_left_over(root)
    for path in root.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "demo.lock":
            path.unlink()


async def _answers(dsn: str) -> bool:
    try:
        connection = await asyncpg.connect(dsn, timeout=3)
        await connection.close(timeout=3)
    except (TimeoutError, OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True


@dataclass
class World:
    """Starts what the demo is made of, in order, and stops it in reverse."""

    wish: Wish
    children: list[Child] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)
    began: float = 0.0

    @property
    def product(self) -> Path:
        return self.wish.root / "product"

    @property
    def shop_data(self) -> Path:
        return self.wish.root / "shop"

    def url(self, port: str) -> str:
        return f"http://127.0.0.1:{self.ports[port]}"

    def secret(self, name: str) -> str:
        return secret_file(self.wish.root / "secrets" / name)

    def environment(self) -> dict[str, str]:
        """What the product is told; language-model keys of the person's environment stay."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in NOT_OURS and not name.startswith(NOT_OURS_EITHER)
        }
        return kept | {
            "PYTHONPATH": str(REPOSITORY),
            "DATA_DIR": str(self.product),
            "PORT": str(self.ports["PORT"]),
            "SANDBOX_PORT": str(self.ports["SANDBOX_PORT"]),
            "SANDBOX_PEOPLE": PEOPLE,
            "OWNER_EMAIL": "ana@example.com",
            "OWNER_NAME": "Ana Costa",
            "SLACK_DEFAULT_CHANNEL": "#checkout-outcomes",
            "AGENT_URL": f"{self.url('AGENT_PORT')}/builds",
            "AGENT_SECRET": self._agent_secret().read_text(encoding="utf-8").strip(),
            "MEASURE_EVERY_SECONDS": "1" if self.wish.fast else "2",
            "CLOCK_TICK_SECONDS": "0.5",
            "LEVEL_EVERY_SECONDS": "10",
            "MAIL_UNDO_SECONDS": UNDO_SECONDS,
            "ALLOW_PRIVATE_HOSTS": "127.0.0.1",
            "SHOP_FLAGS_URL": self.url("SHOP_PORT"),
            "SHOP_FLAGS_TOKEN": self.secret("flags.token"),
            "PYTHONUNBUFFERED": "1",
        }

    def _agent_secret(self) -> Path:
        path = self.wish.root / "secrets" / "agent.secret"
        if not path.exists():
            write_atomic(path, "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode() + "\n", mode=0o600)
        return path

    def choose_ports(self) -> None:
        """The usual ports, those of the last start if they are free, else the next free ones."""
        remembered = self.wish.root / "ports.json"
        before = json.loads(remembered.read_text(encoding="utf-8")) if remembered.exists() else {}
        taken: set[int] = set()
        for name, usual in PORTS.items():
            wanted = before.get(name, usual)
            if name in before:
                processes.wait_for_port(wanted)
            self.ports[name] = processes.free_port(wanted, taken)
            if self.ports[name] != wanted:
                self.wish.say(f"Port {wanted} is taken; {name} is {self.ports[name]} instead.")
        write_atomic(remembered, json.dumps(self.ports))

    def cli(self, *arguments: str, **extra: str) -> str:
        """The product's command line, as a person would use it; `extra` is added to its environment."""
        command = [sys.executable, "-m", "bot.cli", *arguments]
        return processes.run(command, env=self.environment() | extra, cwd=self.wish.root)

    def _start(self, name: str, *arguments: str, **extra: str) -> Child:
        log = self.wish.root / "logs" / f"{name}.log"
        # Not in the repository, where a `.env` would lead the demo to the person's own workspace and database.
        child = processes.start(name, arguments, env=self.environment() | extra, log=log, cwd=self.wish.root)
        self.children.append(child)
        return child

    def start(self) -> None:
        """Everything up to the applied outcome; what is there already is kept and continued."""
        self.choose_ports()
        self.start_product()
        self.start_agent()
        self.wait_for_product()
        dsn = self.shop_dsn() if self.wish.shop else ""
        self.start_shop(dsn)

    def start_agent(self) -> None:
        data, code = self.wish.root / "agent", code_directory(self.shop_data)
        options = ["--port", str(self.ports["AGENT_PORT"]), "--data", str(data), "--code", str(code)]
        self._start("agent", "-m", "demo.agent", *options, "--secret-file", str(self._agent_secret()))

    def start_product(self) -> None:
        """The page is there first, with everything that was said before; the rest of the product follows."""
        self.began = time.time()
        child = self._start("product", "-m", "bot.cli", "up")
        page = self.url("SANDBOX_PORT")
        processes.wait_until(lambda: processes.answers(f"{page}/healthz"), child, seconds=UP_SECONDS, what="the page")
        self.wish.on_page(page)

    def wait_for_product(self) -> None:
        ready = self.product / "run" / "up.json"
        child = next(child for child in self.children if child.name == "product")
        processes.wait_until(
            lambda: ready.exists() and ready.stat().st_mtime >= self.began - 1,
            child,
            seconds=UP_SECONDS,
            what="the product's start",
        )

    def shop_dsn(self) -> str:
        """The shop's own database; asked of the product's command line once, and again when it no longer answers."""
        kept = self.wish.root / "secrets" / "shop.dsn"
        if kept.exists() and asyncio.run(_answers(dsn := kept.read_text(encoding="utf-8").strip())):
            return dsn
        dsn = self._printed(DSN, "database", "create", "shop")
        write_atomic(kept, dsn + "\n", mode=0o600)
        return dsn

    def _printed(self, pattern: re.Pattern[str], *arguments: str) -> str:
        text = self.cli(*arguments)
        found = pattern.search(text)
        if found is None:
            raise DemoFailed(
                f"`outcome-runtime {' '.join(arguments)}` printed nothing like {pattern.pattern}: {text[:300]}"
            )
        return found.group()

    def start_shop(self, dsn: str) -> None:
        tokens = self.wish.root / "secrets"
        for name in ("flags.token", "truth.token"):
            self.secret(name)
        options = ["--data", str(self.shop_data), "--port", str(self.ports["SHOP_PORT"]), "--seed", str(self.wish.seed)]
        options += [
            "--flags-token-file",
            str(tokens / "flags.token"),
            "--truth-token-file",
            str(tokens / "truth.token"),
        ]
        options += ["--day-seconds", "1.0"] if self.wish.fast else []
        if dsn:
            self.ingest_secret()
            options += ["--ingest-url", self.url("PORT"), "--ingest-key-file", str(tokens / "ingest.key")]
        child = self._start("shop", "-m", "demo.shop", *options, SHOP_DSN=dsn)
        processes.wait_until(
            lambda: processes.answers(f"{self.url('SHOP_PORT')}/health"),
            child,
            seconds=SHOP_SECONDS,
            what="the shop's opening",
        )
        self.wish.say(f"The simulated shop is open: {self.url('SHOP_PORT')}")

    def apply(self, text: str) -> None:
        """Applies the outcome file, unless the very same one was applied before to the same addresses."""
        path = self.wish.root / "outcome.yaml"
        if not path.exists():
            write_atomic(path, text)
        kept = self.wish.root / "secrets" / "shop.dsn"
        dsn = kept.read_text(encoding="utf-8").strip() if kept.exists() else ""
        seen = hashlib.sha256((path.read_text(encoding="utf-8") + dsn + self.url("SHOP_PORT")).encode()).hexdigest()
        marker = self.wish.root / "applied"
        if marker.exists() and marker.read_text(encoding="utf-8") == seen:
            return
        self.cli("apply", str(path), "--yes", SHOP_DSN=dsn)
        write_atomic(marker, seen)

    def read_key(self) -> str:
        return self._kept_key("read.key", KEY, "read", "demo")

    def ingest_secret(self) -> str:
        return self._kept_key("ingest.key", SIGNING_SECRET, "ingest", "demo")

    def _kept_key(self, file: str, pattern: re.Pattern[str], kind: str, name: str) -> str:
        path = self.wish.root / "secrets" / file
        if not path.exists():
            key = self._printed(pattern, "key", "create", "--kind", kind, "--name", name)
            write_atomic(path, key + "\n", mode=0o600)
        return path.read_text(encoding="utf-8").strip()

    def check(self) -> None:
        """A process that ended by itself ends the demo, with the end of its log."""
        for child in self.children:
            if not child.alive:
                raise DemoFailed(f"{child.name} ended with code {child.process.returncode}.\n{child.tail()}")

    def stop(self) -> None:
        """The product last: it stops its servers itself."""
        for child in sorted(self.children, key=lambda child: child.name == "product"):
            child.stop()


def outcome_text(*, mail: bool = False) -> str:
    """With gates in the channel, or by letter."""
    text = Path(__file__).with_name("outcome.yaml").read_text(encoding="utf-8")
    return text.replace("channel: slack:#checkout-outcomes", "channel: email") if mail else text
