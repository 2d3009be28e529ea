"""Replays a recorded experiment through the ingestion door: its own outcome.yaml, then one signed POST a look."""

import asyncio
import hashlib
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from demo.doors import Experiment
from demo.errors import DemoFailed
from demo.recorded import Recording, points
from demo.signing import sign

LONGEST_DAYS, LEAST_DAYS = 700, 1
TRIES = 5
SOURCE = "recorded-data"  # what gates and charts name as the source: these numbers are real, and nobody's today


def outcome_yaml(recording: Recording) -> str:
    """An outcome over the webhook source whose baseline is the first look's control arm; JSON is YAML too."""
    first, last = recording.looks[0], recording.looks[-1]
    baseline = first.control.mean
    step = abs(baseline) * 0.05 or 0.01
    days = min(max(math.ceil(last.days), LEAST_DAYS), LONGEST_DAYS)
    hours = max(math.floor(min(last.days, LONGEST_DAYS) * 24), 1)  # the last look must reach the horizon
    per_day = max(round((last.control.n + last.treatment.n) / max(last.days, 1)), 1)
    person = {
        "assigned_to": "ana@example.com",
        "channel": "slack:#checkout-outcomes",
        "escalation_chain": ["ben@example.com"],
    }
    outcome = {
        "id": f"recorded-{recording.experiment}",
        "title": f"Recorded experiment {recording.experiment}, metric {recording.metric}",
        "description": "A real experiment, recorded; its looks are replayed on an accelerated clock.",
        "signal": {
            "source": SOURCE,
            "metric": recording.signal,
            "method": "event",
            "unit": "share" if recording.is_share else "units",
        },
        "target": {
            "direction": "increase",
            "from": round(baseline, 6),
            "to": round(baseline + step, 6),
            "confidence_required": 0.95,
        },
        "constraints": [{"rule": "Replayed data: nothing real is changed"}],
        "horizon": f"{days}d",
        "portfolio": {"max_concurrent": 1},
        "measurement": {
            "minimum_effect": round(step / 2, 6),
            "duration": f"{hours}h",
            "hold": f"{min(24, max(hours // 4, 1))}h",
            "initial_rollout": _planned_share(recording),
            "units_per_day": per_day,
        },
        "gates": {"portfolio_review": person, "launch_approval": person, "analysis_review": person},
        "scope": {"allowed_paths": ["frontend/checkout/"], "forbidden_paths": ["services/payments/"]},
    }
    flags = {"provider": "custom", "config": {"base_url": "${SHOP_FLAGS_URL}", "token": "${SHOP_FLAGS_TOKEN}"}}
    recorded = {"name": SOURCE, "type": "webhook", "config": {}}
    file = {"version": 1, "outcomes": [outcome], "signal_connectors": [recorded], "feature_flags": flags}
    return json.dumps(file, indent=2, ensure_ascii=False) + "\n"


def _planned_share(recording: Recording) -> int:
    """The split the experiment was run with, to the whole percent; a finer imbalance is for the runtime to find."""
    look = recording.looks[-1]
    return min(max(round(100 * look.treatment.n / max(look.treatment.n + look.control.n, 1)), 1), 99)


def body_of(recording: Recording, number: int, flag: str, start: datetime) -> bytes:
    message = {"signal": recording.signal, "experiment_id": flag, "points": points(recording.looks[number], start)}
    return json.dumps(message).encode()


def message_id(recording: Recording, number: int, flag: str) -> str:
    """The same look always has the same id, so that a repeat is known as one."""
    name = f"{recording.experiment}|{recording.metric}|{recording.variant}|{flag}|{number}"
    return "msg_" + hashlib.sha256(name.encode()).hexdigest()[:24]


class Replay:
    """Sends look after look once the experiment runs; a pause of `seconds` stands for the time between two looks."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        recording: Recording,
        *,
        url: str,
        secret: str,
        seconds: float,
        say: Callable[[str], None],
    ) -> None:
        self.session, self.recording, self.url, self.secret = session, recording, f"{url}/api/v1/signals/ingest", secret
        self.seconds, self.say = seconds, say

    async def run(self, experiment: Experiment) -> None:
        """Looks are dated from when the experiment's data count, so that the last one reaches its horizon."""
        start = (experiment.data_from or datetime.now(UTC)).astimezone(UTC)
        flag = experiment.feature_flag_key or experiment.id
        total = len(self.recording.looks)
        for number in range(total):
            await self.send(number, flag, start)
            days = self.recording.looks[number].days
            if number == 0 or number + 1 == total or (number + 1) % 10 == 0:
                self.say(
                    f"look {number + 1} of {total} sent: recorded day {days:g} is {start + timedelta(days=days):%d %B %Y}"
                )
            await asyncio.sleep(self.seconds)

    async def send(self, number: int, flag: str, start: datetime) -> Any:
        """Tries again while the door is shut; a refusal is final and told."""
        body = body_of(self.recording, number, flag, start)
        for attempt in range(TRIES):
            headers = sign(self.secret, message_id(self.recording, number, flag), datetime.now(UTC), body)
            try:
                async with self.session.post(
                    self.url, data=body, headers={**headers, "Content-Type": "application/json"}
                ) as answer:
                    if answer.status < 300:  # noqa: PLR2004  accepted
                        return await answer.json()
                    refusal = f"{answer.status}: {(await answer.text())[:300]}"
                    if answer.status < 500 and answer.status != 429:  # noqa: PLR2004  trying again would not help
                        raise DemoFailed(f"The ingestion door refused look {number + 1} with {refusal}")
            except aiohttp.ClientError as error:
                refusal = str(error) or type(error).__name__
            await asyncio.sleep(0.5 * 2**attempt)
        raise DemoFailed(f"The ingestion door did not take look {number + 1}: {refusal}")
