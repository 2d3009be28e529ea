"""The simulated shop's process: its calendar, its flag service, its page on one loopback port, its reports of latency."""

import argparse
import asyncio
import hmac
import os
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from demo import flag_api
from demo.changes import Deployments
from demo.days import Days, Pace, code_directory, midnight
from demo.flag_api import bearer_only, error, plain_refusals
from demo.flags import FlagBook
from demo.latency import Reporter
from demo.leash import die_with_parent
from demo.page import render
from demo.processes import loopback_only

DAYS = web.AppKey("days", Days)
REPORTER = web.AppKey("reporter", Reporter)
TRUTH_TOKEN = web.AppKey("truth_token", str)
SAFE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


async def page(request: web.Request) -> web.Response:
    days = request.app[DAYS]
    now = days.calendar.now if days.calendar else None
    flags = sorted(days.book.flags.values(), key=lambda flag: (not flag.enabled, flag.key))
    text = render(now, days.recent, flags, days.deployments.refresh())
    return web.Response(text=text, content_type="text/html", headers=SAFE)


async def health(request: web.Request) -> web.Response:
    """503 until the calendar runs, so that a launcher can wait for it."""
    days = request.app[DAYS]
    ready = days.calendar is not None and days.calendar.slices >= days.pace.history_days
    ready = ready or not days.dsn
    now = days.calendar.now.isoformat() if days.calendar else None
    answer = {"ready": ready, "simulated": True, "now": now, "sells": bool(days.dsn)}
    return web.json_response(answer, status=200 if ready else 503)


async def truth(request: web.Request) -> web.Response:
    """The hidden truth, for the holder of the launcher's token only."""
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {request.app[TRUTH_TOKEN]}".encode()):
        return error(403, "hidden", "the truth about the changes is told when the demo ends")
    days = request.app[DAYS]
    return web.json_response({key: asdict(value) for key, value in days.truths().items()})


async def _living(app: web.Application) -> AsyncIterator[None]:
    days, reporter = app[DAYS], app.get(REPORTER)
    tasks = [asyncio.create_task(days.run(), name="days")] if days.dsn else []
    if reporter is not None:
        tasks.append(asyncio.create_task(_reporting(days, reporter), name="reports"))
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _reporting(days: Days, reporter: Reporter) -> None:
    """There is nothing to report, and no table to read it from, before the calendar runs."""
    await days.opened.wait()
    await reporter.run()


def create_app(days: Days, *, flags_token: str, truth_token: str, reporter: Reporter | None = None) -> web.Application:
    app = web.Application(middlewares=[loopback_only, bearer_only, plain_refusals], client_max_size=64 * 1024)
    app[DAYS], app[TRUTH_TOKEN] = days, truth_token
    if reporter is not None:
        app[REPORTER] = reporter
    flag_api.mount(app, days.book, flags_token)
    app.add_routes([web.get("/", page), web.get("/health", health), web.get("/truth", truth)])
    app.cleanup_ctx.append(_living)
    return app


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo.shop", description=__doc__)
    parser.add_argument("--dsn", default="", help="the shop's own database; without it only the flag service runs")
    parser.add_argument("--data", type=Path, required=True, help="directory of the flag file and the shop's code")
    parser.add_argument("--port", type=int, default=8702)
    parser.add_argument("--seed", type=int, default=1, help="draws the shoppers and the hidden truth; counts once")
    parser.add_argument("--day-seconds", type=float, default=2.0, help="real seconds of one simulated day")
    parser.add_argument("--tick-seconds", type=float, default=0.25)
    parser.add_argument("--shoppers-per-day", type=float, default=4000)
    parser.add_argument("--history-days", type=int, default=14, help="days lived at once when the shop is new")
    parser.add_argument("--flags-token-file", type=Path, required=True)
    parser.add_argument("--truth-token-file", type=Path, required=True)
    parser.add_argument("--ingest-url", help="the product's address; its ingestion door is told the shop's latency")
    parser.add_argument("--ingest-key-file", type=Path, help="the signing secret of an ingest key")
    return parser.parse_args()


def build(arguments: argparse.Namespace) -> web.Application:
    pace = Pace(
        arguments.day_seconds, arguments.tick_seconds, arguments.shoppers_per_day, max(arguments.history_days, 0)
    )
    dsn = arguments.dsn or os.environ.get("SHOP_DSN", "")
    reporter = _reporter(arguments, dsn)
    days = Days(
        dsn=dsn,
        seed=arguments.seed,
        pace=pace,
        book=FlagBook(arguments.data / "flags.json"),
        deployments=Deployments(code_directory(arguments.data)),
        start=midnight(datetime.now(UTC)),
        reports=reporter is not None,
    )
    flags_token, truth_token = (
        path.read_text(encoding="utf-8").strip() for path in (arguments.flags_token_file, arguments.truth_token_file)
    )
    return create_app(days, flags_token=flags_token, truth_token=truth_token, reporter=reporter)


def _reporter(arguments: argparse.Namespace, dsn: str) -> Reporter | None:
    if not dsn or not arguments.ingest_url or not arguments.ingest_key_file:
        return None
    secret = arguments.ingest_key_file.read_text(encoding="utf-8").strip()
    return Reporter.at(arguments.ingest_url, dsn=dsn, secret=secret)


def main() -> None:
    die_with_parent()
    arguments = _arguments()
    web.run_app(build(arguments), host="127.0.0.1", port=arguments.port, access_log=None, print=None)


if __name__ == "__main__":
    main()
