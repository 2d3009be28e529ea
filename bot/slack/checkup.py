"""`/outcome doctor`: whether Slack connected as it should be, and what is stuck."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import queries
from bot.slack.wire import FAILURES, failed
from bot.slack.words import fit
from runtime.core import Runtime
from runtime.db.engine import Row

SCOPES = (
    "app_mentions:read", "channels:history", "channels:read", "chat:write", "commands", "files:write", "groups:history",
    "groups:read", "im:history", "im:write", "reactions:write", "users:read", "users:read.email",
)  # fmt: skip
"""What manifest.yaml asks for; a test holds the two together."""


async def checkup(runtime: Runtime, org_id: UUID, client: AsyncWebClient) -> str:
    lines = [line async for line in _slack(client)]
    lines += [line async for line in _channel(runtime, client)]
    async with runtime.transaction(org_id) as tx:
        stuck, unlinked = await queries.undelivered(tx), await queries.unlinked(tx)
    return "\n".join([*lines, "✅ The database answers.", *_stuck(stuck), *_unlinked(unlinked)])


async def _slack(client: AsyncWebClient) -> AsyncIterator[str]:
    try:
        answer = await client.auth_test()
    except FAILURES as error:
        yield f"⛔ {fit(failed(error, 'to identify me').message, 500)}"
        return
    yield f"✅ I am {fit(answer['user'], 80)} in {fit(answer['team'], 80)}, and this command reached me."
    granted = {
        scope.strip()
        for scope in answer.headers.get("X-OAuth-Scopes", answer.headers.get("x-oauth-scopes", "")).split(",")
    }
    missing = [scope for scope in SCOPES if granted != {""} and scope not in granted]
    yield (
        f"⚠️ Missing permissions: {', '.join(missing)}. Compare with manifest.yaml and reinstall the app."
        if missing
        else "✅ All permissions are there."
    )


async def _channel(runtime: Runtime, client: AsyncWebClient) -> AsyncIterator[str]:
    wanted = runtime.settings.slack_default_channel
    try:
        answer = await client.conversations_list(
            types="public_channel,private_channel", exclude_archived=True, limit=1000
        )
    except FAILURES as error:
        yield f"⛔ {fit(failed(error, 'to list channels').message, 500)}"
        return
    joined = [str(found["name"]) for found in answer["channels"] if found.get("is_member")]
    if wanted.removeprefix("#") in joined:
        yield f"✅ I am in the default channel {fit(wanted, 80)}."
    else:
        yield f"⚠️ I am not in the default channel {fit(wanted, 80)}; invite me there. Until then its gates go to the owner."


def _stuck(found: Sequence[Row]) -> list[str]:
    return [
        f"⚠️ A message about a {fit(row['name'], 40)} for {fit(row['place'], 80)} "
        f"{'was given up' if row['status'] == 'dead' else 'is tried again'}: {fit(row['last_error'], 300)}"
        for row in found
    ] or ["✅ Every message was delivered."]


def _unlinked(emails: Sequence[str]) -> list[str]:
    if not emails:
        return ["✅ Everybody is known in Slack."]
    return [f"⚠️ Not found in Slack by e-mail address yet: {fit(', '.join(emails[:10]), 500)}"]
