// The frame: which view is shown, the search, the colours. A view is a function that fills `main`
// and may return how to end it: nothing that a view started goes on after it.

import { account } from "./account.js";
import { commit } from "./commit.js";
import { live } from "./dag.js";
import { announce, el, empty, replace } from "./dom.js";
import { market } from "./market.js";
import { network } from "./network.js";
import { status } from "./node.js";
import { search } from "./search.js";
import { stream } from "./stream.js";
import { body, transaction } from "./transaction.js";
import { short } from "./words.js";

const VIEWS = {
  "": ["Live", live, "live"],
  network: ["Network", network, "network"],
  market: ["Market", market, "market"],
  tx: ["Transaction", transaction],
  body: ["Body", body],
  account: ["Account", account],
  stream: ["Stream", stream],
  commit: ["Commit", commit],
};

const main = document.getElementById("main");
let leave = () => {};
let turn = 0;

async function show() {
  const [name = "", ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  const [title, view, tab] = VIEWS[name] ?? [];
  leave();
  leave = () => {};
  const own = ++turn;
  for (const link of document.querySelectorAll(".tabs a")) {
    if (link.dataset.view === tab) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  replace(main);
  if (!view) {
    replace(main, empty("There is no such view", "Look above for those that there are."));
    return;
  }
  document.title = `${title} · Weft explorer`;
  try {
    const end = await view(main, decodeURIComponent(rest.join("/")));
    // Whoever is slow may be gone already.
    if (own === turn) leave = end ?? (() => {});
    else end?.();
  } catch (trouble) {
    if (own === turn) replace(main, empty(`No ${title.toLowerCase()}`, trouble.message));
  }
  if (own === turn) announce(`${title} view`);
}

function colours() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  const apply = () => {
    const theme = stored() ?? (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    const other = theme === "dark" ? "light" : "dark";
    button.setAttribute("aria-label", `Use the ${other} colours`);
    document.dispatchEvent(new Event("theme"));
  };
  button.addEventListener("click", () => {
    const now = document.documentElement.dataset.theme;
    store(now === "dark" ? "light" : "dark");
    apply();
  });
  dark.addEventListener("change", apply);
  apply();
}

/** What was chosen before. A browser that keeps nothing is no reason to fail. */
function stored() {
  try {
    return localStorage.getItem("weft.theme");
  } catch {
    return null;
  }
}

function store(theme) {
  try {
    localStorage.setItem("weft.theme", theme);
  } catch {
    document.documentElement.dataset.theme = theme;
  }
}

async function introduce() {
  const place = document.getElementById("place");
  const node = document.getElementById("node");
  try {
    const { label, network: number, node: id, version } = await status();
    place.textContent = `${label} · ${number}`;
    replace(node, "Served by node ", el("code", { title: id }, short(id)), `, version ${version}`);
  } catch (trouble) {
    node.textContent = trouble.message;
  }
}

colours();
search(document.getElementById("search"));
introduce();
addEventListener("hashchange", () => {
  show().then(() => main.focus({ preventScroll: false }));
  scrollTo(0, 0);
});
show();
