// rich_text blocks, markdown blocks and tables, to elements.
import { h } from "./dom.js";
import { emoji } from "./emoji.js";
import { at, channelLink, inline as mrkdwnInline, link, mention } from "./mrkdwn.js";

const STYLES = { bold: "strong", italic: "em", strike: "s", code: "code", underline: "u" };

export function richText(block) {
  return (block.elements || []).map(part);
}

function part(element) {
  const inside = () => (element.elements || []).map(piece);
  switch (element.type) {
    case "rich_text_quote": return h("blockquote", {}, inside());
    case "rich_text_preformatted": return h("pre", {}, inside());
    case "rich_text_list": {
      const list = h(element.style === "ordered" ? "ol" : "ul", { className: `indent-${element.indent || 0}` });
      if (element.offset) list.start = element.offset + 1;
      list.append(...(element.elements || []).map((item) => h("li", {}, (item.elements || []).map(piece))));
      return list;
    }
    default: return h("div", {}, inside());
  }
}

function piece(element) {
  const styled = (content) => Object.keys(STYLES).filter((name) => element.style?.[name]).reduce((inner, name) => h(STYLES[name], {}, inner), content);
  switch (element.type) {
    case "text": return styled(withBreaks(element.text));
    case "link": return styled(link(element.url, element.text || element.url));
    case "user": return mention(element.user_id);
    case "channel": return channelLink(element.channel_id);
    case "emoji": return emoji(element.name);
    case "date": return at(element.timestamp, { dateStyle: "medium", timeStyle: "short" });
    case "broadcast": return h("span", { className: "mention" }, `@${element.range}`);
    default: return "";
  }
}

function withBreaks(text) {
  return h("span", { className: "prewrap" }, text);
}

// --- standard Markdown, the part people write in chats ---

const INLINE = /\\([\\`*_{}\[\]()#+!|~>-])|&(amp|lt|gt);|`([^`\n]+)`|\[([^\]\n]+)\]\(([^)\s]+)\)|\*\*([^\n]+?)\*\*|__([^\n]+?)__|~~([^\n]+?)~~|\*([^*\n]+)\*|(?<!\w)_([^_\n]+)_(?!\w)|:([a-z0-9_+-]+):|<([@#!][^<>\n]+)>/g;

function markdownInline(text) {
  const out = [];
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    out.push(text.slice(from, found.index), markdownToken(found));
    from = found.index + found[0].length;
  }
  return [...out, text.slice(from)].filter((each) => each !== "");
}

const ENTITIES = { amp: "&", lt: "<", gt: ">" };

function markdownToken([, escaped, entity, code, label, address, strong, strong2, strike, em, em2, name, reference]) {
  if (escaped || entity) return escaped || ENTITIES[entity];
  if (code) return h("code", {}, code);
  if (label) return link(address, label);
  if (strong || strong2) return h("strong", {}, markdownInline(strong || strong2));
  if (strike) return h("s", {}, markdownInline(strike));
  if (em || em2) return h("em", {}, markdownInline(em || em2));
  if (reference) return mrkdwnInline(`<${reference}>`);
  return emoji(name);
}

const LIST = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/;

export function markdown(text) {
  const out = [];
  const rows = text.split("\n");
  while (rows.length) out.push(markdownBlock(rows));
  return out.filter(Boolean);
}

function take(rows, fits) {
  const taken = [];
  while (rows.length && fits(rows[0])) taken.push(rows.shift());
  return taken;
}

function markdownBlock(rows) {
  const row = rows[0];
  const heading = row.match(/^(#{1,6})\s+(.*)$/);
  if (!row.trim()) { rows.shift(); return null; }
  if (row.startsWith("```")) {
    rows.shift();
    const code = take(rows, (line) => !line.startsWith("```"));
    rows.shift();
    return h("pre", {}, code.join("\n"));
  }
  if (heading) { rows.shift(); return h(`h${Math.min(6, heading[1].length + 2)}`, { className: `md-${heading[1].length}` }, markdownInline(heading[2])); }
  if (/^(-{3,}|\*{3,})$/.test(row.trim())) { rows.shift(); return h("hr"); }
  if (row.startsWith(">")) return h("blockquote", {}, markdown(take(rows, (line) => line.startsWith(">")).map((line) => line.replace(/^> ?/, "")).join("\n")));
  if (LIST.test(row)) return markdownList(take(rows, (line) => LIST.test(line)));
  if (/^\s*\|.*\|\s*$/.test(row)) return markdownTable(take(rows, (line) => /^\s*\|.*\|\s*$/.test(line)));
  const paragraph = [rows.shift(), ...take(rows, (line) => line.trim() && !/^(#{1,6}\s|>|```)/.test(line) && !LIST.test(line))];
  return h("p", {}, paragraph.flatMap((line, index) => [index ? h("br") : null, ...markdownInline(line)]));
}

function markdownList(rows) {
  const list = h(/\d/.test(rows[0].match(LIST)[2]) ? "ol" : "ul");
  list.append(...rows.map((row) => h("li", { className: `indent-${Math.min(8, Math.floor(row.match(LIST)[1].length / 2))}` }, markdownInline(row.match(LIST)[3]))));
  return list;
}

function markdownTable(rows) {
  const cells = rows.filter((row) => !/^[\s|:-]+$/.test(row)).map((row) => row.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim()));
  return tableOf(cells.map((row) => row.map(markdownInline)));
}

function tableOf(rows, settings = []) {
  const cell = (tag) => (content, index) => h(tag, { className: `align-${settings[index]?.align || "left"}` }, content);
  const [head, ...body] = rows;
  return h("div", { className: "table-scroll", tabIndex: 0, role: "region", ariaLabel: "Table" },
    h("table", {}, h("thead", {}, h("tr", {}, head.map(cell("th")))), h("tbody", {}, body.map((row) => h("tr", {}, row.map(cell("td")))))));
}

export function table(block) {
  const content = (cell) => (cell.type === "rich_text" ? richText(cell) : String(cell.text?.text ?? cell.text ?? cell.value ?? ""));
  return tableOf(block.rows.map((row) => row.map(content)), block.column_settings || []);
}
