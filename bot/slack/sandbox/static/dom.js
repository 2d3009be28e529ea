// Builds elements from plain values; text stays text, so nothing a message says can become markup.

export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && !["list", "form"].includes(name)) node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const ICONS = {
  hash: "M6 3 4.5 15M12.5 3 11 15M2.5 6.5h12M2 11.5h12",
  home: "M2.5 8 9 2.5 15.5 8v7.5h-4V11h-5v4.5h-4z",
  mail: "M2 4h14v10.5H2zM2 4.5l7 5.5 7-5.5",
  close: "M4 4l10 10M14 4 4 14",
  menu: "M2.5 4.5h13M2.5 9h13M2.5 13.5h13",
  send: "M3 3l12.5 6L3 15l2-6zM5 9h6",
  thread: "M3 3.5h12v8.5H8l-3.5 3V12H3z",
  more: "M4 9h.01M9 9h.01M14 9h.01",
  eye: "M1.5 9S4 4 9 4s7.5 5 7.5 5-2.5 5-7.5 5S1.5 9 1.5 9zM9 11a2 2 0 1 0 0-4 2 2 0 0 0 0 4",
  back: "M11 3.5 5.5 9l5.5 5.5",
  link: "M7.5 10.5l3-3M8 5l1.5-1.5a3.2 3.2 0 0 1 4.5 4.5L12.5 9.5M10 13l-1.5 1.5a3.2 3.2 0 0 1-4.5-4.5L5.5 8.5",
  clip: "M12.5 6.5 7.2 11.8a1.8 1.8 0 0 0 2.6 2.6l5-5a3.3 3.3 0 0 0-4.7-4.7L5 9.8a4.8 4.8 0 0 0 0 .1",
  moon: "M14.5 10.5A6 6 0 0 1 7.5 3.5a6 6 0 1 0 7 7z",
};

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 18 18");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

// Keeps the nodes whose key and stamp are unchanged, so focus, scroll and typed text survive a redraw; says whether anything is different.
const made = new WeakMap();
export function keyed(container, items) {
  const before = new Map([...container.children].map((node) => [made.get(node)?.key, node]));
  const wanted = items.map(({ key, stamp, make }) => {
    const old = before.get(key);
    if (old && made.get(old).stamp === stamp) return old;
    const node = make();
    made.set(node, { key, stamp });
    return node;
  });
  const stays = new Set(wanted);
  let changed = false;
  // What goes is taken out first: a node that is moved loses its focus.
  for (const node of [...container.children]) {
    if (stays.has(node)) continue;
    node.remove();
    changed = true;
  }
  wanted.forEach((node, index) => {
    const there = container.children[index];
    if (there === node) return;
    container.insertBefore(node, there || null);
    changed = true;
  });
  return changed;
}

// Fills a node only when its stamp is another one than before.
const stamps = new WeakMap();
export function stamped(node, stamp, make) {
  if (stamps.get(node) === stamp) return false;
  stamps.set(node, stamp);
  node.replaceChildren(...make().flat(Infinity).filter(Boolean));
  return true;
}

export function initials(name) {
  return name.split(/\s+/).filter(Boolean).map((part) => part[0]).slice(0, 2).join("").toUpperCase();
}

export function avatar(who, size = "") {
  if (!who.color) return h("span", { className: `avatar bot ${size}`, ariaHidden: "true" }, h("img", { src: "/static/icon.svg", alt: "" }));
  const node = h("span", { className: `avatar ${size}`, ariaHidden: "true" }, initials(who.name));
  node.style.background = `#${who.color}`;
  return node;
}
