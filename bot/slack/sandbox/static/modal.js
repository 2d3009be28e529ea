// The bot's modal: one view at a time, what was typed survives an update, errors stand under their fields.
import { h, icon } from "./dom.js";
import { blocks } from "./blocks.js";
import { picksOf, post, refresh, redraw, world } from "./world.js";

const layer = () => document.getElementById("layer");
let drawn = "";

export function drawModal() {
  const view = world.picture?.modal;
  const stamp = view ? [view.id, view.hash, JSON.stringify(world.fieldErrors), world.versions.get(view.id) || 0, world.picture.depth].join("/") : "";
  if (stamp === drawn) return;
  const before = layer().querySelector("dialog");
  const focused = before?.dataset.view === view?.id ? focusPath(before) : null;
  const scrolled = before?.querySelector(".modal-body")?.scrollTop || 0;
  drawn = stamp;
  layer().replaceChildren();
  if (!view) return;
  const dialog = make(view);
  layer().append(dialog);
  dialog.showModal();
  if (scrolled) dialog.querySelector(".modal-body").scrollTop = scrolled;
  refocus(dialog, focused);
}

const focusable = (dialog) => [...dialog.querySelectorAll("input, textarea, select, button")];
const focusPath = (dialog) => focusable(dialog).indexOf(document.activeElement);
function refocus(dialog, index) {
  const all = focusable(dialog);
  const wrong = dialog.querySelector("[aria-invalid]");
  const first = dialog.querySelector(".modal-body input, .modal-body textarea, .modal-body select") || dialog.querySelector("footer .primary, footer .btn");
  // A form is read from its top, wherever its first field is; what is wrong is shown at once.
  if (wrong) wrong.focus();
  else ((index !== null && all[index]) || first)?.focus({ preventScroll: true });
}

function make(view) {
  const leave = (everything) => closeView(view, everything);
  const where = { home: view.id, place: { view_id: view.id }, errors: world.fieldErrors };
  const send = h("button", { type: "submit", className: "btn primary" }, view.submit?.text || "Submit");
  const dialog = h("dialog", { className: "modal", ariaLabel: view.title.text, oncancel: (event) => { event.preventDefault(); leave(false); } },
    h("form", { noValidate: true, onsubmit: (event) => { event.preventDefault(); submit(view, send); } },
      h("header", {},
        world.picture.depth > 1 ? h("button", { type: "button", className: "icon-btn", ariaLabel: "Back", onclick: () => leave(false) }, icon("back")) : h("img", { src: "/static/icon.svg", alt: "", className: "avatar tiny" }),
        h("h2", {}, view.title.text),
        h("button", { type: "button", className: "icon-btn", ariaLabel: "Close", onclick: () => leave(true) }, icon("close"))),
      h("div", { className: "modal-body" }, blocks(view.blocks, where)),
      h("footer", {},
        h("button", { type: "button", className: "btn", onclick: () => leave(false) }, view.close?.text || (view.submit ? "Cancel" : "Close")),
        view.submit ? send : null)));
  dialog.dataset.view = view.id;
  return dialog;
}

async function submit(view, button) {
  button.disabled = true;
  button.prepend(h("span", { className: "spinner", ariaHidden: "true" }));
  const answer = await post("submit", { view_id: view.id, values: picksOf(view.id) });
  button.disabled = false;
  button.querySelector(".spinner")?.remove();
  world.fieldErrors = answer.errors || {};
  if (answer.ok && !Object.keys(world.fieldErrors).length) await refresh();
  redraw();
}

async function closeView(view, everything) {
  await post("close", { view_id: view.id, everything });
  world.fieldErrors = {};
  await refresh();
}
