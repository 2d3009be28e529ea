"""What goes over the wire when things fail: event retries, and a process that is killed without warning."""

import asyncio
import json
import signal
import sys
import time
from collections import Counter
from email.message import EmailMessage

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.sandbox.outgoing import signature
from bot.slack.sandbox.server import served
from bot.slack.sandbox.visitor import Visitor


def test_the_signature_is_the_one_slacks_own_verifier_computes():
    body = b"payload=%7B%22type%22%3A%22block_actions%22%7D"
    assert signature("secret", "1700000000", body) == SignatureVerifier("secret").generate_signature(
        timestamp="1700000000", body=body
    )


async def wait_until(check, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(("no_retry", "tries"), [(False, 4), (True, 1)])
async def test_a_failing_bot_gets_an_event_four_times_unless_it_asks_not_to(
    sandbox_config, bot_socket, sandbox_socket, no_retry, tries
):
    seen = []

    async def broken(request):
        seen.append((dict(request.headers), await request.json()))
        return web.Response(status=500, headers={"X-Slack-No-Retry": "1"} if no_retry else {})

    app = web.Application()
    app.router.add_post("/slack/events", broken)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, bot_socket).start()
    async with served(sandbox_config, sandbox_socket) as url, Visitor(url, "dana@shop.test") as dana:
        await dana.say("general", "hello")
        await wait_until(lambda: len(seen) == tries)
    await runner.cleanup()

    assert [headers.get("X-Slack-Retry-Num") for headers, _ in seen] == [None, "1", "2", "3"][:tries]
    assert {headers.get("X-Slack-Retry-Reason") for headers, _ in seen[1:]} <= {"http_error"}
    assert Counter(body["event_id"] for _, body in seen).most_common(1)[0][1] == tries


class Process:
    """`python -m bot.slack.sandbox`, started and killed as the operating system would."""

    def __init__(self, folder, port):
        self.url = f"http://127.0.0.1:{port}"
        self._command = [
            sys.executable, "-m", "bot.slack.sandbox", "--port", str(port), "--data", str(folder / "data"),
            "--signing-secret-file", str(folder / "signing"), "--bot-token-file", str(folder / "token"),
            "--people", "Dana <dana@shop.test>", "--events-url", "http://127.0.0.1:9/slack/events", "--trigger-seconds", "30",
        ]  # fmt: skip

    async def start(self):
        self._running = await asyncio.create_subprocess_exec(*self._command)
        deadline = time.monotonic() + 30
        async with aiohttp.ClientSession() as http:
            while time.monotonic() < deadline:
                try:
                    async with http.get(f"{self.url}/healthz") as reply:
                        return reply.status
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.05)
        raise AssertionError("the sandbox did not start")

    async def stop(self, how):
        self._running.send_signal(how)
        return await asyncio.wait_for(self._running.wait(), 15)


async def test_a_killed_sandbox_forgets_nothing(tmp_path, free_port):
    process = Process(tmp_path, free_port)
    await process.start()
    token = (tmp_path / "token").read_text()
    assert token.startswith("xoxb-")
    assert (tmp_path / "token").stat().st_mode & 0o077 == 0
    client = AsyncWebClient(token=token, base_url=f"{process.url}/api/")
    async with Visitor(process.url, "dana@shop.test") as dana:
        person = dana.id
    done = await client.files_upload_v2(content=b"\x89PNG....", filename="c.png")
    image = {"type": "image", "slack_file": {"id": done["file"]["id"]}, "alt_text": "chart"}
    await client.chat_postMessage(channel="#general", text="kept", blocks=[image])
    await client.chat_postEphemeral(channel="#general", user=person, text="whispered")
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "home"}}
    await client.views_publish(user_id=person, view={"type": "home", "blocks": [section]})
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "bot@shop.test", "dana@shop.test", "Gate"
    letter.set_content("Reply APPROVE.")
    bearer = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=bearer) as http,
        http.post(f"{process.url}/sandbox/mail", data=letter.as_bytes()) as reply,
    ):
        assert (await reply.json())["ok"]

    before = await picture(process.url)
    assert await process.stop(signal.SIGKILL) == -signal.SIGKILL
    await process.start()
    after = await picture(process.url)

    assert after == before
    assert {message["text"] for message in after["messages"]} == {"kept", "whispered"}
    assert (after["home"]["type"], after["mail"][0]["subject"]) == ("home", "Gate")
    async with aiohttp.ClientSession() as http, http.get(f"{process.url}/files/{done['file']['id']}") as reply:
        assert await reply.read() == b"\x89PNG...."
    assert (await client.auth_test())["ok"]
    assert await process.stop(signal.SIGTERM) == 0


async def picture(url):
    async with Visitor(url, "dana@shop.test") as dana:
        return json.loads(json.dumps(await dana.look()))


async def test_it_will_not_talk_to_a_bot_on_another_machine(tmp_path):
    command = ["--events-url", "http://bot.example/slack/events", "--people", "Dana <dana@shop.test>"]
    files = [
        "--data",
        str(tmp_path),
        "--signing-secret-file",
        str(tmp_path / "s"),
        "--bot-token-file",
        str(tmp_path / "t"),
    ]
    refused = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.slack.sandbox", *command, *files, stderr=asyncio.subprocess.PIPE
    )
    _, said = await refused.communicate()
    assert refused.returncode == 1
    assert b"events_url" in said
    assert b"this machine only" in said
