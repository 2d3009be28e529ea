// Interactive elements: buttons with confirm dialogs, selects, overflow menus, checkboxes, pickers, text fields.
import { h, icon } from "./dom.js";
import { ask } from "./dialogs.js";
import { emoji } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";
import { isPending, labelOf, pick, picksOf, touch, upload, world } from "./world.js";

export const words = (text) => (!text ? [] : text.type === "mrkdwn" ? mrkdwn(text.text) : [h("span", { className: "prewrap" }, flat(text))]);
const flat = (text) => (text?.text || "").replace(/:([a-z0-9_+'-]+):/g, (_, name) => emoji(name));

const INITIAL = ["initial_option", "initial_options", "initial_value", "initial_date", "initial_time", "initial_date_time", "initial_user", "initial_channel", "initial_conversation", "initial_users", "initial_channels", "initial_conversations"];

export function valueOf(where, blockId, element) {
  const picked = picksOf(where.home)[blockId];
  if (picked && element.action_id in picked) return picked[element.action_id];
  const name = INITIAL.find((key) => key in element);
  if (!name) return null;
  const initial = element[name];
  if (name === "initial_option") return initial.value;
  if (name === "initial_options") return initial.map((option) => option.value);
  return Array.isArray(initial) ? initial : String(initial);
}

// `where.quiet` marks an input block without dispatch_action: it is only kept, the bot hears of it on submit.
async function changed(where, blockId, element, value) {
  pick(where.home, blockId, element.action_id, value);
  if (where.quiet) return;
  const place = where.place();
  if (await confirmed(element)) touch(where.home, place, blockId, element.action_id, value);
}

const confirmed = (element) => (element.confirm ? ask(element.confirm) : Promise.resolve(true));

export function element(found, where, blockId) {
  const make = MAKERS[found.type];
  if (!make) return h("span", { className: "unplayed" }, `[${found.type}]`);
  return make(found, where, blockId);
}

function button(found, where, blockId) {
  const busy = isPending(where.home, blockId, found.action_id);
  const press = async () => {
    const place = where.place();
    if (!(await confirmed(found))) return;
    if (found.url) window.open(found.url, "_blank", "noopener,noreferrer");
    touch(where.home, place, blockId, found.action_id, null);
  };
  return h("button", {
    type: "button", className: `btn ${found.style || ""}`, onclick: press, ariaBusy: busy ? "true" : null,
    ariaLabel: found.accessibility_label || null, disabled: busy,
  }, busy ? h("span", { className: "spinner", ariaHidden: "true" }) : null, flat(found.text));
}

function overflow(found, where, blockId) {
  const choose = async (option) => {
    const place = where.place();
    menu.hidePopover();
    if (option.url) window.open(option.url, "_blank", "noopener,noreferrer");
    if (await confirmed(found)) touch(where.home, place, blockId, found.action_id, option.value);
  };
  const menu = h("div", { className: "menu", popover: "auto", role: "menu" },
    found.options.map((option) => h("button", { type: "button", role: "menuitem", onclick: () => choose(option) }, words(option.text))));
  return h("span", { className: "overflow" }, popoverButton(menu, icon("more"), "More choices", "btn square"), menu);
}

export function popoverButton(menu, face, label, className) {
  const opener = h("button", { type: "button", className, ariaLabel: label, ariaHasPopup: "menu" }, face);
  opener.popoverTargetElement = menu;
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "open") return;
    const box = opener.getBoundingClientRect();
    menu.style.top = `${Math.min(box.bottom + 4, innerHeight - menu.offsetHeight - 8)}px`;
    menu.style.left = `${Math.max(8, Math.min(box.left, innerWidth - menu.offsetWidth - 8))}px`;
    menu.querySelector("button")?.focus();
  });
  menu.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...menu.querySelectorAll("button")];
    all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
  });
  return opener;
}

function groupsOf(found) {
  const named = (list, label) => list.map(({ id, name }) => ({ value: id, label: label(name) }));
  const { people, channels } = world.picture;
  const rooms = channels.map((channel) => ({ value: channel.id, label: channel.kind === "im" ? labelOf(channel) : `#${channel.name}` }));
  if (found.type.includes("users")) return [{ options: named(people, (name) => name) }];
  if (found.type.includes("channels")) return [{ options: rooms.filter((room) => room.label.startsWith("#")) }];
  if (found.type.includes("conversations")) return [{ options: rooms }];
  const plainOptions = (options) => options.map((option) => ({ value: option.value, label: flat(option.text) }));
  if (found.option_groups) return found.option_groups.map((group) => ({ label: flat(group.label), options: plainOptions(group.options) }));
  return [{ options: plainOptions(found.options || []) }];
}

function select(found, where, blockId) {
  const value = valueOf(where, blockId, found);
  const busy = isPending(where.home, blockId, found.action_id);
  const option = (each) => h("option", { value: each.value, selected: each.value === value }, each.label);
  const groups = groupsOf(found).map((group) => (group.label ? h("optgroup", { label: group.label }, group.options.map(option)) : group.options.map(option)));
  return h("select", {
    className: "field select", disabled: busy, ariaLabel: where.label || flat(found.placeholder) || "Choose",
    onchange: (event) => changed(where, blockId, found, event.target.value || null),
  }, h("option", { value: "", selected: !value }, flat(found.placeholder) || "Choose an option"), groups);
}

