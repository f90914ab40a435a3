// How this node and its network are: pace, checks, peers.

import { chart } from "./chart.js";
import { el, empty, facts, figure, panel, replace, table } from "./dom.js";
import { often, peers, readiness, status } from "./node.js";
import { bytes, number, pill, short, span, whole } from "./words.js";

const BEAT_MS = 2000;
/** Three minutes. */
const HISTORY_MAX = 90;

/** Shows the view, and tells how to end it. */
export function network(main) {
  const parts = frame();
  replace(main, parts.all);
  const rates = [], times = [];
  return often(BEAT_MS, async () => {
    const asked = [status(), readiness(), peers()];
    const [now, ready, all] = await Promise.all(asked).catch(() => []);
    if (!now) {
      replace(parts.verdict, pill("bad", "the node does not answer"));
      return;
    }
    replace(parts.verdict, ready.ready ? pill("good", "ready") : pill("bad", "not ready"));
    figures(parts, now);
    keep(rates, [Date.now(), now.pace.ordered_per_second]);
    if (now.pace.final_p99_ms !== undefined) keep(times, [Date.now(), now.pace.final_p99_ms]);
    draw(parts.rates, rates, "Transactions ordered per second", "tx/s");
    draw(parts.times, times, "Time until final, slowest hundredth", "ms");
    replace(parts.checks, checks(ready.checks));
    replace(parts.peers, who(all.peers));
    replace(parts.node, about(now));
  });
}

function frame() {
  const names = ["Ordered", "Final, median", "Final, slowest 1%", "Commit", "Peers",
    "Waiting for order"];
  const figures = names.map(figure);
  const verdict = el("span", {});
  const [rates, times, checks, peers, node] = Array.from({ length: 5 }, () => el("div", {}));
  for (const chart of [rates, times]) chart.className = "inside";
  checks.className = node.className = "inside";
  const all = [
    el("div", { class: "title" }, el("h1", {}, "Network"), verdict),
    el("dl", { class: "figures" }, figures.map(({ element }) => element)),
    el("div", { class: "columns" }, panel("Throughput", "ordered per second", rates),
      panel("Time until final", "slowest hundredth of the last minute", times)),
    panel("Is it fit?", "what /readyz says", checks),
    panel("Peers", null, peers),
    panel("This node", null, node),
  ];
  return { all, figures, verdict, rates, times, checks, peers, node };
}

function figures({ figures: [ordered, p50, p99, commit, peers, waiting] }, now) {
  const { pace, finality } = now;
  const ms = (figure, value) => figure.set(value === undefined ? "–" : whole(value), "ms");
  ordered.set(number(pace.ordered_per_second), "tx/s");
  ms(p50, pace.final_p50_ms);
  ms(p99, pace.final_p99_ms);
  commit.set(whole(finality.committed));
  peers.set(whole(now.peers));
  waiting.set(whole(finality.unordered));
}

function keep(list, point) {
  list.push(point);
  if (list.length > HISTORY_MAX) list.shift();
}

function draw(place, points, label, unit) {
  if (points.length < 2) {
    replace(place, empty("A moment", "The curve begins with the second look."));
    return;
  }
  const end = points.at(-1)[0];
  const ticks = (at) => (end - at < 500 ? "now" : `−${span(end - at)}`);
  replace(place, chart(place, points, label, { unit, ticks, height: 180, floor: 0 }));
}

function checks(list) {
  return el("ul", { class: "checks" }, list.map(({ name, ok, detail }) =>
    el("li", { class: ok ? null : "bad" },
      el("span", { class: "mark", "aria-hidden": true }, ok ? "✓" : "✗"),
      el("span", {}, name, el("span", { class: "hidden" }, ok ? " is right: " : " is wrong: ")),
      el("span", { class: "detail" }, detail))));
}

function who(list) {
  if (!list.length) {
    return empty("No peers", "The node is alone, or cannot reach those that it was told of.");
  }
  return table("Peers", [["Node", ""], ["Address", ""], ["Dialled by", ""],
    ["Round trip", "number"], ["Sent", "number"], ["Received", "number"], ["Score", "number"],
    ["Gets", ""]],
  list.map((peer) => [
    el("code", { title: peer.id }, short(peer.id)), peer.address ?? peer.remote,
    peer.direction === "in" ? "it" : "this node", `${number(peer.rtt_ms)} ms`,
    bytes(peer.sent_bytes), bytes(peer.received_bytes), whole(peer.score),
    peer.eager ? "bytes" : "announcements"]));
}

function about(now) {
  const { finality, live, store } = now;
  return facts([
    ["Node", el("code", {}, now.node)],
    ["Genesis", el("code", {}, now.genesis)],
    ["Version", now.version],
    ["Up for", span(now.uptime_ms)],
    ["Validator", finality.signing],
    ["Certified", `up to commit ${whole(finality.certified)}`],
    ["Keeps", finality.lowest > 1 ? `commits from ${whole(finality.lowest)} on` : "all of history"],
    ["Transactions", `${whole(now.position)} in all, ${whole(live.count)} in memory`
      + ` (${bytes(live.bytes)}), ${whole(now.tips)} tips`],
    ["On disk", bytes(store.disk_bytes)],
  ]);
}
