// A channel's messages and a thread: who said it, when, what can be done with it.
import { avatar, h, icon, keyed } from "./dom.js";
import { blocks } from "./blocks.js";
import { popoverButton } from "./elements.js";
import { emoji } from "./emoji.js";
import { ago, at, dayOf, mrkdwn } from "./mrkdwn.js";
import { messagesIn, personOf, post, redraw, toast, world } from "./world.js";

const SAME_BREATH = 300;
const seconds = (message) => Number(message.ts);
const isReply = (message) => message.thread_ts && message.thread_ts !== message.ts && message.subtype !== "thread_broadcast";

export function channelList(container, channel) {
  const shown = messagesIn(channel).filter((message) => !isReply(message) && message.subtype !== "assistant_app_thread");
  fill(container, shown, { channel, days: true });
}

export function threadList(container, channel, ts) {
  const shown = messagesIn(channel).filter((message) => (message.ts === ts && message.subtype !== "assistant_app_thread") || message.thread_ts === ts);
  fill(container, shown, { channel, thread: true });
  return shown.length;
}

const atEndOf = (container) => container.scrollHeight - container.scrollTop - container.clientHeight < 80;
// Once a frame, however much came: asking for the height has the browser lay out the whole page.
const ending = new Set();
function toEnd(container) {
  if (!ending.size) requestAnimationFrame(() => { for (const each of ending) each.scrollTop = each.scrollHeight; ending.clear(); });
  ending.add(container);
}

const pinned = new WeakMap();
// Stay at the newest message while pictures arrive, unless the person has scrolled away.
function follow(container) {
  if (pinned.has(container)) return;
  pinned.set(container, true);
  container.addEventListener("scroll", () => pinned.set(container, atEndOf(container)), { passive: true });
  container.addEventListener("load", () => { if (pinned.get(container)) toEnd(container); }, true);
}

function fill(container, shown, options) {
  follow(container);
  const items = [];
  let before = null;
  for (const message of shown) {
    const fresh = !before || dayOf(seconds(before)) !== dayOf(seconds(message));
    if (options.days && fresh) items.push(dayLine(message));
    items.push(item(message, { ...options, compact: !fresh && follows(before, message) }));
    before = message;
  }
  // Asking where the scrollbar is has the browser lay out the whole page, so only where something changed.
  const changed = keyed(container, items);
  if (container.dataset.place !== options.channel || (changed && pinned.get(container))) toEnd(container);
  container.dataset.place = options.channel;
}

const follows = (before, message) =>
  before.user === message.user && !before.only_for && !message.only_for && !before.blocks?.some((block) => block.type === "actions") &&
  !before.reply_count && seconds(message) - seconds(before) < SAME_BREATH;

function dayLine(message) {
  const day = dayOf(seconds(message));
  return { key: `day-${day}`, stamp: day, make: () => h("div", { className: "day", role: "separator" }, h("span", {}, at(seconds(message), { weekday: "long", day: "numeric", month: "long" }))) };
}

function item(message, options) {
  const home = `${message.channel}:${message.ts}`;
  const stamp = [message.rev, options.compact, world.versions.get(home) || 0, world.me, world.thread === message.ts].join("/");
  return { key: message.ts, stamp, make: () => article(message, home, options) };
}

function article(message, home, options) {
  const who = personOf(message.user);
  const whisper = Boolean(message.only_for);
  return h("article", { className: `message ${options.compact ? "compact" : ""} ${whisper ? "whisper" : ""}`, id: options.thread ? "" : `m-${message.ts}`, ariaLabel: `${who.name} at ${at(seconds(message), { timeStyle: "short" })}` },
    options.compact ? h("span", { className: "gutter" }, time(message)) : avatar(who),
    h("div", { className: "message-main" },
      whisper ? h("div", { className: "whisper-note" }, icon("eye"), " Only visible to you") : null,
      options.compact ? null : h("div", { className: "byline" }, h("strong", {}, who.name), who.bot ? h("span", { className: "badge" }, "APP") : null, who.status?.status_emoji ? h("span", { title: who.status.status_text }, emoji(who.status.status_emoji.replaceAll(":", ""))) : null, time(message)),
      h("div", { className: "content" }, contentOf(message, home), message.edited ? h("span", { className: "edited" }, " (edited)") : null),
      world.errors.has(home) ? h("div", { className: "failed", role: "alert" }, world.errors.get(home)) : null,
      reactions(message),
      whisper ? h("button", { type: "button", className: "link", onclick: () => dismiss(message) }, "Dismiss message") : null,
      message.assistant_status ? h("div", { className: "faint", role: "status" }, `${world.picture.bot.name} ${message.assistant_status}`) : null,
      options.thread ? null : threadLine(message)),
    whisper ? null : tools(message, options));
}

