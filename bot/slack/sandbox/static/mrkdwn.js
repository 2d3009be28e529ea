// Slack's mrkdwn to elements: bold, italic, strike, code, quotes, links, people, channels, dates, emoji.
import { h } from "./dom.js";
import { emoji } from "./emoji.js";
import { channelOf, me, personOf } from "./world.js";

const TOKEN = new RegExp(
  [
    "```\\n?([\\s\\S]+?)```",
    "`([^`\\n]+)`",
    "<([^<>\\n]+)>",
    ":([a-z0-9_+'-]+):",
    "(?<![\\w*_~])([*_~])(?=\\S)((?:<[^<>]*>|[^\\n])*?[^\\s])\\5(?![\\w*_~])",
  ].join("|"),
  "g",
);
const TAGS = { "*": "strong", _: "em", "~": "s" };

export function plain(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

export function mrkdwn(text) {
  const blocks = [];
  for (const [index, part] of text.split(/```\n?([\s\S]+?)```/).entries()) {
    if (index % 2) blocks.push(h("pre", {}, plain(part.replace(/\n$/, ""))));
    else if (part) blocks.push(...lines(index ? part.replace(/^\n/, "") : part));
  }
  return blocks;
}

function lines(text) {
  const out = [];
  let quote = null;
  for (const line of text.split("\n")) {
    if (/^(&gt;|>)/.test(line)) {
      if (!quote) out.push((quote = h("blockquote")));
      else quote.append(h("br"));
      quote.append(...inline(line.replace(/^(&gt;|>) ?/, "")));
    } else {
      if (!quote && out.length) out.push(h("br"));
      quote = null;
      out.push(...inline(line));
    }
  }
  return out;
}

export function inline(text) {
  const out = [];
  let at = 0;
  for (const found of text.matchAll(TOKEN)) {
    out.push(plain(text.slice(at, found.index)), token(found));
    at = found.index + found[0].length;
  }
  out.push(plain(text.slice(at)));
  return out.filter((part) => part !== "");
}

function token([whole, pre, code, reference, name, mark, inside]) {
  if (pre) return h("pre", {}, plain(pre));
  if (code) return h("code", {}, plain(code));
  if (reference) return refer(reference);
  if (name) return emoji(name) === whole ? whole : h("span", { className: "emoji", role: "img", ariaLabel: name, title: whole }, emoji(name));
  return h(TAGS[mark], {}, inline(inside));
}

function refer(reference) {
  const bar = reference.indexOf("|");
  const target = bar < 0 ? reference : reference.slice(0, bar);
  const label = bar < 0 ? "" : plain(reference.slice(bar + 1));
  if (target.startsWith("@")) return mention(target.slice(1), label);
  if (target.startsWith("#")) return channelLink(target.slice(1), label);
  if (target.startsWith("!date^")) return h("time", {}, date(target, label));
  if (target.startsWith("!subteam^")) return h("span", { className: "mention" }, label || "@group");
  if (target.startsWith("!")) return h("span", { className: "mention" }, `@${label || target.slice(1)}`);
  return link(plain(target), label || plain(target));
}

export function mention(id, label = "") {
  const who = personOf(id);
  return h("span", { className: id === me().id ? "mention mine" : "mention", title: who.email || "" }, `@${who.name === id && label ? label : who.name}`);
}

export function channelLink(id, label = "") {
  return h("a", { className: "mention", href: `#/${id}` }, `#${channelOf(id)?.name || label || id}`);
}

export function link(address, label) {
  if (!/^(https?:|mailto:)/i.test(address)) return label;
  const own = address.startsWith(`${location.origin}/#`);
  return h("a", { href: address, ...(own ? {} : { target: "_blank", rel: "noopener noreferrer" }) }, label);
}

const DAY = { weekday: undefined, year: "numeric", month: "long", day: "numeric" };
const FORMATS = {
  date_num: { year: "numeric", month: "2-digit", day: "2-digit" },
  date: DAY,
  date_short: { ...DAY, month: "short" },
  date_long: { ...DAY, weekday: "long" },
  time: { hour: "2-digit", minute: "2-digit" },
  time_secs: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
};

const calendars = new Map();
// Making a calendar takes longer than asking it, and every message asks for a few.
function calendar(options) {
  const name = JSON.stringify(options);
  if (!calendars.has(name)) calendars.set(name, new Intl.DateTimeFormat("en-GB", options));
  return calendars.get(name);
}

export function at(seconds, options) {
  const when = new Date(seconds * 1000);
  try {
    return calendar({ ...options, timeZone: me().tz }).format(when);
  } catch {
    return calendar(options).format(when);
  }
}

export const dayOf = (seconds) => at(seconds, { ...FORMATS.date_num, weekday: "short" });

function pretty(seconds, options) {
  const now = Date.now() / 1000;
  const near = { "-86400": "yesterday", 0: "today", 86400: "tomorrow" };
  for (const shift of Object.keys(near)) if (dayOf(seconds) === dayOf(now + Number(shift))) return near[shift];
  return at(seconds, options);
}

export function ago(seconds) {
  const gap = seconds - Date.now() / 1000;
  const [unit, size] = [["day", 86400], ["hour", 3600], ["minute", 60]].find(([, size]) => Math.abs(gap) >= size) || ["second", 1];
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(Math.round(gap / size), unit);
}

function date(target, fallback) {
  const [, seconds, format] = target.split("^");
  if (!/^\d+$/.test(seconds) || !format) return fallback;
  return plain(format).replace(/\{(\w+)\}/g, (whole, name) => {
    if (name === "ago") return ago(Number(seconds));
    const bare = name.replace(/_pretty$/, "");
    if (!FORMATS[bare]) return whole;
    return bare === name ? at(Number(seconds), FORMATS[bare]) : pretty(Number(seconds), FORMATS[bare]);
  });
}