function multiSelect(found, where, blockId) {
  const chosen = new Set(valueOf(where, blockId, found) || []);
  const all = groupsOf(found);
  const face = h("summary", { className: "field select" });
  const show = () => {
    const names = all.flatMap((group) => group.options).filter((option) => chosen.has(option.value)).map((option) => option.label);
    face.replaceChildren(names.join(", ") || flat(found.placeholder) || "Choose");
  };
  const toggle = (option, on) => {
    if (on) chosen.add(option.value); else chosen.delete(option.value);
    show();
    changed(where, blockId, found, [...chosen]);
  };
  const box = (option) => h("label", {}, h("input", { type: "checkbox", checked: chosen.has(option.value), onchange: (event) => toggle(option, event.target.checked) }), option.label);
  show();
  return h("details", { className: "multi" }, face, h("div", { className: "multi-list" }, all.map((group) => [group.label ? h("strong", {}, group.label) : null, group.options.map(box)])));
}

function choices(found, where, blockId) {
  const kind = found.type === "checkboxes" ? "checkbox" : "radio";
  const name = `${where.home}-${blockId}-${found.action_id}`;
  const value = valueOf(where, blockId, found);
  const chosen = new Set(Array.isArray(value) ? value : [value]);
  const change = (option, on) => {
    if (kind === "radio") return changed(where, blockId, found, option.value);
    if (on) chosen.add(option.value); else chosen.delete(option.value);
    return changed(where, blockId, found, found.options.map((each) => each.value).filter((each) => chosen.has(each)));
  };
  const box = (option) => h("label", { className: "choice" },
    h("input", { type: kind, name, value: option.value, checked: chosen.has(option.value), onchange: (event) => change(option, event.target.checked) }),
    h("span", {}, words(option.text), option.description ? h("small", {}, words(option.description)) : null));
  return h("div", { className: "choices", role: kind === "radio" ? "radiogroup" : "group", ariaLabel: where.label || "Choices" }, found.options.map(box));
}

function picker(type, toRaw = (value) => value, fromRaw = (value) => value) {
  return (found, where, blockId) => h("input", {
    type, className: "field", value: fromRaw(valueOf(where, blockId, found) || ""), ariaLabel: where.label || flat(found.placeholder) || "Choose",
    onchange: (event) => changed(where, blockId, found, toRaw(event.target.value) || null),
  });
}

const toSeconds = (value) => (value ? String(Math.floor(new Date(value).getTime() / 1000)) : "");
const fromSeconds = (value) => {
  if (!value) return "";
  const moment = new Date(Number(value) * 1000);
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
};

function textInput(found, where, blockId) {
  const onType = found.dispatch_action_config?.trigger_actions_on?.includes("on_character_entered");
  const type = { email_text_input: "email", url_text_input: "url", number_input: "text" }[found.type] || "text";
  const send = (event) => changed(where, blockId, found, event.target.value || null);
  return h(found.multiline ? "textarea" : "input", {
    ...(found.multiline ? { rows: 4 } : { type }), className: "field", value: valueOf(where, blockId, found) || "", id: where.id || "",
    inputMode: found.type === "number_input" ? (found.is_decimal_allowed ? "decimal" : "numeric") : null,
    placeholder: flat(found.placeholder), maxLength: found.max_length || 3000, ariaLabel: where.label || flat(found.placeholder) || "Text",
    autofocus: found.focus_on_load || null,
    oninput: (event) => (onType ? send(event) : pick(where.home, blockId, found.action_id, event.target.value || null)),
    onkeydown: (event) => { if (event.key === "Enter" && !found.multiline && !event.isComposing && !where.quiet) { event.preventDefault(); send(event); } },
  });
}

function fileInput(found, where, blockId) {
  const kept = h("span", { className: "faint" }, (valueOf(where, blockId, found) || []).length ? "A file is attached." : "");
  const take = async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    const answer = await upload(file);
    if (!answer.ok) return;
    pick(where.home, blockId, found.action_id, [answer.file]);
    kept.textContent = `${answer.name} is attached.`;
  };
  const accept = (found.filetypes || []).map((kind) => (kind === "text" ? "text/plain" : `.${kind}`)).join(",");
  return h("div", { className: "file-field" }, h("input", { type: "file", className: "field", accept, id: where.id || "", ariaLabel: where.label || "File", onchange: take }), kept);
}

const MAKERS = {
  button,
  file_input: fileInput,
  overflow,
  workflow_button: button,
  checkboxes: choices,
  radio_buttons: choices,
  datepicker: picker("date"),
  timepicker: picker("time"),
  datetimepicker: picker("datetime-local", toSeconds, fromSeconds),
};
for (const kind of ["static", "users", "channels", "conversations"]) {
  MAKERS[`${kind}_select`] = select;
  MAKERS[`multi_${kind}_select`] = multiSelect;
}
for (const kind of ["plain_text_input", "email_text_input", "url_text_input", "number_input"]) MAKERS[kind] = textInput;
