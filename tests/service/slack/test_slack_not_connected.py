"""Without tokens the door says what is missing, in a sentence."""

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.slack.app import slack_routes


async def test_without_tokens_slack_is_told_so(runtime, org_id, settings):
    runtime.settings = settings.model_copy(update={"slack_bot_token": None})
    app = web.Application()
    app.add_routes(slack_routes(runtime, org_id))
    async with TestClient(TestServer(app)) as client:
        reply = await client.post("/slack/events", data="{}")
        assert reply.status == 503
        assert "SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET" in await reply.text()
