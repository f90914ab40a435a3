// Makes elements. Text always becomes a text node, so nothing that a stranger posted is ever read
// as markup; there is no way in here to set markup at all.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; `on…` attributes are listeners. */
export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same, of a drawing. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter(isThere));
  return element;
}

/** What is not there is left out, so that a condition may stand before a child. */
const isThere = (child) => child !== null && child !== undefined && child !== false;

/** Puts `children` where others were. */
export function replace(parent, ...children) {
  parent.replaceChildren(...children.flat().filter(isThere));
}

/** A panel with a heading. */
export function panel(heading, side, ...inside) {
  return el(
    "section",
    { class: "panel" },
    el("header", {}, el("h2", {}, heading), side && el("span", { class: "side" }, side)),
    ...inside,
  );
}

/** A list of names and what they are. Entries without a value are left out. */
export function facts(entries) {
  const shown = entries.filter((entry) => entry && entry[1] !== undefined && entry[1] !== null);
  return el("dl", { class: "facts" }, shown.map(([name, value]) => [
    el("dt", {}, name),
    el("dd", {}, value),
  ]).flat());
}

/** A figure that can be changed later: an element, and how to set it. */
export function figure(name) {
  const value = el("dd", {}, "–");
  const element = el("div", { class: "panel figure" }, el("dt", {}, name), value);
  const set = (text, unit = "") => {
    replace(value, text, unit && el("small", {}, ` ${unit}`));
  };
  return { element, set };
}

/** A table. `columns` are [heading, class]; `rows` are lists of cells. */
export function table(caption, columns, rows) {
  const head = columns.map(([heading, kind]) => el("th", { scope: "col", class: kind }, heading));
  const line = (cells) => el("tr", {}, cells.map((cell, at) =>
    el("td", { class: columns[at][1] }, cell)));
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    el(
      "table",
      {},
      el("caption", { class: "hidden" }, caption),
      el("thead", {}, el("tr", {}, head)),
      el("tbody", {}, rows.map(line)),
    ),
  );
}

/** A place that has nothing to show, and why. */
export function empty(what, why, ...more) {
  return el("div", { class: "empty" }, el("strong", {}, what), why, ...more);
}

/** Buttons of which one is pressed. `choose` gets the name of the new one. */
export function choice(label, names, first, choose) {
  const buttons = names.map((name) => el("button", {
    type: "button",
    "aria-pressed": String(name === first),
    onclick: () => {
      for (const button of buttons) {
        button.setAttribute("aria-pressed", String(button.textContent === name));
      }
      choose(name);
    },
  }, name));
  return el("div", { class: "choice", role: "group", "aria-label": label }, buttons);
}

/** Says something to those who do not see the page. */
export function announce(text) {
  document.getElementById("announce").textContent = text;
}
