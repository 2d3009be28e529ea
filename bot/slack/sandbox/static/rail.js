// The left rail: workspace, channels, direct message, Home, Mailbox, and who is acting.
import { avatar, h, icon, stamped } from "./dom.js";
import { become, keep, kept, labelOf, me, messagesIn, post, redraw, world } from "./world.js";

export function drawRail(rail) {
  const { picture } = world;
  rail.classList.toggle("open", world.drawer);
  const focused = document.activeElement?.closest?.(".rail") ? document.activeElement.dataset.focus : null;
  const channels = picture.channels.filter((channel) => channel.kind === "channel");
  const direct = picture.channels.filter((channel) => channel.kind === "im");
  const letters = picture.mail.filter((letter) => letter.direction === "in" && !letter.read).length;
  const seen = kept(seenKey(), {});
  const unread = new Map(picture.channels.map((channel) => [channel.id, unreadIn(channel.id, seen[channel.id] || "")]));
  const stamp = JSON.stringify([world.me, world.place, picture.channels, [...unread.values()], letters, picture.people]);
  const fresh = stamped(rail, stamp, () => [
    h("div", { className: "workspace" }, h("img", { src: "/static/icon.svg", alt: "" }), h("strong", {}, picture.workspace)),
    h("div", { className: "rooms" },
      room("home", icon("home"), "Home", 0),
      room("mail", icon("mail"), "Mailbox", letters),
      room("assistant", icon("thread"), "Assistant", 0),
      h("h2", {}, "Channels"),
      channels.map((channel) => room(channel.id, icon("hash"), labelOf(channel), unread.get(channel.id))),
      h("h2", {}, "Direct messages"),
      direct.map((channel) => room(channel.id, h("img", { src: "/static/icon.svg", alt: "", className: "avatar tiny" }), labelOf(channel), unread.get(channel.id)))),
    person(picture)]);
  if (fresh && focused) rail.querySelector(`[data-focus="${focused}"]`)?.focus();
}

function room(place, face, label, unread) {
  const current = world.place === place;
  const node = h("a", { className: `room ${current ? "current" : ""} ${unread ? "unread" : ""}`, href: `#/${place}`, ariaCurrent: current ? "page" : null, onclick: () => { world.drawer = false; redraw(); } },
    face, h("span", {}, label), unread ? h("b", { ariaLabel: `${unread} unread` }, unread) : null);
  node.dataset.focus = place;
  return node;
}

const seenKey = () => `seen.${world.me}`;
function unreadIn(channel, seen) {
  if (channel === world.place) return 0;
  return messagesIn(channel).filter((message) => message.ts > seen && message.user !== world.me).length;
}

export function markSeen(channel) {
  const last = messagesIn(channel).at(-1)?.ts;
  const seen = kept(seenKey(), {});
  if (last && seen[channel] !== last) keep(seenKey(), { ...seen, [channel]: last });
}

function person(picture) {
  const away = Boolean(me().status?.status_text);
  const choose = h("select", { className: "acting", id: "acting-as", onchange: (event) => become(event.target.value) },
    picture.people.map((each) => h("option", { value: each.id, selected: each.id === world.me }, each.name)));
  choose.dataset.focus = "acting";
  const toggle = h("button", { type: "button", className: "icon-btn", ariaPressed: String(away), title: away ? "Away: press to be back" : "Set yourself away", ariaLabel: away ? "You are away; press to be back" : "Set yourself away",
    onclick: () => post("status", away ? {} : { status_text: "Vacationing", status_emoji: ":palm_tree:" }) }, icon("moon"));
  toggle.dataset.focus = "away";
  return h("div", { className: "who" }, avatar(me()), h("div", {}, h("label", { htmlFor: "acting-as" }, away ? "Acting as · away" : "Acting as"), choose), toggle);
}
