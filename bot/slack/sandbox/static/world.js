// What the page knows: the server's picture of the workspace and what the person has open, picked and pressed.
import { h } from "./dom.js";

export const world = {
  me: null,
  revision: 0,
  picture: null,
  messages: new Map(),
  place: null,
  thread: null,
  mail: null,
  drawer: false,
  picks: new Map(),
  pending: new Map(),
  errors: new Map(),
  fieldErrors: {},
  refusals: 0,
  sending: new Set(),
  versions: new Map(),
};

const listeners = [];
export const onChange = (listener) => listeners.push(listener);
let drawing = false;
let held = false;
let owed = false;
export function redraw() {
  if (held) owed = true;
  if (held || drawing) return;
  drawing = true;
  queueMicrotask(() => {
    drawing = false;
    listeners.forEach((listener) => listener());
  });
}

// What is under a finger stays there until it is lifted: the browser makes no click of a press on one button and a release on its successor.
const LONGEST_PRESS = 3000;
let lifting = 0;
function hold() {
  clearTimeout(lifting);
  held = true;
  lifting = setTimeout(lift, LONGEST_PRESS);
}
function lift() {
  clearTimeout(lifting);
  held = false;
  if (owed) redraw();
  owed = false;
}
const soon = () => { clearTimeout(lifting); lifting = setTimeout(lift, 60); };
addEventListener("pointerdown", hold, true);
addEventListener("pointerup", soon, true);
addEventListener("pointercancel", soon, true);
addEventListener("click", () => { if (held) { clearTimeout(lifting); lifting = setTimeout(lift); } }, true);

export function keep(name, value) {
  try { localStorage.setItem(`sandbox.${name}`, JSON.stringify(value)); } catch { /* private mode keeps nothing */ }
}
export function kept(name, otherwise) {
  try { return JSON.parse(localStorage.getItem(`sandbox.${name}`)) ?? otherwise; } catch { return otherwise; }
}

// --- the server ---

