"""The Web API through Slack's own SDK: what it takes, what it refuses, what it forgets on order."""

import time

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64
TEXT = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}
MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "Note"}, "blocks": [TEXT]}


async def refusal(call):
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response


async def test_the_bot_knows_itself_and_everybody_by_id_and_address(office):
    me = await office.client.auth_test()
    assert (me["user_id"], me["team_id"]) == (office.config.bot_user_id, office.config.team_id)
    assert "chat:write" in me.headers["x-oauth-scopes"]

    dana = (await office.client.users_lookupByEmail(email="DANA@shop.test"))["user"]
    assert (await office.client.users_info(user=dana["id"]))["user"]["tz_offset"] in {3600, 7200}
    members = (await office.client.users_list())["members"]
    assert [member["real_name"] for member in members] == ["Dana Diaz", "Ben Okri", "Mia", "outcome"]
    assert (await office.client.bots_info(bot=me["bot_id"]))["bot"]["name"] == "outcome"
    assert (await office.client.team_info())["team"]["name"] == "Sandbox"
    assert (await refusal(office.client.users_lookupByEmail(email="x@shop.test")))["error"] == "users_not_found"
    assert (await refusal(office.client.users_info(user="U404")))["error"] == "user_not_found"


async def test_somebody_on_holiday_shows_it_in_their_profile(office):
    ben = await office.come_in("ben")
    await ben.set_status("Vacationing")
    shown = (await office.client.users_profile_get(user=ben.id))["profile"]
    assert (shown["status_text"], shown["status_emoji"]) == ("Vacationing", ":palm_tree:")


async def test_lists_come_in_pages(office):
    first = await office.client.conversations_list(limit=2)
    second = await office.client.conversations_list(limit=2, cursor=first["response_metadata"]["next_cursor"])
    names = [channel["name"] for page in (first, second) for channel in page["channels"]]
    assert names == ["outcome-runtime", "general", "private-plans"]
    assert second["response_metadata"]["next_cursor"] == ""
    assert (await refusal(office.client.conversations_list(cursor="no")))["error"] == "invalid_cursor"


async def test_get_form_and_json_are_all_read_and_a_wrong_token_is_not_let_in(office):
    bearer = {"Authorization": f"Bearer {office.config.bot_token.get_secret_value()}"}
    url = f"{office.url}/api"
    async with office.http.get(f"{url}/conversations.info", params={"channel": "general"}, headers=bearer) as reply:
        assert (await reply.json())["channel"]["name"] == "general"
    async with office.http.post(
        f"{url}/chat.postMessage", data={"channel": "#general", "text": "form"}, headers=bearer
    ) as reply:
        assert (await reply.json())["message"]["text"] == "form"
    async with office.http.post(
        f"{url}/chat.postMessage", json={"channel": "#general", "text": "json"}, headers=bearer
    ) as reply:
        assert (await reply.json())["message"]["text"] == "json"
    async with office.http.post(
        f"{url}/chat.postMessage", data=b"{", headers={**bearer, "Content-Type": "application/json"}
    ) as reply:
        assert (await reply.json())["error"] == "invalid_json"
    async with office.http.post(f"{url}/auth.test") as reply:
        assert (await reply.json())["error"] == "not_authed"
    stranger = AsyncWebClient(token="xoxb-wrong", base_url=f"{url}/")
    assert (await refusal(stranger.auth_test()))["error"] == "invalid_auth"
    assert (await refusal(office.client.api_call("chat.dance")))["error"] == "unknown_method"


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"channel": "#nowhere", "text": "x"}, "channel_not_found"),
        ({"channel": "#private-plans", "text": "x"}, "not_in_channel"),
        ({"channel": "#general"}, "no_text"),
        ({"channel": "#general", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "#general", "text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
        ({"channel": "#general", "text": "x", "blocks": [{"type": "section"}]}, "invalid_blocks"),
        (
            {
                "channel": "#general",
                "text": "x",
                "blocks": [{"type": "alert", "text": {"type": "mrkdwn", "text": "x"}}],
            },
            "invalid_blocks",
        ),
        (
            {
                "channel": "#general",
                "text": "x",
                "blocks": [{"type": "image", "slack_file": {"id": "F1"}, "alt_text": "x"}],
            },
            "invalid_blocks",
        ),
        ({"channel": "#general", "text": "x", "blocks": "[not json"}, "invalid_blocks_format"),
    ],
)
async def test_what_slack_refuses_is_refused_in_its_words(office, wrong, error):
    said = await refusal(office.client.api_call("chat.postMessage", json=wrong))
    assert said["error"] == error
    dana = await office.come_in("dana")
    assert await dana.messages("general") == []


