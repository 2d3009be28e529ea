// Where people type: Enter sends, `/` offers the commands and shortcuts, `@` the people; files are chosen, dropped or pasted.
import { h, icon } from "./dom.js";
import { post, toast, upload, world } from "./world.js";

const GROWN = 200;
const MOST_FILES = 10;

export function composer(id, { channel, thread_ts, hint }) {
  const field = h("textarea", {
    id, rows: 1, className: "composer-field", placeholder: hint, ariaLabel: hint, autocomplete: "off", role: "combobox",
    ariaExpanded: "false", ariaAutoComplete: "list", oninput: () => { grow(field); offer(); }, onkeydown: (event) => key(event), onblur: () => setTimeout(() => show([]), 150),
  });
  field.setAttribute("aria-controls", `${id}-offers`);
  const list = h("div", { id: `${id}-offers`, className: "offers", role: "listbox", hidden: true, ariaLabel: "Suggestions" });
  const picker = h("input", { type: "file", multiple: true, hidden: true, ariaLabel: "Files to send", onchange: () => { attach(picker.files); picker.value = ""; } });
  const clip = h("button", { type: "button", className: "attach", ariaLabel: "Attach a file", title: "Attach a file", onclick: () => picker.click() }, icon("clip"));
  const tray = h("div", { className: "attached", hidden: true });
  let attached = [];
  const button = h("button", { type: "submit", className: "send", ariaLabel: "Send" }, icon("send"));
  let offers = [];
  let chosen = 0;

  function offer() {
    const upTo = field.value.slice(0, field.selectionStart);
    const mention = upTo.match(/(?:^|\s)@([\w. -]{0,30})$/);
    if (!thread_ts && /^\/\S*$/.test(upTo)) show(commands(upTo));
    else if (mention) show(names(mention[1]));
    else show([]);
  }

  function show(found) {
    offers = found;
    chosen = 0;
    paint();
  }

  function paint() {
    list.hidden = !offers.length;
    field.ariaExpanded = String(offers.length > 0);
    list.replaceChildren(...offers.map((each, index) => h("div", {
      role: "option", id: `${id}-offer-${index}`, ariaSelected: String(index === chosen), onmousedown: (event) => { event.preventDefault(); take(index); },
    }, h("b", {}, each.title), h("span", {}, each.hint), each.note ? h("small", {}, each.note) : null)));
    if (offers.length) field.setAttribute("aria-activedescendant", `${id}-offer-${chosen}`);
    else field.removeAttribute("aria-activedescendant");
  }

  function take(index) {
    if (offers[index].use) {
      offers[index].use();
      field.value = "";
      show([]);
      return;
    }
    const before = field.value.slice(0, field.selectionStart).replace(offers[index].replaces, "");
    field.setRangeText(`${offers[index].title} `, before.length, field.selectionStart, "end");
    show([]);
    field.focus();
  }

  function key(event) {
    if (event.isComposing) return;
    if (offers.length && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + offers.length) % offers.length;
      paint();
    } else if (offers.length && event.key === "Escape") {
      event.preventDefault();
      show([]);
    } else if (offers.length && (event.key === "Tab" || (event.key === "Enter" && offers[chosen].title !== field.value))) {
      event.preventDefault();
      take(chosen);
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      send();
    }
  }

  function attach(files) {
    attached = [...attached, ...files].slice(0, MOST_FILES);
    tray.hidden = !attached.length;
    tray.replaceChildren(...attached.map((file) => h("span", { className: "chip" }, file.name,
      h("button", { type: "button", className: "icon-btn", ariaLabel: `Remove ${file.name}`, onclick: () => { attached = attached.filter((other) => other !== file); attach([]); } }, icon("close")))));
  }

  async function send() {
    const text = field.value.trim();
    if (!(text || attached.length) || button.disabled) return;
    button.disabled = true;
    show([]);
    const answer = attached.length ? await sendFiles(attached, text, channel, thread_ts) : await deliver(text, channel, thread_ts);
    button.disabled = false;
    if (answer.ok) { field.value = ""; attached = []; attach([]); grow(field); }
    field.focus();
  }

  const dropped = (event) => { if (event.dataTransfer.files.length) { event.preventDefault(); attach(event.dataTransfer.files); } };
  field.addEventListener("paste", (event) => { if (event.clipboardData.files.length) { event.preventDefault(); attach(event.clipboardData.files); } });
  return h("form", { className: "composer", ondragover: (event) => event.preventDefault(), ondrop: dropped, onsubmit: (event) => { event.preventDefault(); send(); } }, tray, list, picker, clip, field, button);
}

async function sendFiles(files, text, channel, thread_ts) {
  const ids = [];
  for (const file of files) {
    const kept = await upload(file);
    if (!kept.ok) return kept;
    ids.push(kept.file);
  }
  return post("message", { channel, text, files: ids, ...(thread_ts ? { thread_ts } : {}) });
}

async function deliver(text, channel, thread_ts) {
  if (/^\/invite\b/.test(text)) {
    const answer = await post("invite", { channel });
    if (answer.ok) toast(answer.fresh ? `${world.picture.bot.name} is in this channel now.` : `${world.picture.bot.name} is already here.`, "good");
    return answer;
  }
  return post(text.startsWith("/") ? "command" : "message", { channel, text, ...(thread_ts ? { thread_ts } : {}) });
}

function commands(typed) {
  const own = world.picture.commands.map((known) => ({ title: known.command, hint: known.usage_hint, note: known.description, replaces: /\/\S*$/ }));
  const invite = { title: "/invite", hint: `@${world.picture.bot.name}`, note: "Add the app to this channel", replaces: /\/\S*$/ };
  const shortcuts = world.picture.shortcuts.filter((known) => known.type === "global" && `/${known.name}`.toLowerCase().startsWith(typed.toLowerCase()))
    .map((known) => ({ title: known.name, hint: world.picture.bot.name, note: "Shortcut", use: () => post("shortcut", { callback_id: known.callback_id }) }));
  return [...[...own, invite].filter((each) => each.title.startsWith(typed)), ...shortcuts];
}

function names(typed) {
  const everybody = [{ name: world.picture.bot.name, email: "app" }, ...world.picture.people];
  const start = typed.toLowerCase();
  return everybody.filter((who) => who.name.toLowerCase().startsWith(start)).slice(0, 6).map((who) => ({ title: `@${who.name}`, hint: who.email, replaces: /@[\w. -]*$/ }));
}

function grow(field) {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, GROWN)}px`;
}
