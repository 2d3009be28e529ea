"""A file chosen in the sandbox page reaches the app as Slack would tell it, and a sample is drawn to a picture."""

import asyncio

from click.testing import CliRunner
from PIL import Image
from playwright.async_api import expect

from bot.cli.slack import slack
from tests.browser.conftest import find_chromium


async def test_a_file_chosen_beside_the_words_is_sent_and_told_as_slack_tells_it(scene):
    heard = asyncio.Queue()

    @scene.app.event("message")
    async def remember(event):
        if event.get("files"):
            await heard.put(event)

    dana = await scene.look_as("dana")
    await dana.get_by_role("link", name="outcome", exact=True).first.click()
    composer = dana.locator("form.composer").first
    files = [
        {"name": name, "mimeType": "text/yaml", "buffer": b"version: 1\n"} for name in ("outcome.yaml", "wrong.yaml")
    ]
    await composer.locator("input[type=file]").set_input_files(files)
    await composer.get_by_label("Remove wrong.yaml").click()
    await composer.get_by_role("button", name="Send").click()
    await expect(dana.locator("article a.file")).to_have_text("outcome.yaml")
    await expect(composer.locator(".chip")).to_have_count(0)
    event = await asyncio.wait_for(heard.get(), 10)
    assert (event["subtype"], event["upload"], event["channel_type"]) == ("file_share", True, "im")
    assert [file["name"] for file in event["files"]] == ["outcome.yaml"]
    assert "team" not in event


async def test_the_preview_is_drawn_with_chromium(tmp_path, monkeypatch, browser):
    monkeypatch.setenv("CHROMIUM", find_chromium() or "")
    words = ["preview", "--out", str(tmp_path), "--only", "home-held", "--width", "360"]
    done = await asyncio.to_thread(CliRunner().invoke, slack, words)
    assert done.exit_code == 0, done.output
    with Image.open(tmp_path / "home-held-360.png") as drawn:
        assert drawn.width == 360
        assert drawn.height > 400
        assert len(drawn.convert("RGB").getcolors(1 << 20)) > 50
    assert not list(tmp_path.glob("home-held.html"))
