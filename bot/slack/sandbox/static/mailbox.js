// The mailbox: letters from the bot, shown in a frame that can do nothing, and answered as from a mail client.
import { avatar, h, icon, keyed } from "./dom.js";
import { at, dayOf } from "./mrkdwn.js";
import { me, post, redraw, toast, world } from "./world.js";

let mode = "html";

export function drawMailbox(main) {
  const letters = world.picture.mail;
  const open = letters.find((letter) => letter.id === world.mail);
  let frame = main.querySelector(":scope > .mailbox");
  if (!frame) {
    frame = h("div", { className: "mailbox" }, h("div", { className: "letters", role: "list", ariaLabel: "Letters" }), h("div", { className: "letter-pane" }));
    main.append(frame);
  }
  frame.classList.toggle("reading", Boolean(open));
  const rows = letters.length ? letters.map(row) : [{ key: "none", stamp: "none", make: () => h("p", { className: "empty" }, `No mail for ${me().email} yet.`) }];
  keyed(frame.firstElementChild, rows);
  const answers = open ? letters.filter((letter) => letter.in_reply_to && letter.in_reply_to === open.message_id).reverse() : [];
  keyed(frame.lastElementChild, [open ? { key: `letter-${open.id}`, stamp: `${mode}/${answers.length}`, make: () => letterOf(open, answers) } : { key: "nothing", stamp: 0, make: () => h("p", { className: "empty" }, "Choose a letter to read it.") }]);
}

function row(letter) {
  const current = letter.id === world.mail;
  const sent = letter.direction === "out";
  return { key: String(letter.id), stamp: `${letter.read}/${current}/${world.me}`, make: () => h("a", { role: "listitem", className: `row ${current ? "current" : ""} ${letter.read || sent ? "" : "unread"}`, href: `#/mail/${letter.id}`, ariaCurrent: current ? "true" : null },
    h("span", { className: "row-top" }, h("strong", {}, sent ? `To ${letter.to}` : letter.from), h("time", {}, when(letter.at))),
    h("span", { className: "subject" }, letter.subject || "(no subject)"),
    h("span", { className: "snippet" }, sent ? h("em", {}, "Sent · ") : null, sent ? ownWords(letter.text) : letter.snippet)) };
}

// A clock time stays true however long the list stands there.
const when = (seconds) => at(seconds, dayOf(seconds) === dayOf(Date.now() / 1000) ? { hour: "2-digit", minute: "2-digit" } : { month: "short", day: "numeric" });

function letterOf(letter, answers) {
  const sent = letter.direction === "out";
  return h("div", { className: "letter" },
    h("header", {},
      h("a", { className: "icon-btn back", href: "#/mail", ariaLabel: "Back to the letters" }, icon("back")),
      h("h2", {}, letter.subject || "(no subject)"),
      h("div", { className: "parties" }, sent ? avatar(me()) : avatar({ name: letter.from, bot: true }),
        h("div", {}, h("div", {}, h("strong", {}, letter.from), ` <${letter.address}>`), h("div", { className: "faint" }, `to ${letter.to} · ${at(letter.at, { dateStyle: "medium", timeStyle: "short" })}`)),
        letter.has_html ? modes() : null)),
    mode === "html" && letter.has_html ? framed(letter) : h("pre", { className: "letter-text" }, letter.text),
    answers.map((answer) => h("div", { className: "answer" }, h("div", {}, avatar(me(), "tiny"), h("strong", {}, answer.from), h("time", { className: "faint" }, when(answer.at))), h("pre", { className: "letter-text" }, ownWords(answer.text)))),
    sent ? null : reply(letter));
}

const ownWords = (text) => text.split(/\r?\n\r?\nOn .+? wrote:\r?\n/s)[0];

function modes() {
  const choose = (name) => () => { mode = name; redraw(); };
  const tab = (name, label) => h("button", { type: "button", className: "btn", ariaPressed: String(mode === name), onclick: choose(name) }, label);
  return h("div", { className: "modes", role: "group", ariaLabel: "Show as" }, tab("html", "HTML"), tab("text", "Text"));
}

function framed(letter) {
  const frame = h("iframe", { title: `Letter: ${letter.subject}`, src: `/sandbox/mail/${letter.id}/html?as=${world.me}`, referrerPolicy: "no-referrer" });
  frame.setAttribute("sandbox", "allow-same-origin allow-popups allow-popups-to-escape-sandbox");
  // As tall as the letter, also after the pane became narrower, so that nothing scrolls inside what scrolls.
  // Once the letter was left there is no page in the frame any more.
  const fit = () => { frame.style.height = "0"; frame.style.height = `${Math.min(8000, (frame.contentDocument?.documentElement.scrollHeight || 0) + 16)}px`; };
  frame.addEventListener("load", () => { let width = 0; new ResizeObserver(() => { if (frame.contentDocument && frame.clientWidth !== width) { width = frame.clientWidth; fit(); } }).observe(frame); });
  return frame;
}

function reply(letter) {
  const field = h("textarea", { className: "field", rows: 4, placeholder: "Write your reply…", ariaLabel: `Reply to ${letter.from}` });
  const button = h("button", { type: "submit", className: "btn primary" }, "Send reply");
  const send = async (event) => {
    event.preventDefault();
    if (!field.value.trim()) { field.focus(); return; }
    button.disabled = true;
    const answer = await post("mail/reply", { mail_id: letter.id, text: field.value });
    button.disabled = false;
    if (answer.ok) { field.value = ""; toast("Reply sent.", "good"); }
  };
  return h("form", { className: "reply", onsubmit: send }, field, h("div", {}, h("span", { className: "faint" }, `as ${me().email}; the letter is quoted below`), button));
}

export function readLetter(id) {
  world.mail = id;
  const letter = world.picture?.mail.find((each) => each.id === id);
  if (letter && letter.direction === "in" && !letter.read) post("mail", { mail_id: id });
}
