"""The scripted person presses what a careful human would press, by the words on the page."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from bot.slack.sandbox.config import SandboxConfig, parse_people
from bot.slack.sandbox.server import served
from demo.doors import Sandbox
from demo.person import REASON, ScriptedPerson, Tried, buttons, choose, fill


def message(*labels: str, text: str = "", said: str = "") -> dict[str, Any]:
    elements = [
        {
            "type": "button",
            "action_id": f"a-{label}",
            "value": f"v-{label}",
            "text": {"type": "plain_text", "text": label},
        }
        for label in labels
    ]
    section = {"type": "section", "block_id": "words", "text": {"type": "mrkdwn", "text": text or "A gate"}}
    return {
        "channel": "C1",
        "ts": "1.0",
        "text": said,
        "blocks": [section, {"type": "actions", "block_id": "b", "elements": elements}],
    }


def pressed(*labels: str, text: str = "") -> str | None:
    button = choose(message(*labels, text=text))
    return button.label if button else None


def test_buttons_are_found_with_what_a_press_needs() -> None:
    (button,) = buttons(message("Approve"))

    assert (button.label, button.block_id, button.action_id, button.value) == ("Approve", "b", "a-Approve", "v-Approve")


def test_links_are_not_buttons() -> None:
    link = message("Open")
    link["blocks"][1]["elements"][0]["url"] = "http://127.0.0.1/"

    assert buttons(link) == []


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("Approve", "Reject", "Discuss"), "Approve"),
        (("Reject", "Approve launch", "Approve with a cap"), "Approve launch"),
        (("Approve change", "Keep as it is"), "Approve change"),
        (("Discuss", "Details"), None),
        ((), None),
    ],
)
def test_the_plain_approval_is_pressed(labels: tuple[str, ...], expected: str | None) -> None:
    assert pressed(*labels) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*Recommendation:* ship. The interval lies above zero.", "Ship"),
        ("Recommended: *Kill* because it harms", "Kill"),
        ("_Recommendation_ is to iterate", "Iterate"),
        ("Recommendation: :rocket: Ship", "Ship"),
        ("No recommendation: the randomisation is off", "Kill"),
        ("Nothing is said", "Kill"),
    ],
)
def test_the_third_gate_follows_the_recommendation_and_is_cautious_without_one(text: str, expected: str) -> None:
    assert pressed("Ship", "Iterate", "Kill", text=text) == expected


def test_a_recommendation_that_is_not_offered_is_not_pressed() -> None:
    assert pressed("Iterate", "Kill", text="Recommendation: ship") == "Kill"


def test_a_modal_gets_a_reason_where_one_is_missing() -> None:
    view = {
        "id": "V1",
        "blocks": [
            {"type": "input", "block_id": "why", "element": {"type": "plain_text_input", "action_id": "text"}},
            {
                "type": "input",
                "block_id": "n",
                "element": {"type": "plain_text_input", "action_id": "t", "initial_value": "5"},
            },
            {"type": "section", "block_id": "s", "text": {"type": "mrkdwn", "text": "hello"}},
        ],
    }

    assert fill(view) == {"why": {"text": REASON}}


class Bot:
    """A bot of a few lines on the sandbox's real wire: one gate that only Ben may decide, and asks why when he kills."""

    def __init__(self) -> None:
        self.api, self.ts, self.channel = "", "", ""
        self.presses: list[tuple[str, str]] = []
        self.reasons: list[str] = []
        self.session: aiohttp.ClientSession | None = None

    async def call(self, method: str, **body: Any) -> dict[str, Any]:
        assert self.session is not None
        headers = {"Authorization": "Bearer xoxb-demo"}
        async with self.session.post(f"{self.api}/api/{method}", json=body, headers=headers) as answer:
            told = await answer.json()
        assert told["ok"], told
        return told

    async def ask(self, *labels: str, text: str) -> None:
        posted = await self.call(
            "chat.postMessage", channel="#checkout-outcomes", text="Gate", blocks=message(*labels, text=text)["blocks"]
        )
        self.ts, self.channel = posted["ts"], posted["channel"]

    async def events(self, request: web.Request) -> web.Response:
        form = await request.post()
        if "payload" not in form:
            return web.Response()
        payload = json.loads(str(form["payload"]))
        if payload["type"] == "view_submission":
            self.reasons += [
                field["value"] for block in payload["view"]["state"]["values"].values() for field in block.values()
            ]
            await self.call("chat.update", channel=self.channel, ts=self.ts, text="decided", blocks=[])
            return web.Response()
        self.presses.append((payload["user"]["name"], payload["actions"][0]["value"]))
        if payload["user"]["name"].startswith("ben"):
            await self.call("views.open", trigger_id=payload["trigger_id"], view=WHY)
        return web.Response()


WHY = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Why?"},
    "submit": {"type": "plain_text", "text": "Kill"},
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}


async def test_in_the_real_sandbox_the_person_asked_presses_and_gives_a_reason(tmp_path: Path) -> None:
    bot, said = Bot(), []
    app = web.Application()
    app.router.add_post("/slack/events", bot.events)
    people = parse_people("Ana Costa <ana@example.com>; Ben Okafor <ben@example.com>")
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        config = SandboxConfig(
            events_url=str(server.make_url("/slack/events")),
            signing_secret=SecretStr("s" * 32),
            bot_token=SecretStr("xoxb-demo"),
            data=tmp_path,
            people=people,
            port=0,
        )
        async with served(config) as url:
            bot.session, bot.api = session, url
            person = ScriptedPerson(Sandbox(session, url), said.append)
            await bot.ask("Ship", "Kill", text=f"<@{people[1].id}> Recommendation: *kill*, it harms")

            pressed_once, filled, nothing_left = await person.look(), await person.look(), await person.look()

    assert said == ["Ben Okafor presses “Kill”", "“Why?” is filled in and sent"]
    assert (pressed_once, filled, nothing_left) == (True, True, False)
    assert bot.presses == [("ben", "v-Kill")]
    assert bot.reasons == [REASON]
    assert said == ["Ben Okafor presses “Kill”", "“Why?” is filled in and sent"]


def test_a_button_that_stays_is_pressed_by_the_next_person_after_a_while() -> None:
    tried = Tried()

    order = []
    for now in range(0, 40, 3):
        for who in ("ana", "ben"):
            if tried.may_press(who, {"ben"}, float(now)):
                tried.note(who, float(now), of=2)
                order.append((now, who))

    assert order[:3] == [(0, "ben"), (6, "ana"), (12, "ben")]
