"""`python -m demo`: starts the demo world, says which page to open, follows along; `--auto` lets a scripted person press the buttons."""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import aiohttp

from demo import recorded, story, world
from demo.doors import Experiment, Flags, Rest, Sandbox
from demo.errors import DemoFailed
from demo.letters import ScriptedReader
from demo.person import ScriptedPerson
from demo.recorded import Recording
from demo.replay import Replay, outcome_yaml
from demo.story import Story
from demo.world import Wish, World

LOOK_SECONDS, FAST_LOOK_SECONDS = 1.0, 0.3
INTERRUPTED = 130
PATIENCE = aiohttp.ClientTimeout(total=20)


def _teller() -> Callable[[str], None]:
    began = time.monotonic()
    return lambda text: print(f"[{time.monotonic() - began:6.1f} s] {text}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--auto", action="store_true", help="a scripted person presses the buttons; ends by itself")
    parser.add_argument(
        "--mail", action="store_true", help="gates by letter, in the page's mailbox, instead of in the channel"
    )
    parser.add_argument("--data", type=Path, metavar="FILE", help="replay a recorded experiment of this csv or csv.gz")
    parser.add_argument("--experiment", metavar="ID", help="which experiment of FILE")
    parser.add_argument("--metric", default="1", help="which metric of the recorded experiment (default 1)")
    parser.add_argument("--variant", help="which variant of the recorded experiment (default the first)")
    parser.add_argument(
        "--seed", type=int, default=10, help="draws the shoppers and the hidden truth (first start only)"
    )
    parser.add_argument("--fast", action="store_true", help="a simulated day in 1 s instead of 2 s")
    parser.add_argument("--dir", type=Path, default=Path(".outcome-runtime"), help="where the demo keeps its data")
    parser.add_argument(
        "--keep", action="store_true", help="continue where the last start stopped (this is the default)"
    )
    parser.add_argument("--fresh", action="store_true", help="forget earlier starts; asks first")
    parser.add_argument("--yes", action="store_true", help="answers that question")
    parser.add_argument("--time-limit", type=float, default=420, help="with --auto: seconds until it counts as failed")
    arguments = parser.parse_args()
    if bool(arguments.data) != bool(arguments.experiment):
        parser.error("--data FILE and --experiment ID belong together")
    if arguments.data and arguments.mail:
        parser.error("--mail is for the shop; a recorded experiment is decided in the channel")
    return arguments


def _root(arguments: argparse.Namespace) -> Path:
    """The shop's demo and each replay live apart, and an automatic run apart from what a person is doing."""
    name = f"replay-{arguments.experiment}-{arguments.metric}" if arguments.data else "demo"
    name += "-mail" if arguments.mail else ""
    place: Path = arguments.dir / (f"{name}-auto" if arguments.auto else name)
    return place.resolve()


def _forget(root: Path, *, sure: bool) -> None:
    if not sure:
        answer = input(f"Delete everything below {root}? [y/N] ")
        if answer.strip().casefold() not in {"y", "yes"}:
            raise DemoFailed("Nothing was deleted. Start without --fresh to continue.")
    world.wipe(root)


def _recording(arguments: argparse.Namespace, say: Callable[[str], None]) -> Recording | None:
    if not arguments.data:
        return None
    found = recorded.read(arguments.data, arguments.experiment, metric=arguments.metric, variant=arguments.variant)
    for complaint in found.left_out:
        say(f"Left out, {complaint}")
    say(
        f"{len(found.looks)} recorded looks at experiment {found.experiment}, metric {found.metric}, variant {found.variant}"
    )
    return found


