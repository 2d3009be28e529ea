"""An example coding agent: takes signed build orders, fetches the brief over MCP, codes behind the flag, reports; decides nothing."""

import argparse
import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from demo import coding, tools
from demo.builds import Build, Dispatch, Order, OrderBook
from demo.coding import Brief, Work
from demo.errors import DemoFailed, Refused
from demo.files import write_atomic
from demo.leash import die_with_parent
from demo.processes import loopback_only
from demo.signing import BadSignature, verify

RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 20.0


def _say(text: str) -> None:
    print(f"agent: {text}", flush=True)


@dataclass
class Agent:
    """Works through its order book for ever; a killed agent goes on where it was."""

    book: OrderBook
    code: Path
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def work(self) -> None:
        while True:
            self.wake.clear()
            waiting = self.book.waiting()
            for build in waiting:
                await self.attempt(build)
            patience = min((build.attempts for build in self.book.waiting()), default=None)
            pause = None if patience is None else min(RETRY_SECONDS * 2 ** min(patience, 6), LONGEST_RETRY_SECONDS)
            await _sleep_until(self.wake, pause)

    async def attempt(self, build: Build) -> Build:
        """One try; what fails for a reason outside is tried again until the deadline, a refusal is final."""
        if self.clock() > build.order.deadline:
            return self._close(build, "late", "the deadline passed")
        try:
            done = await self._build(build)
        except Exception as error:  # noqa: BLE001  whatever the network or the server does, the order stays in the book
            _stop_if_told()
            cause = _root(error)
            if isinstance(cause, Refused):
                return self._close(build, "refused", str(cause))
            return self._again(build.order.run_id, str(cause) or type(cause).__name__)
        return self._close(done, "reported", done.work.path if done.work else "")

    async def _build(self, build: Build) -> Build:
        order = build.order
        async with tools.opened(order.mcp_url, order.token) as client:
            answer = await tools.call(client, "get_experiment_brief", {"experiment_id": order.experiment_id})
            brief = _read_brief(answer, order)
            if build.work is None:
                path = coding.choose_path(brief)
                build = build.model_copy(update={"work": coding.write_change(brief, path, self._before(path))})
                self.book.keep(build)
            self._write(build.work, brief)
            if build.work is not None:
                await tools.call(client, "report_experiment_built", coding.report(brief, build.work))
        return build

    def _again(self, run_id: str, reason: str) -> Build:
        build = self.book.shelf.builds[run_id]
        if reason != build.detail:
            _say(f"{build.order.experiment_id}: {reason}; trying again")
        again = build.model_copy(update={"attempts": build.attempts + 1, "detail": reason})
        self.book.keep(again)
        return again

    def _inside(self, path: str) -> Path:
        """The path in the code directory, also after links are followed."""
        target = (self.code / path).resolve()
        if not target.is_relative_to(self.code.resolve()):
            raise Refused(f"{path} leads out of the code directory through a link.")
        return target

    def _before(self, path: str) -> str | None:
        target = self._inside(path)
        return target.read_text(encoding="utf-8") if target.exists() else None

    def _write(self, work: Work | None, brief: Brief) -> None:
        if work is not None:
            write_atomic(self._inside(coding.check_path(work.path, brief.scope)), work.content)

    def _close(self, build: Build, state: str, detail: str) -> Build:
        closed = build.model_copy(update={"state": state, "detail": detail})
        self.book.keep(closed)
        _say(f"{build.order.experiment_id}: {state} ({detail})")
        return closed

    async def poll(self, mcp_url: str, key: str, *, every: float) -> None:
        """Without dispatch: looks for experiments that wait to be built and takes them itself."""
        while True:
            try:
                async with tools.opened(mcp_url, key) as client:
                    outcomes = await tools.call(client, "get_active_outcomes", {})
                for experiment_id in waiting_experiments(outcomes):
                    self._pick_up(experiment_id, mcp_url, key)
            except Exception as error:  # noqa: BLE001  the server may not be up yet; the next look will tell
                _stop_if_told()
                _say(f"no list of outcomes: {_root(error)}")
            await asyncio.sleep(every)

    def _pick_up(self, experiment_id: str, mcp_url: str, key: str) -> None:
        if self.book.knows_experiment(experiment_id):
            return
        deadline = self.clock() + timedelta(hours=1)
        self.book.take(
            Order(
                run_id=f"polled-{experiment_id}",
                experiment_id=experiment_id,
                mcp_url=mcp_url,
                token=key,
                deadline=deadline,
            )
        )
        self.wake.set()


