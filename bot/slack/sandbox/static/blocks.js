// Block Kit to elements.
import { h, keyed } from "./dom.js";
import { chart } from "./chart.js";
import { enlarge } from "./dialogs.js";
import { element, words } from "./elements.js";
import { markdown, richText, table } from "./richtext.js";
import { pendingIn, world } from "./world.js";

// `where`: {home: key of the picks, place: answers {channel, ts, rev} or {view_id, rev}, errors: {block_id: message}}
export const blocks = (list, where) => list.map((block) => one(block, where));

function one(block, where) {
  const make = MAKERS[block.type];
  const node = make ? make(block, where) : h("div", { className: "unplayed" }, `[a ${block.type} block]`);
  node.classList.add("block", `b-${block.type}`);
  node.dataset.block = block.block_id;
  return node;
}

// Only what is different is built anew, so a field keeps its focus, its caret and its open list while the rest of a view changes.
export function fillBlocks(container, list, where) {
  return keyed(container, list.map((block) => {
    const wrong = where.errors[block.block_id];
    const stamp = [JSON.stringify(block), pendingIn(where.home, block.block_id), wrong ? `${world.refusals} ${wrong}` : ""].join("\n");
    return { key: `${block.type} ${block.block_id}`, stamp, make: () => one(block, where) };
  }));
}

function section(block, where) {
  const fields = block.fields && h("div", { className: "fields" }, block.fields.map((field) => h("div", {}, words(field))));
  const accessory = block.accessory && h("div", { className: "accessory" }, block.accessory.type === "image" ? picture(block.accessory, "thumb") : element(block.accessory, where, block.block_id));
  return h("div", {}, h("div", { className: "section-text" }, block.text ? h("div", {}, words(block.text)) : null, fields), accessory);
}

function image(block) {
  const title = block.title && h("figcaption", {}, words(block.title));
  return h("figure", {}, title, picture(block, "wide"));
}

function picture(found, className) {
  const source = found.slack_file?.id ? `/files/${found.slack_file.id}` : found.slack_file?.url || found.image_url;
  if (!reachable(source)) return h("span", { className: "unplayed" }, `[picture elsewhere: ${found.alt_text || source}]`);
  return h("button", { type: "button", className: `picture ${className}`, ariaLabel: `Enlarge: ${found.alt_text}`, onclick: () => enlarge(source, found.alt_text) },
    h("img", { src: source, alt: found.alt_text }));
}

// The page may only load pictures from this machine.
function reachable(source) {
  const { protocol, hostname } = new URL(source, location.href);
  return protocol === "data:" || ["127.0.0.1", "localhost"].includes(hostname);
}

function context(block) {
  return h("div", {}, block.elements.map((found) => (found.type === "image" ? picture(found, "tiny") : h("span", {}, words(found)))));
}

function actions(block, where) {
  return h("div", {}, block.elements.map((found) => element(found, where, block.block_id)));
}

let fields = 0;
function input(block, where) {
  const id = `field-${(fields += 1)}`;
  const error = where.errors?.[block.block_id];
  const label = block.label.text;
  const inside = { ...where, quiet: !block.dispatch_action, label: block.optional ? `${label} (optional)` : label, id };
  const field = element(block.element, inside, block.block_id);
  const control = field.matches("input, textarea, select") ? field : field.querySelector("input, summary");
  if (error) control?.setAttribute("aria-invalid", "true");
  if (error || block.hint) control?.setAttribute("aria-describedby", `${id}-note`);
  return h("div", { className: error ? "wrong" : "" },
    h("label", { htmlFor: id }, words(block.label), block.optional ? h("span", { className: "optional" }, " (optional)") : null),
    field,
    h("div", { className: "note", id: `${id}-note`, role: error ? "alert" : null }, error || (block.hint ? words(block.hint) : "")));
}

const MAKERS = {
  section,
  image,
  context,
  actions,
  input,
  table: (block) => h("div", {}, table(block)),
  header: (block) => h("h3", {}, words(block.text)),
  divider: () => h("hr"),
  markdown: (block) => h("div", {}, markdown(block.text)),
  rich_text: (block) => h("div", {}, richText(block)),
  alert: (block) => h("div", { className: block.level || "default", role: "note" }, words(block.text)),
  data_visualization: (block) => chart(block),
};
