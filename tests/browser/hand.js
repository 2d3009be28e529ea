// A hand on the sandbox's page: presses what is there by the words on it, and waits for what a person would then see.
window.hand = (() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const form = () => document.querySelector("#layer dialog[open]");
  const asked = () => document.querySelector('dialog[role="alertdialog"][open]');
  const whispers = () => all("#main .whisper");
  const trouble = () => all(".failed, .toast.error").map((node) => node.textContent).join("; ");
  const words = (node) => node.innerText.trim();

  // A spinner that turns for as long as a bot thinks is drawn sixty times a second, by a machine without a graphics card.
  const still = new CSSStyleSheet();
  still.replaceSync("* { animation: none !important; transition: none !important }");
  document.adoptedStyleSheets.push(still);

  // What `look` finds, as soon as the page shows it.
  function until(what, look, patience = 20000) {
    return new Promise((resolve, reject) => {
      const watch = new MutationObserver(() => check());
      const late = setTimeout(() => end(() => reject(new Error(`Nobody saw ${what}. ${trouble()}`))), patience);
      const end = (how) => { watch.disconnect(); clearTimeout(late); how(); };
      const check = () => { const found = look(); if (found) end(() => resolve(found)); return found; };
      if (!check()) watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    });
  }

  async function become(name) {
    const choose = document.getElementById("acting-as");
    const who = [...choose.options].find((option) => option.text === name);
    choose.value = who.value;
    choose.dispatchEvent(new Event("change"));
    await until(`the page of ${name}`, () => document.getElementById("main").dataset.scene?.startsWith(`${who.value}/`));
  }

  async function go(room) {
    const link = all("#rail a.room").find((each) => each.querySelector("span:not(.avatar)").textContent === room);
    link.click();
    await until(`the room ${room}`, () => document.querySelector("#main h1")?.textContent === room);
  }

  const message = (ts) => document.getElementById(`m-${ts}`);
  // A message by its ts, the Home tab by `home`, one block of it by `home:` and the block's name.
  const place = (ts) => (ts.startsWith("home") ? document.querySelector(ts === "home" ? "#main .home-page" : `#main [data-block="${ts.slice(5)}"]`) : message(ts));
  const buttons = (ts) => all("button.btn:not(.square), .overflow [role=menuitem]", place(ts) || document.createElement("i"));
  const inbox = () => all('#main [data-block^="home-gate-"]').map((each) => [`home:${each.dataset.block}`, labels(`home:${each.dataset.block}`)]);
  const labels = (ts) => buttons(ts).map((button) => button.textContent);

  // Presses and answers `told` (a private answer), `form`, `drawn` (the button is gone), `thread` (a reply came) or `trouble`.
  async function press(ts, label, patience) {
    await until(`the button ${label}`, () => buttons(ts).some((each) => each.textContent === label && !each.disabled));
    const button = buttons(ts).find((each) => each.textContent === label);
    const heard = new Set(whispers().map((each) => each.id));
    const replies = () => place(ts)?.querySelector(".thread-line b")?.textContent;
    const before = { replies: replies(), form: form()?.dataset.view };
    let sure = "";
    if (button.closest(".menu")) button.closest(".overflow").querySelector("button").click();
    button.click();
    return until(`what follows from ${label}`, () => {
      if (asked()) {
        sure = words(asked());
        asked().querySelector("footer .btn:last-child").click();
        return null;
      }
      const told = whispers().find((each) => !heard.has(each.id));
      if (told) return { told: words(told.querySelector(".content")), sure };
      if (form() && form().dataset.view !== before.form) return { form: words(form().querySelector("h2")), says: words(form()), sure };
      if (trouble()) return { trouble: trouble(), sure };
      if (replies() !== before.replies) return { thread: replies(), sure };
      if (!labels(ts).includes(label)) return { drawn: place(ts) ? words(place(ts)) : "", sure };
      return null;
    }, patience);
  }

  function fill(values) {
    for (const [label, value] of Object.entries(values)) {
      const field = all("input, textarea, select", form()).find((each) => (each.ariaLabel || each.closest("label")?.textContent || "").startsWith(label));
      if (!field) throw new Error(`No field ${label} in: ${words(form())}`);
      if (field.type === "checkbox" || field.type === "radio") field.click();
      else {
        field.value = field.tagName === "SELECT" ? [...field.options].find((each) => each.text.startsWith(value)).value : value;
        for (const name of ["input", "change"]) field.dispatchEvent(new Event(name, { bubbles: true }));
      }
    }
  }

  // Sends the form: `wrong` lists what stands newly under its fields, `form` is the next one, `closed` means it was taken.
  async function send(values = {}) {
    await until("a form that can be sent", () => form()?.querySelector("footer .primary:not(:disabled)"));
    fill(values);
    const view = form().dataset.view;
    const before = words(form().querySelector("h2"));
    const known = new Set(all(".wrong", form()));
    form().querySelector("footer .primary").click();
    return until("what became of the form", () => {
      if (!form()) return { closed: true };
      if (trouble()) return { trouble: trouble() };
      const wrong = all(".wrong", form()).filter((each) => !known.has(each)).map((each) => words(each.querySelector(".note")));
      if (wrong.length) return { wrong };
      return form().dataset.view !== view || words(form().querySelector("h2")) !== before ? { form: words(form().querySelector("h2")), says: words(form()) } : null;
    });
  }

  const until_form = (title) => until(`the form ${title}`, () => form() && words(form().querySelector("h2")) === title);

  const form_reads = (said) => until(`a form with “${said}”`, () => form() && words(form()).includes(said) && words(form()));

  // What the menu of a message offers besides its buttons.
  async function shortcut(ts, name) {
    const menu = all(".tools [role=menuitem]", message(ts)).find((each) => each.firstChild.textContent === name);
    menu.closest(".tools").querySelector('[aria-label="More actions"]').click();
    menu.click();
  }

  async function leave() {
    form().querySelector('header [aria-label="Close"]').click();
    await until("the form gone", () => !form());
  }

  // Presses all of these one after the other without waiting for answers, and tells what was then said to this person alone.
  async function burst(ts, wanted) {
    const heard = new Set(whispers().map((each) => each.id));
    for (const label of wanted) await click(ts, label);
    const fresh = () => whispers().filter((each) => !heard.has(each.id));
    await until(`${wanted.length} answers, but ${fresh().length}`, () => trouble() || form() || fresh().length >= wanted.length);
    return { told: fresh().map((each) => words(each.querySelector(".content"))), trouble: trouble(), form: form() ? words(form()) : "" };
  }

  // Presses these, leaving every form as it is, and tells what each did: an app that opens a form closes the one before.
  async function survey(ts, wanted) {
    const found = {};
    for (const label of wanted) found[label] = await press(ts, label);
    if (form()) await leave();
    return found;
  }

  // The message as it is once these words stand on it.
  const reads = (ts, said) => until(`“${said}”`, () => place(ts) && words(place(ts)).includes(said) && words(place(ts)));

  // Only presses, and says yes where the page asks whether that was meant.
  async function click(ts, label) {
    const button = await until(`the button ${label}`, () => buttons(ts).find((each) => each.textContent === label && !each.disabled));
    if (button.closest(".menu")) button.closest(".overflow").querySelector("button").click();
    button.click();
    await Promise.resolve();
    const sure = asked() ? words(asked()) : "";
    if (asked()) asked().querySelector("footer .btn:last-child").click();
    return sure;
  }

  // An answer given, with the form on the way filled in; whether anything came of it only the message will tell.
  async function answer(ts, label, values) {
    const heard = whispers().length;
    const sure = await click(ts, label);
    const found = await until(`what follows from ${label}`, () => {
      if (form()) return { says: words(form()) };
      if (whispers().length > heard || trouble()) return { told: words(whispers().at(-1) || document.body) };
      return labels(ts).includes(label) ? null : { drawn: words(place(ts)) };
    });
    if (!found.says) return { ...found, sure };
    const sent = await send(Object.fromEntries(Object.entries(values).filter(([name]) => found.says.includes(name))));
    return { ...sent, says: found.says, sure };
  }

  // One answer from the press to the message that says by whom.
  async function decide(ts, label, values, said) {
    const given = await answer(ts, label, values);
    if (!given.drawn && !given.closed) return given;
    return { ...given, drawn: await reads(ts, said), left: labels(ts) };
  }

  // These words stand in the thread of the message, which is opened for it and closed again.
  async function until_replied(ts, ...said) {
    const line = await until("a reply", () => place(ts)?.querySelector(".thread-line"));
    line.click();
    const thread = document.getElementById("thread");
    await until(`a reply with ${said}`, () => said.every((each) => thread.innerText.includes(each)));
    thread.querySelector('[aria-label="Close thread"]').click();
  }

  const thread = (ts) => message(ts).querySelector('.tools [aria-label="Reply in thread"]').click();
  const said = (text) => until(`“${text}”`, () => all("#main article").find((each) => each.innerText.includes(text))?.id.slice(2));

  return { said, thread, until_replied, until_form, form_reads, shortcut, inbox, become, click, answer, decide, go, labels, press, fill, send, leave, burst, survey, reads, until, trouble, say: words };
})();