export function contentOf(message, home) {
  const where = { home, place: () => ({ channel: message.channel, ts: message.ts, rev: message.rev }) };
  const own = message.bot_id && message.blocks?.length ? blocks(message.blocks, where) : [h("div", { className: "text" }, mrkdwn(message.text || ""))];
  const attached = (message.attachments || []).map((attachment) => attachmentOf(attachment, where));
  const files = (message.files || []).map((file) => fileOf(file, where));
  return [...own, ...attached, ...files];
}

function attachmentOf(attachment, where) {
  const inside = attachment.blocks ? blocks(attachment.blocks, where) : mrkdwn(attachment.text || attachment.fallback || "");
  const box = h("div", { className: "attachment" }, inside);
  if (/^#[0-9a-f]{6}$/i.test(attachment.color || "")) box.style.borderLeftColor = attachment.color;
  return box;
}

function fileOf(file, where) {
  if (file.mimetype?.startsWith("image/")) return blocks([{ type: "image", block_id: file.id, slack_file: { id: file.id }, alt_text: file.alt_txt || file.title, title: { type: "plain_text", text: file.title } }], where);
  return h("a", { className: "file", href: `/files/${file.id}`, download: file.name }, file.title || file.name);
}

function time(message) {
  return h("time", { dateTime: new Date(seconds(message) * 1000).toISOString(), title: at(seconds(message), { dateStyle: "full", timeStyle: "medium" }) }, at(seconds(message), { hour: "2-digit", minute: "2-digit" }));
}

function reactions(message) {
  if (!message.reactions?.length) return null;
  return h("div", { className: "reactions" }, message.reactions.map((each) => h("span", { title: `:${each.name}: by ${each.users.map((user) => personOf(user).name).join(", ")}` }, emoji(each.name), " ", each.count)));
}

function threadLine(message) {
  if (!message.reply_count) return null;
  const authors = message.reply_users.slice(0, 4).map((user) => avatar(personOf(user), "tiny"));
  return h("button", { type: "button", className: "thread-line", onclick: () => openThread(message.ts) }, authors, h("b", {}, `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`), h("span", {}, `Last reply ${ago(Number(message.latest_reply))}`));
}

export function openThread(ts) {
  world.thread = ts;
  redraw();
  setTimeout(() => document.querySelector("#composer-thread")?.focus(), 50);
}

async function dismiss(message) {
  await post("dismiss", { channel: message.channel, ts: message.ts });
}

function tools(message, options) {
  const shortcuts = world.picture.shortcuts.filter((known) => known.type === "message");
  const menu = h("div", { className: "menu", popover: "auto", role: "menu" },
    shortcuts.map((known) => h("button", { type: "button", role: "menuitem", onclick: () => { menu.hidePopover(); post("shortcut", { callback_id: known.callback_id, channel: message.channel, ts: message.ts }); } }, known.name, h("small", {}, world.picture.bot.name))),
    h("button", { type: "button", role: "menuitem", onclick: () => { menu.hidePopover(); copyLink(message); } }, "Copy link"));
  return h("div", { className: "tools" },
    options.thread ? null : h("button", { type: "button", className: "icon-btn", ariaLabel: "Reply in thread", title: "Reply in thread", onclick: () => openThread(message.ts) }, icon("thread")),
    popoverButton(menu, icon("more"), "More actions", "icon-btn"), menu);
}

async function copyLink(message) {
  await navigator.clipboard.writeText(`${location.origin}/#/${message.channel}/${message.ts}`);
  toast("Link copied.", "good");
}