export async function post(path, body) {
  let answer;
  try {
    const reply = await fetch(`/sandbox/api/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Sandbox": "1" },
      body: JSON.stringify({ as: world.me, ...body }),
    });
    answer = await reply.json();
  } catch {
    answer = { ok: false, message: "The sandbox itself does not answer; is it still running?" };
  }
  if (!answer.ok) toast(answer.message || answer.error);
  return answer;
}

export async function upload(file) {
  let answer;
  try {
    const reply = await fetch(`/sandbox/api/upload?${new URLSearchParams({ as: world.me, name: file.name })}`, { method: "POST", headers: { "X-Sandbox": "1" }, body: file });
    answer = await reply.json();
  } catch {
    answer = { ok: false, message: "The sandbox itself does not answer; is it still running?" };
  }
  if (!answer.ok) toast(answer.message || answer.error);
  return answer;
}

export function toast(text, kind = "error") {
  const box = document.getElementById("toasts");
  if ([...box.children].some((shown) => shown.textContent === text)) return;
  const shown = h("div", { className: `toast ${kind}`, role: kind === "error" ? "alert" : "status" }, text);
  box.append(shown);
  box.popover = "manual";
  if (box.matches(":popover-open")) box.hidePopover();
  box.showPopover();
  setTimeout(() => { shown.remove(); if (!box.children.length) box.hidePopover(); }, 6000);
}

let looking = null;
let next = null;
// Ends when the page knows at least what the server knew when this was called.
export function refresh() {
  if (looking) return (next ||= looking.then(() => { next = null; return refresh(); }));
  return (looking = look().finally(() => { looking = null; }));
}

async function look() {
  try {
    const who = world.me;
    const reply = await fetch(`/sandbox/api/state?as=${who}&since=${world.revision}`);
    const picture = await reply.json();
    if (reply.ok && who === world.me) absorb(picture);
  } catch { /* the event stream says when the server is back */ }
}

function absorb(picture) {
  if (picture.since === 0) world.messages = new Map();
  const otherModal = world.picture?.modal?.id !== picture.modal?.id;
  for (const message of picture.messages) {
    const channel = world.messages.get(message.channel) || new Map();
    world.messages.set(message.channel, channel);
    if (message.deleted) channel.delete(message.ts);
    else channel.set(message.ts, message);
    settle(`${message.channel}:${message.ts}`);
    if (message.only_for) for (const home of [...world.pending.keys()].filter((each) => each.startsWith(`${message.channel}:`))) settle(home);
  }
  if (otherModal) {
    world.fieldErrors = {};
    for (const home of [...world.pending.keys()]) settle(home);
  }
  picture.mail ??= world.picture.mail;
  if (!("home" in picture)) picture.home = world.picture.home;
  for (const view of ["home", "modal"]) if (picture[view] && picture[view].rev !== world.picture?.[view]?.rev) settle(picture[view].id);
  world.picture = picture;
  world.revision = picture.revision;
  redraw();
}

let stream = null;
export function listen() {
  stream?.close();
  stream = new EventSource(`/sandbox/api/events?as=${world.me}`);
  let first = true;
  stream.onopen = () => { first = true; };
  stream.onmessage = (event) => {
    const { revision } = JSON.parse(event.data);
    // News may be older than the last look; only a server that began anew counts from the start again.
    if (first && revision < world.revision) world.revision = 0;
    if (revision > world.revision) refresh();
    first = false;
    document.body.classList.remove("offline");
  };
  stream.onerror = () => document.body.classList.add("offline");
}

export async function become(person) {
  Object.assign(world, { me: person, revision: 0, thread: null, mail: null, picks: new Map(), pending: new Map(), errors: new Map() });
  keep("me", person);
  await refresh();
  listen();
}

// --- looking things up ---

export const channelOf = (id) => world.picture?.channels.find((channel) => channel.id === id);
export const personOf = (id) => {
  if (id === world.picture?.bot.id) return { id, name: world.picture.bot.name, bot: true };
  return world.picture?.people.find((person) => person.id === id) || { id, name: id, color: "777777" };
};
export const me = () => personOf(world.me);
export const messagesIn = (channel) =>
  [...(world.messages.get(channel) || new Map()).values()].sort((a, b) => (a.ts < b.ts ? -1 : 1));
export const labelOf = (channel) => (channel.kind === "im" ? world.picture.bot.name : channel.name);

// --- what a person picked in a message or view, and what is under way there ---

export const picksOf = (home) => world.picks.get(home) || {};
export function pick(home, blockId, actionId, value) {
  const picks = structuredClone(picksOf(home));
  (picks[blockId] ||= {})[actionId] = value;
  world.picks.set(home, picks);
}

export function bump(home) {
  world.versions.set(home, (world.versions.get(home) || 0) + 1);
  redraw();
}

export function settle(home) {
  if (world.pending.delete(home) || world.errors.delete(home)) world.versions.set(home, (world.versions.get(home) || 0) + 1);
}

export const pendingIn = (home, blockId) => (world.pending.get(home)?.startsWith(`${blockId} `) ? world.pending.get(home) : "");
export const isPending = (home, blockId, actionId) => world.pending.get(home) === `${blockId} ${actionId}`;

const UNCHANGED_AFTER = 1500;
// `place`: what was touched as it was drawn then, though it may be drawn anew before the server hears of it.
export async function touch(home, place, blockId, actionId, value) {
  world.pending.set(home, `${blockId} ${actionId}`);
  world.errors.delete(home);
  bump(home);
  const answer = await post("press", { ...place, block_id: blockId, action_id: actionId, value, state: picksOf(home) });
  if (!answer.ok) {
    settle(home);
    world.errors.set(home, answer.message);
    bump(home);
  } else {
    const stillThis = world.pending.get(home);
    setTimeout(() => { if (world.pending.get(home) === stillThis) { settle(home); redraw(); } }, UNCHANGED_AFTER);
  }
}
