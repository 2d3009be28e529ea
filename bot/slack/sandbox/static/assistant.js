// The assistant: a conversation beside the channels, with prompts to begin from and a status while the app works.
import { composer } from "./composer.js";
import { h } from "./dom.js";
import { threadList } from "./messages.js";
import { messagesIn, post, redraw, world } from "./world.js";

const SUBTYPE = "assistant_app_thread";
const direct = () => world.picture.channels.find((channel) => channel.kind === "im");
const latest = () => messagesIn(direct().id).filter((message) => message.subtype === SUBTYPE).at(-1);
let opening = false;

async function begin() {
  if (opening) return;
  opening = true;
  await post("assistant", {});
  opening = false;
  redraw();
}

export const newChat = () => h("button", { type: "button", className: "link push-right", onclick: begin }, "New chat");

export function buildAssistant() {
  if (!latest()) begin();
  return [h("div", { className: "assistant" },
    h("div", { className: "messages", role: "log", ariaLive: "polite", ariaLabel: "Conversation with the assistant", tabIndex: 0 }),
    h("div", { className: "notice prompts" }), h("p", { className: "notice status", role: "status" }), h("div", { className: "assistant-composer" }))];
}

export function fillAssistant(main) {
  const root = latest();
  const frame = main.querySelector(".assistant");
  if (!root) return;
  const box = frame.querySelector(".assistant-composer");
  if (box.dataset.thread !== root.ts) {
    box.dataset.thread = root.ts;
    box.replaceChildren(composer("composer-main", { channel: root.channel, thread_ts: root.ts, hint: "Ask a question…" }));
  }
  threadList(frame.querySelector(".messages"), root.channel, root.ts);
  const shown = root[SUBTYPE];
  frame.querySelector(".status").textContent = shown.status ? `${world.picture.bot.name} ${shown.status}` : "";
  drawPrompts(frame.querySelector(".prompts"), root, shown);
}

function drawPrompts(place, root, shown) {
  const asked = messagesIn(root.channel).some((message) => message.thread_ts === root.ts && message.ts !== root.ts);
  const prompts = asked ? [] : shown.prompts || [];
  const stamp = JSON.stringify([root.ts, prompts]);
  if (place.dataset.stamp === stamp) return;
  place.dataset.stamp = stamp;
  place.replaceChildren(...(prompts.length ? [h("strong", {}, shown.prompts_title || "Try asking")] : []),
    ...prompts.map((prompt) => h("button", { type: "button", className: "button", onclick: () => post("message", { channel: root.channel, text: prompt.message, thread_ts: root.ts }) }, prompt.title)));
}
