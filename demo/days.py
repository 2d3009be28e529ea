"""The shop's accelerated calendar: slices of a day pass at a fixed pace, for as long as the shop runs."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from demo import latency
from demo.changes import Deployments
from demo.flags import FlagBook
from demo.ledger import DAY, Calendar, CalendarMoved, Ledger
from demo.shoppers import Live, simulate
from demo.truth import Truth, draw

RECONNECT_SECONDS = 0.5
STOCK_DAYS = 4
LOST = (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast simulated time passes, and for how long the shop remembers it."""

    day_seconds: float = 2.0
    tick_seconds: float = 0.25
    shoppers_per_day: float = 4000
    history_days: int = 14
    keep_days: int = 75

    @property
    def slice_length(self) -> timedelta:
        return DAY * min(self.tick_seconds / self.day_seconds, 1.0)


@dataclass
class Days:
    """Lives the calendar: reads flags and code, simulates, records; nothing is caught up after a pause."""

    dsn: str
    seed: int
    pace: Pace
    book: FlagBook
    deployments: Deployments
    start: datetime
    reports: bool = False
    say: Callable[[str], None] = field(default=lambda text: print(text, flush=True))
    calendar: Calendar | None = None
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    recent: Sequence[tuple[str, int, int]] = ()

    def live(self) -> list[Live]:
        """Changes that are in the code and whose flag is enabled: only these reach shoppers."""
        changes = self.deployments.refresh()
        flags = [flag for flag in self.book.flags.values() if flag.enabled and flag.key in changes]
        return [Live(flag, self.truth_of(flag.key)) for flag in flags]

    def truth_of(self, key: str) -> Truth:
        return draw(self.seed, key, self.deployments.changes[key].family)

    def truths(self) -> dict[str, Truth]:
        return {key: self.truth_of(key) for key in self.deployments.refresh()}

    async def run(self) -> None:
        """For ever; a lost database is waited for, and the calendar stands still meanwhile."""
        complained = False
        while True:
            try:
                await self._live_with(await Ledger.open(self.dsn))
            except CalendarMoved:
                self.say("shop: another shop writes to this database; reading its calendar again")
            except Exception as error:  # noqa: BLE001  a driver whose server dies in mid-handshake raises anything at all
                if not complained:
                    self.say(
                        f"shop: the database does not answer ({type(error).__name__}: {error}); the calendar waits for it"
                    )
            complained = True
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _live_with(self, ledger: Ledger) -> None:
        try:
            await self.begin(ledger)
            while True:
                began = asyncio.get_running_loop().time()
                await self.step(ledger, self.pace.slice_length)
                spent = asyncio.get_running_loop().time() - began
                await asyncio.sleep(max(self.pace.tick_seconds - spent, 0.01))
        finally:
            await _close(ledger)

    async def begin(self, ledger: Ledger) -> Calendar:
        """Opens the calendar where it stopped; a new shop first lives its history at full speed."""
        self.calendar = await ledger.calendar(seed=self.seed, start=self.start - DAY * self.pace.history_days)
        self.seed = self.calendar.seed
        while self.calendar.slices < self.pace.history_days:
            await self.step(ledger, DAY)
        await ledger.take_stock()
        await self._look_back(ledger)
        self.opened.set()
        return self.calendar

    async def step(self, ledger: Ledger, length: timedelta) -> None:
        """One slice; what a flag says at its start holds for all of it."""
        calendar = self.calendar
        if calendar is None:
            raise CalendarMoved
        span = calendar.upcoming(length)
        activity = simulate(span, self.live(), seed=calendar.seed, per_day=self.pace.shoppers_per_day)
        self.calendar = await ledger.record(calendar, span, activity)
        if span.start.date() != span.end.date() and length < DAY:
            await ledger.forget_before(await self._old(ledger, span.end))
            if span.end.toordinal() % STOCK_DAYS == 0:
                await ledger.take_stock()
        if length < DAY:
            await self._look_back(ledger)

    async def _old(self, ledger: Ledger, now: datetime) -> datetime:
        """Before this moment nothing is needed any more; what waits to be reported is."""
        old = now - DAY * self.pace.keep_days
        waiting = await latency.unsent_since(ledger.connection) if self.reports else None
        return old if waiting is None else min(old, waiting)

    async def _look_back(self, ledger: Ledger) -> None:
        if self.calendar is not None:
            rows = await ledger.recent_days(self.calendar.now, 21)
            self.recent = [(f"{row['day']} {row['platform']}", row["carts"], row["orders"]) for row in rows]


async def _close(ledger: Ledger) -> None:
    try:
        await ledger.close()
    except LOST as error:
        print(f"shop: the connection was already gone ({type(error).__name__})", file=sys.stderr, flush=True)


def midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def code_directory(data: Path) -> Path:
    """The shop's source tree, made with the folders that outcome.yaml names."""
    code = data / "code"
    for folder in ("frontend/checkout", "api/cart", "services/payments", "services/orders"):
        (code / folder).mkdir(parents=True, exist_ok=True)
    return code
