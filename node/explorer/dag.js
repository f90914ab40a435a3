// The live view: the Tangle as it grows, what it does a second, and the same as a table.

import { Canvas } from "./canvas.js";
import { announce, choice, el, facts, figure, panel, replace, table } from "./dom.js";
import { listen, often, status } from "./node.js";
import { Picture } from "./picture.js";
import { accountLink, commitLink, kind, moment, number, pill, span, streamLink, txLink, whole }
  from "./words.js";

const STATUS_MS = 2000;
const LISTS_MS = 1000;
const RENEW_MS = 300;
const STREAMS_MAX = 8;

/** Shows the view, and tells how to end it. */
export function live(main) {
  const picture = new Picture();
  const parts = frame();
  const canvas = new Canvas(parts.canvas, picture);
  replace(main, parts.all);
  const pause = hands(canvas, parts);
  const ends = [
    watch(picture, parts),
    figures(parts.figures),
    lists(picture, parts),
    draw(canvas),
    pause,
  ];
  return () => ends.forEach((end) => end());
}

/** All that is on the page. */
function frame() {
  const names = { rate: "Attached", p50: "Final, median", p99: "Final, slowest 1%",
    commit: "Commit", tips: "Tips" };
  const entries = Object.entries(names).map(([name, title]) => [name, figure(title)]);
  const figures = Object.fromEntries(entries);
  const canvas = el("canvas", {
    tabindex: 0, role: "application", "aria-label": "Picture of the newest transactions",
    "aria-describedby": "picture-help",
  });
  const sample = el("span", { class: "side" }, "Connecting …");
  const tools = el("div", { class: "row" });
  const stage = el("div", { class: "picture" }, canvas);
  const legend = [["tip", "tip"], ["waits", "waits for its place"], ["done", "final"],
    ["lost", "without effect"], ["point", "checkpoint that led to a commit"]];
  const shown = el(
    "section",
    { class: "panel", "aria-label": "Live picture" },
    el("header", {}, el("h2", {}, "The Tangle, now"), sample, tools),
    stage,
    el("div", { class: "inside" }, el("div", { class: "legend" }, legend.map(([name, text]) =>
      el("span", {}, el("i", { class: name }), text)))),
    el("p", { class: "hidden", id: "picture-help" }, "Arrow keys go from one transaction to the"
      + " next, Enter opens one, Escape lets go, space pauses. The table below says the same."),
  );
  const commits = el("div", {});
  const streams = el("div", {});
  const rows = el("div", {});
  const details = el("details", { class: "panel" }, el("summary", {}, "The same as a table"), rows);
  const all = [
    el("div", { class: "title" }, el("h1", {}, "Live"), el("p", { class: "lead" },
      "Every dot is a signed transaction, hung below two earlier ones.")),
    el("dl", { class: "figures" }, entries.map(([, { element }]) => element)),
    shown,
    el("div", { class: "columns" }, panel("Newest commits", null, commits),
      panel("Active streams", "of those in the picture", streams)),
    details,
  ];
  return { all, figures, canvas, sample, tools, stage, commits, streams, details, rows };
}

function watch(picture, { sample }) {
  const phone = innerWidth < 640;
  return listen(`/v1/dag?rate=${phone ? 40 : 80}`, {
    beat: (beat) => {
      picture.take(beat);
      const rates = picture.rates();
      if (rates) replace(sample, said(rates));
    },
  }, (stands) => {
    if (!stands) replace(sample, "The node does not answer; trying again …");
  });
}

/** How much of what happens is in the picture. */
function said({ attached, shown, missed }) {
  if (missed > 0) return "This browser is too slow to see everything";
  if (attached < 0.05) return "Quiet: nothing is being attached";
  if (shown > attached * 0.98) return `All of ${number(attached)} transactions a second`;
  return `A sample: ${whole(shown)} of ${whole(attached)} transactions a second`;
}

function figures({ rate, p50, p99, commit, tips }) {
  return often(STATUS_MS, async () => {
    const now = await status().catch(() => null);
    if (!now) return;
    const { pace } = now;
    rate.set(number(pace.attached_per_second), "tx/s");
    p50.set(pace.final_p50_ms === undefined ? "–" : whole(pace.final_p50_ms), "ms");
    p99.set(pace.final_p99_ms === undefined ? "–" : whole(pace.final_p99_ms), "ms");
    commit.set(whole(now.finality.committed));
    tips.set(whole(now.tips));
  });
}

