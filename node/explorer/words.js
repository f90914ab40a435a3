// Numbers, times, ids and states as people read them.

import { el } from "./dom.js";

/** A whole number in groups of three. */
export const whole = (number) => Math.round(Number(number)).toLocaleString("en-US");

/** A number with as many digits as help. */
export function number(value) {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return whole(value);
  return value.toLocaleString("en-US", { maximumSignificantDigits: 3 });
}

/** Bytes in the unit that fits. */
export function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (count >= 1024 && at < units.length - 1) {
    count /= 1024;
    at += 1;
  }
  return `${number(count)} ${units[at]}`;
}

/** A span of time. */
export function span(ms) {
  const seconds = Math.floor(ms / 1000);
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (seconds < 60) return `${number(ms / 1000)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A moment: today's by its time, others with the day. */
export function moment(ms) {
  if (!ms) return "no clock";
  const date = new Date(ms);
  const time = date.toLocaleTimeString("en-GB", { hour12: false });
  const millis = String(date.getMilliseconds()).padStart(3, "0");
  const today = date.toDateString() === new Date().toDateString();
  const day = date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
  return today ? `${time}.${millis}` : `${day}, ${time}`;
}

/** A moment with how long ago it was. */
export function ago(ms) {
  if (!ms) return "the device has no clock";
  const since = Date.now() - ms;
  return since < 0 ? moment(ms) : `${moment(ms)} (${span(since)} ago)`;
}

/** The start and the end of an id or an address. */
export function short(id, start = 8, end = 6) {
  return id.length <= start + end + 1 ? id : `${id.slice(0, start)}…${id.slice(-end)}`;
}

/** A link that shows a short id and says the whole one. */
function link(view, id, start, end) {
  const shown = short(id, start, end);
  return el("a", { class: "id", href: `#/${view}/${encodeURIComponent(id)}`, title: id }, shown);
}

export const txLink = (id, start, end) => link("tx", id, start, end);
export const bodyLink = (id, start, end) => link("body", id, start, end);
export const accountLink = (address, start = 11, end = 6) => link("account", address, start, end);

export const streamLink = (name) =>
  el("a", { href: `#/stream/${encodeURIComponent(name)}` }, name);

export const commitLink = (index) => el("a", { href: `#/commit/${index}` }, whole(index));

const KINDS = {
  data: "reading",
  transfer: "transfer",
  key_rotate: "key rotation",
  offer: "offer",
  offer_end: "end of an offer",
  channel_open: "channel",
  channel_top_up: "more for a channel",
  channel_claim: "claim of a channel",
  channel_close: "end of a channel",
  channel_withdraw: "wish to end a channel",
};

/** What a kind of body is called. */
export const kind = (name) => KINDS[name] ?? name.replaceAll("_", " ");

/** What became of something, as a pill. */
export function fate({ state, outcome, stale }) {
  const applied = !outcome || outcome.code === "applied";
  if (outcome && !applied) return pill("bad", `no effect: ${outcome.detail}`);
  if (state === "certified") return pill("good", "final, certified");
  if (state === "committed") return pill("good", "final");
  return stale ? pill("bad", "stale: attach it again") : pill("", "attached, waits for its place");
}

export const pill = (mood, text) => el("span", { class: `pill ${mood}` }, text);
