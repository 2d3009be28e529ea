// The page: rail, channel or Home or mailbox, thread, modal; drawn again whenever the server says something changed.
import { avatar, h, icon, stamped } from "./dom.js";
import { buildAssistant, fillAssistant, newChat } from "./assistant.js";
import { fillBlocks } from "./blocks.js";
import { composer } from "./composer.js";
import { drawMailbox, readLetter } from "./mailbox.js";
import { channelList, openThread, threadList } from "./messages.js";
import { drawModal } from "./modal.js";
import { drawRail, markSeen } from "./rail.js";
import { become, channelOf, kept, labelOf, me, onChange, post, redraw, world } from "./world.js";

const main = document.getElementById("main");
const thread = document.getElementById("thread");

function scene() {
  return `${world.me}/${world.place}`;
}

// A scene (person and place) is built once and then only filled, so typing is never disturbed.
function drawMain() {
  if (main.dataset.scene !== scene()) {
    main.dataset.scene = scene();
    opened();
    main.replaceChildren(...(BUILD[world.place] || buildChannel)());
  }
  (FILL[world.place] || fillChannel)();
}

// Slack tells the bot who looks at its Home tab, or at their conversation with it.
function opened() {
  if (world.place === "home") post("home", { tab: "home" });
  else if (channelOf(world.place)?.kind === "im") post("home", { tab: "messages" });
}

function header(face, title, note) {
  const burger = h("button", { type: "button", className: "icon-btn burger", ariaLabel: "Show channels", onclick: () => { world.drawer = !world.drawer; redraw(); } }, icon("menu"));
  return h("header", { className: "top" }, burger, h("h1", {}, face, title), h("span", { className: "faint" }, note));
}

function buildChannel() {
  const channel = channelOf(world.place);
  const name = labelOf(channel);
  const face = channel.kind === "im" ? avatar({ bot: true }, "tiny") : icon("hash");
  const note = channel.kind === "im" ? "App · your conversation with the bot" : world.picture.people.length === 1 ? "1 person" : `${world.picture.people.length} people`;
  return [
    header(face, name, note),
    h("div", { className: "messages", role: "log", ariaLive: "polite", ariaLabel: `Messages in ${name}`, tabIndex: 0 }),
    h("div", { className: "notice" }),
    composer("composer-main", { channel: channel.id, hint: channel.kind === "im" ? `Message ${name}` : `Message #${name}` }),
  ];
}

function fillChannel() {
  const channel = channelOf(world.place);
  const list = main.querySelector(".messages");
  channelList(list, channel.id);
  list.classList.toggle("blank", !list.children.length);
  const command = world.picture.commands[0]?.command;
  const notice = main.querySelector(".notice");
  const says = channel.bot_in ? (list.children.length ? "" : "empty") : "absent";
  stamped(notice, says, () => {
    if (says === "absent") return [`${world.picture.bot.name} is not in this channel. `, h("button", { type: "button", className: "link", onclick: () => post("invite", { channel: channel.id }) }, "Invite it")];
    return says ? [h("strong", {}, "Nothing here yet. "), command ? `Type ${command} to begin.` : "Say hello."] : [];
  });
  markSeen(channel.id);
}

function buildHome() {
  const tab = h("div", { className: "home" });
  return [header(icon("home"), "Home", world.picture.bot.name), tab];
}

function fillHome() {
  const tab = main.querySelector(".home");
  const view = world.picture.home;
  stamped(tab, view?.id || "none", () => [view ? h("div", { className: "home-page content" }) : h("p", { className: "empty" }, `${world.picture.bot.name} has not drawn your Home tab yet.`), h("div")]);
  const stamp = view ? `${view.id}/${view.rev}/${world.versions.get(view.id) || 0}` : "";
  if (!view || tab.dataset.stamp === stamp) return;
  Object.assign(tab.dataset, { stamp, rev: view.rev });
  fillBlocks(tab.firstElementChild, view.blocks, { home: view.id, place: () => ({ view_id: view.id, rev: Number(tab.dataset.rev) }), errors: {} });
  tab.lastElementChild.replaceChildren(failure(view.id));
}

function withMore(bar, more) {
  bar.append(more);
  return bar;
}

function failure(home) {
  return world.errors.has(home) ? h("div", { className: "failed", role: "alert" }, world.errors.get(home)) : "";
}

const BUILD = { home: buildHome, assistant: () => [withMore(header(icon("thread"), "Assistant", world.picture.bot.name), newChat()), ...buildAssistant()], mail: () => [header(icon("mail"), "Mailbox", me().email)] };
const FILL = { home: fillHome, assistant: () => fillAssistant(main), mail: () => drawMailbox(main) };

function drawThread() {
  const channel = channelOf(world.place);
  const open = Boolean(channel && world.thread && world.messages.get(channel.id)?.has(world.thread));
  thread.hidden = !open;
  document.body.classList.toggle("with-thread", open);
  const wanted = open ? `${scene()}/${world.thread}` : "";
  if (thread.dataset.scene !== wanted) {
    thread.dataset.scene = wanted;
    thread.replaceChildren(...(open ? buildThread(channel) : []));
  }
  if (open) threadList(thread.querySelector(".messages"), channel.id, world.thread);
}

function buildThread(channel) {
  return [
    h("header", { className: "top" }, h("h2", {}, "Thread"), h("span", { className: "faint" }, channel.kind === "im" ? labelOf(channel) : `#${channel.name}`),
      h("button", { type: "button", className: "icon-btn push-right", ariaLabel: "Close thread", onclick: closeThread }, icon("close"))),
    h("div", { className: "messages", role: "log", ariaLive: "polite", ariaLabel: "Thread", tabIndex: 0 }),
    composer("composer-thread", { channel: channel.id, thread_ts: world.thread, hint: "Reply…" }),
  ];
}

function closeThread() {
  world.thread = null;
  redraw();
}

function follow() {
  const [place, detail] = location.hash.replace(/^#\/?/, "").split("/");
  const known = ["home", "mail", "assistant"].includes(place) || channelOf(place);
  const before = world.place;
  world.place = known ? place : kept("place", null) && channelOf(kept("place", null)) ? kept("place", null) : world.picture.channels[0].id;
  if (world.place === "mail") readLetter(Number(detail) || null);
  if (before !== world.place) world.thread = null;
  if (channelOf(world.place) && detail) openThread(parentOf(world.place, detail));
  redraw();
}

const parentOf = (channel, ts) => world.messages.get(channel)?.get(ts)?.thread_ts || ts;

onChange(() => {
  if (!world.picture) return;
  if (!["home", "mail", "assistant"].includes(world.place) && !channelOf(world.place)) follow();
  document.title = `${world.place === "mail" ? "Mailbox" : world.place === "assistant" ? "Assistant" : world.place === "home" ? "Home" : `#${labelOf(channelOf(world.place))}`} · ${world.picture.workspace}`;
  drawRail(document.getElementById("rail"));
  drawMain();
  drawThread();
  drawModal();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && world.thread && !document.querySelector("dialog[open], .menu:popover-open") && !event.defaultPrevented) closeThread();
});
main.addEventListener("click", (event) => {
  if (!world.drawer || event.target.closest(".burger")) return;
  world.drawer = false;
  redraw();
});
window.addEventListener("hashchange", follow);

async function start() {
  const wanted = new URLSearchParams(location.search).get("as") || kept("me", null);
  const everyone = await (await fetch("/sandbox/api/people")).json();
  const who = everyone.people.find((person) => [person.id, person.email].includes(wanted)) || everyone.people[0];
  await become(who.id);
  follow();
}
start();