def _stop_if_told() -> None:
    """A client whose streams break while its task is being cancelled raises that instead of the cancellation."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _root(error: BaseException) -> BaseException:
    """The first cause inside nested exception groups, which say nothing themselves."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _read_brief(answer: Any, order: Order) -> Brief:
    try:
        brief = Brief.model_validate(answer)
    except ValidationError as error:
        raise Refused(f"The brief cannot be read: {error.errors()[0]['msg']} at {error.errors()[0]['loc']}.") from error
    if brief.experiment_id != order.experiment_id:
        raise Refused("The brief is for another experiment than the order.")
    return brief


def waiting_experiments(outcomes: Any) -> list[str]:
    """Ids of experiments in the state `building`, wherever they stand in the answer."""
    if isinstance(outcomes, dict):
        own = outcomes.get("experiment_id") or outcomes.get("id")
        mine = [own] if outcomes.get("status") == "building" and isinstance(own, str) else []
        return mine + [found for value in outcomes.values() for found in waiting_experiments(value)]
    if isinstance(outcomes, list):
        return [found for value in outcomes for found in waiting_experiments(value)]
    return []


async def _sleep_until(wake: asyncio.Event, seconds: float | None) -> None:
    try:
        await asyncio.wait_for(wake.wait(), seconds)
    except TimeoutError:
        return


AGENT = web.AppKey("agent", Agent)
SECRET = web.AppKey("secret", str)


async def receive(request: web.Request) -> web.Response:
    """202 once the order is in the book, and again for the same order sent twice."""
    agent, body = request.app[AGENT], await request.read()
    try:
        verify(request.app[SECRET], request.headers, body, agent.clock())
        order = Dispatch.model_validate_json(body).data
    except BadSignature as error:
        return web.json_response({"error": "not_authenticated", "message": str(error)}, status=401)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return web.json_response({"error": "invalid_request", "message": f"{place}: {first['msg']}"}, status=400)
    agent.book.take(order)
    agent.wake.set()
    url = str(request.url.with_path(f"/builds/{order.run_id}"))
    return web.json_response({"external_id": f"build-{order.run_id}", "url": url}, status=202)


async def show(request: web.Request) -> web.Response:
    """How far a build is; tokens are not shown."""
    build = request.app[AGENT].book.shelf.builds.get(request.match_info["run_id"])
    if build is None:
        return web.json_response({"error": "not_found", "message": "no build with that id"}, status=404)
    return web.json_response({"run_id": build.order.run_id, "state": build.state, "detail": build.detail})


async def health(request: web.Request) -> web.Response:
    return web.json_response({"ready": True, "waiting": len(request.app[AGENT].book.waiting())})


def create_app(agent: Agent, secret: str, *jobs: Callable[[], Any]) -> web.Application:
    """The door for orders; the agent's work and further jobs run as long as the application."""

    async def working(app: web.Application) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(job()) for job in (agent.work, *jobs)]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    app = web.Application(middlewares=[loopback_only], client_max_size=256 * 1024)
    app[AGENT], app[SECRET] = agent, secret
    app.add_routes([web.post("/", receive), web.post("/builds", receive), web.get("/builds/{run_id}", show)])
    app.add_routes([web.get("/health", health)])
    app.cleanup_ctx.append(working)
    return app


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo.agent", description=__doc__)
    parser.add_argument("--port", type=int, default=8703)
    parser.add_argument("--data", type=Path, required=True, help="directory of the order book")
    parser.add_argument("--code", type=Path, required=True, help="the repository the agent works in")
    parser.add_argument("--secret-file", type=Path, required=True, help="the whsec_ secret that signs orders")
    parser.add_argument("--poll", metavar="MCP_URL", help="look for work here instead of waiting for orders")
    parser.add_argument("--poll-seconds", type=float, default=2.0)
    return parser.parse_args()


def main() -> None:
    die_with_parent()
    arguments = _arguments()
    agent = Agent(OrderBook(arguments.data / "builds.json"), arguments.code)
    jobs: list[Callable[[], Any]] = []
    if arguments.poll:
        key = os.environ.get("OR_API_KEY", "")
        if not key:
            raise DemoFailed("--poll needs an agent key in OR_API_KEY; make one with `outcome-runtime key create`.")
        jobs.append(lambda: agent.poll(arguments.poll, key, every=arguments.poll_seconds))
    secret = arguments.secret_file.read_text(encoding="utf-8").strip()
    app = create_app(agent, secret, *jobs)
    web.run_app(app, host="127.0.0.1", port=arguments.port, access_log=None, print=None)


if __name__ == "__main__":
    main()
