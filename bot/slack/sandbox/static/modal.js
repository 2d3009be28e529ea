// The bot's modal: one view at a time, what was typed survives an update, errors stand under their fields.
import { h, icon, stamped } from "./dom.js";
import { fillBlocks } from "./blocks.js";
import { picksOf, post, redraw, refresh, toast, world } from "./world.js";

const layer = () => document.getElementById("layer");
let drawn = "";

export function drawModal() {
  const view = world.picture?.modal;
  const stamp = view ? [view.id, view.rev, world.refusals, world.versions.get(view.id) || 0, world.sending.has(view.id), world.picture.depth].join("/") : "";
  if (stamp === drawn) return;
  drawn = stamp;
  const before = layer().querySelector("dialog");
  if (!view) layer().replaceChildren();
  else if (before?.dataset.view === view.id) update(before, view);
  else open(view);
}

function open(view) {
  const dialog = frame(view.id);
  fill(dialog, view);
  layer().replaceChildren(dialog);
  dialog.showModal();
  focus(dialog, null);
}

function update(dialog, view) {
  const focused = focusable(dialog).indexOf(document.activeElement);
  const refused = dialog.dataset.refusals !== String(world.refusals);
  fill(dialog, view);
  if ((refused && dialog.querySelector("[aria-invalid]")) || !dialog.contains(document.activeElement)) focus(dialog, focused);
}

const focusable = (dialog) => [...dialog.querySelectorAll("input, textarea, select, button")];
function focus(dialog, index) {
  const all = focusable(dialog);
  const wrong = dialog.querySelector("[aria-invalid]");
  const first = dialog.querySelector(".modal-body input, .modal-body textarea, .modal-body select") || dialog.querySelector("footer .primary, footer .btn");
  // A form is read from its top, wherever its first field is; what is wrong is shown at once.
  if (wrong) wrong.focus();
  else ((index !== null && all[index]) || first)?.focus({ preventScroll: true });
}

function frame(id) {
  const dialog = h("dialog", { className: "modal", oncancel: (event) => { event.preventDefault(); leave(id, false); } },
    h("form", { noValidate: true, onsubmit: (event) => { event.preventDefault(); submit(dialog); } },
      h("header"), h("div", { className: "modal-body" }), h("footer")));
  dialog.dataset.view = id;
  return dialog;
}

function fill(dialog, view) {
  const { depth } = world.picture;
  const busy = world.sending.has(view.id);
  Object.assign(dialog.dataset, { rev: view.rev, refusals: world.refusals });
  dialog.ariaLabel = view.title.text;
  stamped(dialog.querySelector("header"), `${depth > 1} ${view.title.text}`, () => [
    depth > 1 ? h("button", { type: "button", className: "icon-btn", ariaLabel: "Back", onclick: () => leave(view.id, false) }, icon("back")) : h("img", { src: "/static/icon.svg", alt: "", className: "avatar tiny" }),
    h("h2", {}, view.title.text),
    h("button", { type: "button", className: "icon-btn", ariaLabel: "Close", onclick: () => leave(view.id, true) }, icon("close"))]);
  fillBlocks(dialog.querySelector(".modal-body"), view.blocks, { home: view.id, place: () => ({ view_id: view.id, rev: Number(dialog.dataset.rev) }), errors: world.fieldErrors });
  stamped(dialog.querySelector("footer"), JSON.stringify([view.submit, view.close, busy]), () => [
    h("button", { type: "button", className: "btn", onclick: () => leave(view.id, false) }, view.close?.text || (view.submit ? "Cancel" : "Close")),
    view.submit ? h("button", { type: "submit", className: "btn primary", disabled: busy }, busy ? h("span", { className: "spinner", ariaHidden: "true" }) : null, view.submit.text) : null]);
}

// A form is sent as it stands there, once: while it is under way it may be drawn anew, but not sent again.
async function submit(dialog) {
  const { view: id, rev } = dialog.dataset;
  if (world.sending.has(id) || !dialog.querySelector("footer [type=submit]")) return;
  world.sending.add(id);
  redraw();
  const answer = await post("submit", { view_id: id, rev: Number(rev), values: picksOf(id) });
  const wrong = Object.values(answer.errors || {});
  if (!wrong.length) await refresh();
  else if (world.picture.modal?.id !== id) toast(`Not sent: ${wrong.join(" ")}`);
  world.sending.delete(id);
  if (world.picture.modal?.id === id) refuse(answer.errors || {});
  redraw();
}

function refuse(errors) {
  world.fieldErrors = errors;
  world.refusals += 1;
}

async function leave(id, everything) {
  await post("close", { view_id: id, everything });
  world.fieldErrors = {};
  await refresh();
}
