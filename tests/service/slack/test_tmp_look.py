from playwright.async_api import async_playwright
import shutil
async def test_look(office):
    row = await office.at_launch(diff="+ a <b>\n- c")
    async with async_playwright() as p:
        b = await p.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = await b.new_page(viewport={"width":1200,"height":1700})
        await page.goto(office.url + "/#/checkout")
        await page.wait_for_timeout(2500)
        await page.screenshot(path="/tmp/look1.png")
        await office.story.decide("launch_approval","approve_capped","ben@example.com",percent=20,note="carefully")
        await office.work()
        await page.wait_for_timeout(1500)
        await page.screenshot(path="/tmp/look2.png")
        await b.close()