class Demo:
    """One run of the demo over a started world."""

    def __init__(self, arguments: argparse.Namespace, here: World, session: aiohttp.ClientSession) -> None:
        self.arguments, self.world, self.session, self.say = arguments, here, session, here.wish.say
        self.story = Story(self.say)
        self.rest = Rest(session, here.url("PORT"), here.read_key())
        self.flags = Flags(session, here.url("SHOP_PORT"), here.secret("flags.token"))
        self.replaying: asyncio.Task[None] | None = None
        self.pause = FAST_LOOK_SECONDS if arguments.fast else LOOK_SECONDS

    async def follow(self, recording: Recording | None) -> bool:
        """Until all experiments ended (a person watches) or one was decided and learned from (automatic)."""
        script = ScriptedReader if self.arguments.mail else ScriptedPerson
        person = script(Sandbox(self.session, self.world.url("SANDBOX_PORT")), self.say)
        limit = time.monotonic() + self.arguments.time_limit
        while True:
            self.world.check()
            await self.story.look(self.rest)
            self._feed(recording)
            if self.arguments.auto:
                await person.look()
                if await self._is_complete():
                    return True
                if time.monotonic() > limit:
                    raise DemoFailed(self._what_is_missing())
            elif self.story.all_ended():
                return True
            await asyncio.sleep(self.pause)

    def _feed(self, recording: Recording | None) -> None:
        """Starts the replay when the first experiment runs and says from when its data count; a refused look ends the demo."""
        if recording is None:
            return
        if self.replaying is None and (running := [one for one in self.story.running() if one.data_from]):
            replay = Replay(
                self.session, recording, url=self.world.url("PORT"), secret=self.world.ingest_secret(),
                seconds=0.3 if self.arguments.fast else 0.6, say=self.say,
            )  # fmt: skip
            self.replaying = asyncio.create_task(replay.run(running[0]))
        if self.replaying is not None and self.replaying.done():
            self.replaying.result()

    async def _is_complete(self) -> bool:
        decided = self.story.decided()
        open_ones = [one for one in self.story.running() if one not in decided]
        if not decided or open_ones:
            return False
        return all([await self._stands(one) for one in decided])

    async def _stands(self, experiment: Experiment) -> bool:
        """The flag is where the decision put it, and a question in other words finds what was learned."""
        flag = await self.flags.read(experiment.feature_flag_key or "")
        if not story.flag_is_where_it_should_be(experiment, flag):
            return False
        return story.is_found(experiment, await self.rest.learnings(story.question_about(experiment)))

    def _what_is_missing(self) -> str:
        limit = f"{self.arguments.time_limit:.0f} s"
        if not self.story.gates:
            return f"After {limit} no gate was opened; see {self.world.wish.root / 'logs'}."
        decided = self.story.decided()
        if not decided:
            states = ", ".join(sorted({one.status for one in self.story.experiments.values()})) or "none yet"
            logs = self.world.wish.root
            return f"After {limit} no experiment was shipped or killed by a person; they are: {states}. The logs are below {logs}."
        return (
            f"After {limit} “{decided[0].title}” is {decided[0].status}, but its flag or its learning is not there yet."
        )

    async def tell_the_end(self) -> None:
        for one in self.story.experiments.values():
            if one.final_result is None and one.launched_at is not None:
                self.story.experiments[one.id] = one.model_copy(update={"final_result": await self.rest.result(one.id)})
        print("\n" + story.gate_table(self.story) + "\n", flush=True)
        if self.world.wish.shop:
            truths = await self._truths()
            print("The hidden truth (simulated), beside what was measured:")
            print(story.truth_table(self.story, truths) + "\n", flush=True)
        for one in self.story.decided():
            question = story.question_about(one)
            found = await self.rest.learnings(question)
            finding = next((item.finding for item in found if item.experiment_id == one.id), "not found")
            print(f"Asked the library: “{question}” It answers: {finding}", flush=True)

    async def _truths(self) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.world.secret('truth.token')}"}
        async with self.session.get(f"{self.world.url('SHOP_PORT')}/truth", headers=headers) as answer:
            told: dict[str, Any] = await answer.json()
            return told


def _welcome(page: str, *, mail: bool) -> None:
    where = "open the Mailbox on the left" if mail else "look at #checkout-outcomes"
    how = "Answer the letters as each of them says" if mail else "Press what you think is right"
    lines = [
        "",
        f"  Open {page} and {where}.",
        f"  You are Ana; switch to Ben at “Acting as” when a gate asks him. {how}.",
        "  Stop with Ctrl-C; the next start goes on from there.",
        "",
    ]
    print("\n".join(lines), flush=True)


async def _run(arguments: argparse.Namespace, here: World, recording: Recording | None) -> None:
    async with aiohttp.ClientSession(timeout=PATIENCE) as session:
        demo = Demo(arguments, here, session)
        await demo.follow(recording)
        await demo.tell_the_end()


def _stop_on_signal(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def play(arguments: argparse.Namespace) -> None:
    say = _teller()
    root = _root(arguments)
    recording = _recording(arguments, say)
    with world.alone(root):
        if arguments.fresh:
            _forget(root, sure=arguments.yes)
        wish = Wish(root=root, seed=arguments.seed, fast=arguments.fast, shop=recording is None, say=say)
        if not arguments.auto:
            wish = replace(wish, on_page=partial(_welcome, mail=arguments.mail))
        here = World(wish)
        try:
            say("Starting the product, a simulated shop and a coding agent ...")
            here.start()
            here.apply(outcome_yaml(recording) if recording else world.outcome_text(mail=arguments.mail))
            asyncio.run(_run(arguments, here, recording))
            if not arguments.auto:
                say("All experiments have ended. The workspace stays open; stop with Ctrl-C.")
                signal.pause()
        finally:
            say("Stopping ...")
            here.stop()


def main() -> None:
    signal.signal(signal.SIGTERM, _stop_on_signal)
    try:
        play(_arguments())
    except DemoFailed as failure:
        print(f"\nThe demo cannot go on. {failure}", file=sys.stderr, flush=True)
        raise SystemExit(1) from failure
    except KeyboardInterrupt:
        print("\nStopped. The next start goes on from here.", flush=True)
        raise SystemExit(INTERRUPTED) from None


if __name__ == "__main__":
    main()