/** The lists below the picture. */
function lists(picture, { commits, streams, details, rows }) {
  return often(LISTS_MS, () => {
    const newest = picture.checkpoints.slice(-STREAMS_MAX).reverse();
    replace(commits, table("Newest commits", [["Commit", ""], ["Ordered", "number"],
      ["Validator", "number"], ["Made", ""]], newest.map((checkpoint) => [
      commitLink(checkpoint.commit), whole(checkpoint.ordered), String(checkpoint.leader),
      moment(checkpoint.at)])));
    const counts = new Map();
    for (const { stream } of picture.vertices.values()) {
      if (stream !== undefined) counts.set(stream, (counts.get(stream) ?? 0) + 1);
    }
    const most = [...counts].sort((a, b) => b[1] - a[1]).slice(0, STREAMS_MAX);
    replace(streams, table("Active streams", [["Stream", "wide"], ["In the picture", "number"]],
      most.map(([name, count]) => [streamLink(name), whole(count)])));
    if (details.open) {
      replace(rows, table("Newest transactions", [["Transaction", ""], ["Kind", ""],
        ["Issuer", ""], ["Attached", ""], ["State", ""]], picture.newest(20).map((vertex) => [
        txLink(vertex.id), kind(vertex.kind), accountLink(vertex.issuer), moment(vertex.at),
        state(vertex)])));
    }
  });
}

const stateOf = ({ state, tip }) => `${state} ${tip}`;

function state({ state, outcome, tip }) {
  if (state === "done") return pill("good", "final");
  if (state === "lost") return pill("bad", outcome.replaceAll("_", " "));
  return pill("", tip ? "tip" : "waits");
}

/** Draws as often as the screen shows; a page that is not seen is not drawn. */
function draw(canvas) {
  let frame;
  const round = () => {
    canvas.draw();
    frame = requestAnimationFrame(round);
  };
  round();
  const recolour = () => canvas.colour();
  document.addEventListener("theme", recolour);
  return () => {
    cancelAnimationFrame(frame);
    document.removeEventListener("theme", recolour);
  };
}

/** Pointer, keys and buttons. Returns how to let go of them. */
function hands(canvas, { canvas: element, tools, stage }) {
  const pause = el("button", { class: "button", type: "button", "aria-pressed": "false" }, "Pause");
  const toggle = () => {
    canvas.freeze(!canvas.isFrozen);
    pause.textContent = canvas.isFrozen ? "Go on" : "Pause";
    pause.setAttribute("aria-pressed", String(canvas.isFrozen));
  };
  pause.addEventListener("click", toggle);
  replace(tools, choice("Layout", ["Lanes", "Free"], "Lanes", (name) => {
    canvas.layout = name;
  }), pause);
  let card;
  const renew = (vertex) => {
    card?.remove();
    card = detail(vertex, () => {
      select(null);
      element.focus();
    });
    card.dataset.state = stateOf(vertex);
    stage.append(card);
  };
  const select = (vertex) => {
    card?.remove();
    card = undefined;
    canvas.selected = vertex ?? null;
    if (!vertex) return;
    renew(vertex);
    announce(`${kind(vertex.kind)} of ${vertex.issuer.slice(-6)}, ${vertex.state}`);
  };
  // What is selected goes on, and leaves with the picture.
  const timer = setInterval(() => {
    const chosen = canvas.selected;
    if (!chosen) return;
    if (!canvas.picture.vertices.has(chosen.number)) select(null);
    else if (card && card.dataset.state !== stateOf(chosen)) renew(chosen);
  }, RENEW_MS);
  const spot = (event) => {
    const box = element.getBoundingClientRect();
    return canvas.at(event.clientX - box.left, event.clientY - box.top);
  };
  element.addEventListener("pointermove", (event) => {
    const { vertex, checkpoint } = spot(event);
    canvas.hovered = vertex ?? null;
    element.style.cursor = vertex || checkpoint ? "pointer" : "default";
  });
  element.addEventListener("pointerleave", () => (canvas.hovered = null));
  element.addEventListener("click", (event) => {
    const { vertex, checkpoint } = spot(event);
    if (checkpoint) location.hash = `/commit/${checkpoint.commit}`;
    else select(vertex);
  });
  element.addEventListener("keydown", (event) => {
    const act = {
      Enter: () => canvas.selected && (location.hash = `/tx/${canvas.selected.id}`),
      Escape: () => select(null),
      " ": toggle,
    }[event.key] ?? (event.key.startsWith("Arrow") && (() => select(canvas.next(event.key))));
    if (!act) return;
    event.preventDefault();
    act();
  });
  return () => clearInterval(timer);
}

/** What is known of one vertex; the rest is on its own page. */
function detail(vertex, close) {
  const took = vertex.settled ? span(Math.max(0, vertex.settled - vertex.at)) : null;
  return el(
    "div",
    { class: "card", role: "group", "aria-label": "Selected transaction" },
    el("button", { class: "close", type: "button", "aria-label": "Close", onclick: close }, "×"),
    el("div", { class: "row" }, el("strong", {}, kind(vertex.kind)), state(vertex)),
    facts([
      ["Id", txLink(vertex.id, 12, 8)],
      ["Issuer", accountLink(vertex.issuer)],
      vertex.stream !== undefined && ["Stream", streamLink(vertex.stream)],
      ["Attached", moment(vertex.at)],
      took && ["Final in", `about ${took}`],
    ]),
    el("a", { class: "button", href: `#/tx/${vertex.id}` }, "Open it, and check its proof"),
  );
}
