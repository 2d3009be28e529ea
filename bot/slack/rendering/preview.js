// One sample on a page of its own: a message in a channel, a modal, or a Home tab, drawn by the sandbox's own modules.
import { h } from "dom.js";
import { blocks } from "blocks.js";
import { channelList } from "messages.js";
import { drawModal } from "modal.js";
import { world } from "world.js";

const { sample, people } = JSON.parse(document.getElementById("sample").textContent);
const main = document.getElementById("main");
const where = { home: "preview", place: {}, errors: {} };
Object.assign(world, {
  me: people[0].id,
  place: "C1",
  picture: { bot: { id: "UBOT", bot_id: "BBOT", name: "outcome" }, people, channels: [{ id: "C1", name: "checkout", kind: "channel", bot_in: true }], commands: [], shortcuts: [], modal: null, depth: 1 },
});

const DRAW = {
  message() {
    const message = { channel: "C1", ts: "1795429860.000100", user: "UBOT", bot_id: "BBOT", text: sample.text, blocks: sample.blocks, rev: 1, only_for: sample.blocks ? null : people[0].id };
    world.messages.set("C1", new Map([[message.ts, message]]));
    const list = h("div", { className: "messages" });
    main.append(list);
    channelList(list, "C1");
  },
  modal() {
    world.picture.modal = { id: "preview", hash: "1", ...sample.view };
    drawModal();
  },
  home() {
    main.append(h("div", { className: "home" }, h("div", { className: "home-page content" }, blocks(sample.view.blocks, where))));
  },
};
DRAW[sample.surface]();

await Promise.all([...document.images].map((image) => image.decode().catch(() => null)));
const shown = document.querySelector("dialog") || main;
window.previewHeight = Math.ceil(shown.getBoundingClientRect().height) + 24;
document.title = sample.name;
