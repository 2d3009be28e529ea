// Dialogs of the page's own: confirmations and pictures enlarged.
import { h, icon } from "./dom.js";
import { inline, mrkdwn } from "./mrkdwn.js";

const words = (text) => (text.type === "mrkdwn" ? mrkdwn(text.text) : inline(text.text));

function shown(dialog) {
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.showModal();
  return dialog;
}

// Resolves to true only when the person agreed.
export function ask(confirm) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { className: "modal small", role: "alertdialog", ariaLabel: confirm.title.text },
      h("header", {}, h("h2", {}, confirm.title.text)),
      h("div", { className: "modal-body" }, h("p", {}, words(confirm.text))),
      h("footer", {},
        h("button", { type: "button", className: "btn", onclick: () => dialog.close("no") }, confirm.deny.text),
        h("button", { type: "button", className: `btn ${confirm.style || "primary"}`, autofocus: true, onclick: () => dialog.close("yes") }, confirm.confirm.text)));
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"));
    shown(dialog);
  });
}

export function enlarge(source, description) {
  const dialog = h("dialog", { className: "lightbox", ariaLabel: description || "Picture" },
    h("button", { type: "button", className: "icon-btn close", ariaLabel: "Close picture", onclick: () => dialog.close() }, icon("close")),
    h("img", { src: source, alt: description }),
    h("p", {}, description));
  shown(dialog);
}