async def test_a_message_is_changed_and_deleted_by_the_bot_and_only_its_own(office):
    dana = await office.come_in("dana")
    theirs = await dana.say("general", "mine")
    posted = await office.client.chat_postMessage(channel="#general", text="one", blocks=[TEXT])
    place = posted["channel"]

    changed = await office.client.chat_update(channel=place, ts=posted["ts"], text="two")
    assert "blocks" not in changed["message"]
    assert changed["message"]["edited"]["user"] == office.config.bot_user_id
    link = (await office.client.chat_getPermalink(channel=place, message_ts=posted["ts"]))["permalink"]
    assert link == f"{office.url}/#/{place}/{posted['ts']}"
    await office.client.reactions_add(channel=place, timestamp=posted["ts"], name="eyes")
    assert (await refusal(office.client.reactions_add(channel=place, timestamp=posted["ts"], name="eyes")))[
        "error"
    ] == "already_reacted"
    assert (await refusal(office.client.chat_update(channel=place, ts=theirs, text="x")))[
        "error"
    ] == "cant_update_message"
    assert (await refusal(office.client.chat_delete(channel=place, ts=theirs)))["error"] == "cant_delete_message"
    await office.client.chat_delete(channel=place, ts=posted["ts"])
    assert [message["text"] for message in (await office.client.conversations_history(channel=place))["messages"]] == [
        "mine"
    ]
    assert (await refusal(office.client.chat_update(channel=place, ts=posted["ts"], text="x")))[
        "error"
    ] == "message_not_found"


async def test_a_person_id_reaches_their_direct_messages_and_nobody_elses(office):
    dana, ben = await office.come_in("dana"), await office.come_in("ben")
    opened = await office.client.conversations_open(users=dana.id)
    await office.client.chat_postMessage(channel=dana.id, text="for you")
    [found] = await dana.messages("outcome")
    assert (found["channel"], found["text"]) == (opened["channel"]["id"], "for you")
    assert await ben.messages("outcome") == []
    members = await office.client.conversations_members(channel=found["channel"])
    assert members["members"] == [dana.id, office.config.bot_user_id]


async def test_history_is_read_in_pages_newest_first(office):
    for number in range(5):
        await office.client.chat_postMessage(channel="#general", text=str(number))
    place = (await office.client.conversations_info(channel="general"))["channel"]["id"]
    first = await office.client.conversations_history(channel=place, limit=3)
    rest = await office.client.conversations_history(channel=place, cursor=first["response_metadata"]["next_cursor"])
    assert [message["text"] for message in [*first["messages"], *rest["messages"]]] == ["4", "3", "2", "1", "0"]
    assert first["has_more"] is True
    assert rest["has_more"] is False


async def test_a_picture_is_uploaded_in_three_steps_and_shown_in_a_block(office):
    done = await office.client.files_upload_v2(
        content=PNG, filename="chart.png", title="Chart", alt_txt="Lift over time"
    )
    name = done["file"]["id"]
    image = {"type": "image", "slack_file": {"id": name}, "alt_text": "Lift over time"}
    posted = await office.client.chat_postMessage(channel="#general", text="Chart", blocks=[image])
    assert posted["message"]["blocks"][0]["slack_file"] == {"id": name}
    async with office.http.get(f"{office.url}/files/{name}") as reply:
        assert (reply.content_type, await reply.read()) == ("image/png", PNG)
    assert (await office.client.files_info(file=name))["file"]["alt_txt"] == "Lift over time"
    shared = await office.client.files_upload_v2(
        content=b"<script>", filename="a.html", channel=posted["channel"], initial_comment="see"
    )
    async with office.http.get(f"{office.url}/files/{shared['file']['id']}") as reply:
        assert (reply.content_type, reply.headers["Content-Disposition"][:10]) == (
            "application/octet-stream",
            "attachment",
        )
    await office.client.files_delete(file=name)
    async with office.http.get(f"{office.url}/files/{name}") as reply:
        assert reply.status == 404
    assert (await refusal(office.client.files_delete(file=name)))["error"] == "file_deleted"
    assert (await refusal(office.client.files_delete(file="F0NOBODY")))["error"] == "file_not_found"
    assert (await refusal(office.client.chat_postMessage(channel="#general", text="Chart", blocks=[image])))[
        "error"
    ] == "invalid_blocks"


async def test_an_unfinished_upload_is_not_a_file_yet(office):
    promised = await office.client.files_getUploadURLExternal(filename="chart.png", length=len(PNG))
    listed = [{"id": promised["file_id"]}]
    assert (await refusal(office.client.files_completeUploadExternal(files=listed)))[
        "error"
    ] == "file_upload_incomplete"
    async with office.http.post(promised["upload_url"], data=PNG[:-1]) as reply:
        assert reply.status == 400
    async with office.http.post(promised["upload_url"], data=PNG) as reply:
        assert await reply.text() == f"OK - {len(PNG)}"
    assert (await refusal(office.client.files_info(file=promised["file_id"])))["error"] == "file_not_found"
    await office.client.files_completeUploadExternal(files=listed)
    async with office.http.post(promised["upload_url"], data=PNG) as reply:
        assert reply.status == 404


async def test_a_trigger_opens_one_modal_and_only_for_a_while(office, sandbox_config):
    triggers = []

    @office.app.command("/outcome")
    async def on_command(ack, body):
        await ack()
        triggers.append(body["trigger_id"])

    dana = await office.come_in("dana")
    await dana.command("general", "/outcome")
    opened = await office.client.views_open(trigger_id=triggers[0], view=MODAL)
    assert (await refusal(office.client.views_open(trigger_id=triggers[0], view=MODAL)))[
        "error"
    ] == "exchanged_trigger_id"
    assert (await refusal(office.client.views_open(trigger_id="1.2.3", view=MODAL)))["error"] == "invalid_trigger_id"
    stale = await refusal(office.client.views_update(view_id=opened["view"]["id"], hash="0.old", view=MODAL))
    assert stale["error"] == "hash_conflict"
    too_long = {**MODAL, "title": {"type": "plain_text", "text": "x" * 25}}
    said = await refusal(office.client.views_update(view_id=opened["view"]["id"], view=too_long))
    assert said["error"] == "invalid_arguments"
    assert said["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    ]


async def test_views_refuse_a_taken_name_a_fourth_level_and_an_unknown_person(office):
    triggers = []

    @office.app.command("/outcome")
    async def on_command(ack, body):
        await ack()
        triggers.append(body["trigger_id"])

    dana = await office.come_in("dana")
    for _ in range(5):
        await dana.command("general", "/outcome")
    client = office.client
    assert (await refusal(client.views_push(trigger_id=triggers[0], view=MODAL)))["error"] == "not_found"
    await client.views_open(trigger_id=triggers[1], view={**MODAL, "external_id": "one"})
    await client.views_push(trigger_id=triggers[2], view=MODAL)
    await client.views_push(trigger_id=triggers[3], view=MODAL)
    assert (await refusal(client.views_push(trigger_id=triggers[4], view=MODAL)))["error"] == "push_limit_reached"
    assert (await refusal(client.views_update(external_id="two", view=MODAL)))["error"] == "not_found"
    empty = {"type": "home", "blocks": []}
    assert (await refusal(client.views_publish(user_id="U404", view=empty)))["error"] == "invalid_arguments"
    taken = {"type": "home", "blocks": [TEXT], "external_id": "one"}
    assert (await refusal(client.views_publish(user_id=dana.id, view=taken)))["error"] == "duplicate_external_id"
    published = await client.views_publish(user_id=dana.id, view={"type": "home", "blocks": [TEXT]})
    assert (await refusal(client.views_publish(user_id=dana.id, hash="0.old", view=empty)))["error"] == "hash_conflict"
    assert (await dana.look())["home"]["hash"] == published["view"]["hash"]


async def test_the_bot_may_join_a_channel_by_itself(office):
    assert (await refusal(office.client.conversations_history(channel="private-plans")))["error"] == "not_in_channel"
    joined = await office.client.conversations_join(channel="private-plans")
    assert (joined["channel"]["is_member"], joined.get("warning")) == (True, None)
    assert (await office.client.conversations_join(channel="private-plans"))["warning"] == "already_in_channel"
    assert (await office.client.conversations_history(channel="private-plans"))["messages"] == []
    dana = await office.come_in("dana")
    direct = await office.client.conversations_open(users=dana.id, return_im=True)
    assert direct["channel"]["user"] == dana.id
    refused = await refusal(office.client.conversations_join(channel=dana.id))
    assert refused["error"] == "method_not_supported_for_channel_type"
    assert (await refusal(office.client.conversations_open(users="U404")))["error"] == "user_not_found"


async def test_ordered_faults_come_as_slack_sends_them_and_then_stop(office):
    await office.fail_next(method="chat.postMessage", kind="ratelimited", retry_after=1, count=1)
    patient = AsyncWebClient(token=office.client.token, base_url=office.client.base_url)
    patient.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    begun = time.monotonic()
    assert (await patient.chat_postMessage(channel="#general", text="after the wait"))["ok"]
    assert time.monotonic() - begun >= 1

    await office.fail_next(method="team.info", kind="server_error")
    assert (await refusal(office.client.team_info())).status_code == 500
    await office.fail_next(method="team.info", kind="refuse", error="account_inactive")
    assert (await refusal(office.client.team_info()))["error"] == "account_inactive"
    await office.fail_next(method="*", kind="delay", seconds=0.2)
    begun = time.monotonic()
    assert (await office.client.team_info())["ok"]
    assert time.monotonic() - begun >= 0.2


async def test_a_response_url_is_good_for_five_answers(office):
    urls = []

    @office.app.command("/outcome")
    async def on_command(ack, body):
        await ack()
        urls.append(body["response_url"])

    dana = await office.come_in("dana")
    await dana.command("general", "/outcome")
    answers = []
    for number in range(6):
        async with office.http.post(urls[0], json={"text": f"answer {number}"}) as reply:
            answers.append(reply.status)
    assert answers == [200] * 5 + [404]
    assert len(await dana.messages("general")) == 5
    async with office.http.post(f"{office.url}/response/UNKNOWN", json={"text": "x"}) as reply:
        assert (await reply.json())["error"] == "expired_url"


async def test_the_door_is_shut_to_other_names_other_pages_and_plain_forms(office):
    page = f"{office.url}/sandbox/api/message"
    dana = await office.come_in("dana")
    body = {"as": dana.id, "channel": "general", "text": "forged"}
    for headers in (
        {"X-Sandbox": "1", "Host": "evil.test"},
        {"X-Sandbox": "1", "Host": "[bad"},
        {"X-Sandbox": "1", "Sec-Fetch-Site": "cross-site"},
        {"X-Sandbox": "1", "Sec-Fetch-Site": "same-site"},
        {},
    ):
        async with office.http.post(page, json=body, headers=headers) as reply:
            assert reply.status == 403
    async with office.http.get(
        f"{office.url}/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    ) as reply:
        assert reply.status == 200
        assert "script-src 'self'" in reply.headers["Content-Security-Policy"]
        assert "<script>" not in await reply.text()
    assert await dana.messages("general") == []


async def test_nonsense_on_the_page_api_is_answered_with_a_sentence(office):
    async def post(path, body):
        async with office.http.post(f"{office.url}/sandbox/api/{path}", data=body, headers={"X-Sandbox": "1"}) as reply:
            return reply.status, (await reply.json())["message"]

    dana = await office.come_in("dana")
    assert (await post("press", b"{"))[0] == 400
    assert (await post("message", f'{{"as": "{dana.id}"}}'.encode()))[0] == 400
    assert await post("message", b'{"as": "U0", "channel": "general", "text": "x"}') == (
        404,
        f"Nobody here has the id U0; choose one of {', '.join(person.id for person in office.config.people)}.",
    )
    async with office.http.get(f"{office.url}/sandbox/api/state", params={"as": dana.id, "since": "x"}) as reply:
        assert reply.status == 400


async def test_the_stream_says_that_something_changed(office):
    dana = await office.come_in("dana")
    async with office.http.get(
        f"{office.url}/sandbox/api/events", params={"as": dana.id}, timeout=aiohttp.ClientTimeout(total=10)
    ) as stream:
        first = await stream.content.readline()
        await stream.content.readline()
        await office.client.chat_postMessage(channel="#general", text="news")
        second = await stream.content.readline()
    assert first.startswith(b'data: {"revision": ')
    assert second.startswith(b'data: {"revision": ')
    assert first != second
    since = (await dana.look())["revision"]
    await office.client.chat_postMessage(channel="#general", text="more news")
    async with office.http.get(f"{office.url}/sandbox/api/state", params={"as": dana.id, "since": str(since)}) as reply:
        assert [message["text"] for message in (await reply.json())["messages"]] == ["more news"]
