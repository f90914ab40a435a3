// A stream: its readings as a curve and as a list, and what comes, as it comes.

import { chart } from "./chart.js";
import { announce, choice, el, empty, figure, panel, replace, table } from "./dom.js";
import { json, listen, status } from "./node.js";
import { unpacked } from "./said.js";
import { accountLink, ago, moment, number, txLink, whole } from "./words.js";

/** Readings kept and drawn. */
const READINGS_MAX = 400;
/** New readings taken a second: more would be a blur, and are counted instead. */
const TAKEN_MAX = 40;
const REDRAW_MS = 400;
const LISTED = 20;

/** Shows the view, and tells how to end it. */
export async function stream(main, name) {
  const readings = await newest(name);
  const shown = { name, readings, field: null, fields: [], taken: 0, seen: 0, since: Date.now() };
  const parts = frame(name);
  replace(main, parts.all);
  render(shown, parts);
  const after = readings.at(-1)?.cursor;
  const query = new URLSearchParams({ stream: name, ...(after && { after }) });
  let fresh = false;
  const end = listen(`/v1/events?${query}`, {
    attached: (reading) => {
      fresh = take(shown, reading) || fresh;
    },
    lagged: () => announce("Some readings were too fast to show"),
  }, (stands) => {
    parts.live.textContent = stands ? "live" : "the node does not answer; trying again …";
  });
  const timer = setInterval(() => {
    pace(shown, parts);
    if (fresh) render(shown, parts);
    fresh = false;
  }, REDRAW_MS);
  return () => {
    end();
    clearInterval(timer);
  };
}

function frame(name) {
  const live = el("span", { class: "side" }, "…");
  const [last, least, most, rate] =
    [figure("Newest"), figure("Lowest"), figure("Highest"), figure("Readings shown")];
  const picture = el("div", { class: "inside" });
  const fields = el("div", {});
  const list = el("div", {});
  const all = [
    el("div", { class: "title" }, el("h1", {}, name), el("p", { class: "lead" }, "Stream")),
    el("dl", { class: "figures" }, [last, least, most, rate].map(({ element }) => element)),
    el("section", { class: "panel", "aria-label": "Chart" },
      el("header", {}, el("h2", {}, "Readings"), live, fields), picture),
    panel("Newest readings", null, list),
  ];
  return { all, live, last, least, most, rate, picture, fields, list };
}

/**
 * The newest readings. The API reads upwards from a cursor of the whole node, so this steps back
 * from the end, further each time, until there are enough.
 */
async function newest(name) {
  const path = `/v1/streams/${encodeURIComponent(name)}/readings`;
  const end = Number((await status()).position);
  for (let back = 2000; ; back *= 8) {
    let after = String(Math.max(0, end - back));
    const found = [];
    for (let pages = 0; pages < 12; pages += 1) {
      const page = await json(`${path}?limit=1000&after=${after}`);
      found.push(...page.readings.flatMap(each));
      if (page.next === after) break;
      after = page.next;
    }
    if (found.length >= READINGS_MAX || back >= end) return found.slice(-READINGS_MAX);
  }
}

/** A reading, or those that were put together in it. */
const each = (reading) => unpacked(reading)?.map(({ time, text, data }) =>
  ({ ...reading, time, text, data })) ?? [reading];

function take(shown, reading) {
  const readings = each(reading);
  shown.seen += readings.length;
  if (Number(reading.cursor) <= Number(shown.readings.at(-1)?.cursor ?? 0)) return false;
  if (shown.taken >= TAKEN_MAX) return false;
  shown.taken += readings.length;
  shown.readings.push(...readings);
  shown.readings.splice(0, shown.readings.length - READINGS_MAX);
  return true;
}

/** Once a second: says how many came, if not all of them are shown. */
function pace(shown, { live }) {
  const seconds = (Date.now() - shown.since) / 1000;
  if (seconds < 1) return;
  if (shown.seen > shown.taken && shown.taken >= TAKEN_MAX) {
    live.textContent = `a sample: ${whole(shown.taken / seconds)} of`
      + ` ${whole(shown.seen / seconds)} readings a second`;
  } else if (live.textContent.startsWith("a sample")) {
    live.textContent = "live";
  }
  Object.assign(shown, { taken: 0, seen: 0, since: Date.now() });
}

function render(shown, parts) {
  const { readings, name } = shown;
  if (!readings.length) {
    replace(parts.picture, empty("No readings yet", "This page shows them as they come."));
    return;
  }
  const fields = numeric(readings.slice(-50));
  // The nameless number is a field too: no fields, and that one alone, join to the same text.
  if (JSON.stringify(fields) !== JSON.stringify(shown.fields)) {
    Object.assign(shown, { fields, field: fields.includes(shown.field) ? shown.field : fields[0] });
    const choose = (field) => {
      shown.field = field;
      render(shown, parts);
    };
    const many = fields.length > 1;
    replace(parts.fields, many ? choice("Field", fields, shown.field, choose) : "");
  }
  const points = readings.map((reading) => [reading.time || reading.attached_at || 0,
    values(reading)[shown.field]]).filter(([, value]) => Number.isFinite(value));
  // Devices without a clock: in the order in which they came.
  const timed = points.every(([at]) => at > 0);
  points.sort((a, b) => (timed ? a[0] - b[0] : 0));
  if (!timed) points.forEach((point, at) => (point[0] = at));
  figures(parts, points, readings.length);
  const label = `${shown.field || "value"} of ${name}, ${points.length} readings`;
  const ticks = timed ? (at) => moment(at).replace(/\.\d+$/, "") : (at) => whole(at);
  replace(parts.picture, points.length
    ? chart(parts.picture, points, label, { unit: unit(readings.at(-1), shown.field), ticks })
    : empty("Nothing to draw", "These readings hold no numbers. They are listed below."));
  replace(parts.list, table("Newest readings", [["Time", ""], ["Reading", "wide"], ["Issuer", ""],
    ["Transaction", ""]], readings.slice(-LISTED).reverse().map((reading) => [
    el("span", { title: ago(reading.time) }, moment(reading.time || reading.attached_at)),
    el("code", {}, begin(reading.text ?? `0x${reading.data}`)),
    accountLink(reading.issuer), txLink(reading.id)])));
}

/** The begin of a text, which says most. */
const begin = (text) => (text.length > 84 ? `${text.slice(0, 83)}…` : text);

function figures({ last, least, most, rate }, points, count) {
  const all = points.map(([, value]) => value);
  const set = (figure, value) => figure.set(Number.isFinite(value) ? number(value) : "–");
  set(last, all.at(-1));
  set(least, Math.min(...all));
  set(most, Math.max(...all));
  rate.set(whole(count));
}

/** The names of the numbers in these readings; the nameless number is "". */
function numeric(readings) {
  const names = new Set();
  for (const reading of readings) Object.keys(values(reading)).forEach((name) => names.add(name));
  return [...names].sort((a, b) => (a === "v" ? -1 : b === "v" ? 1 : a.localeCompare(b)));
}

/** The numbers of one reading, by name. */
function values(reading) {
  if (reading.values) return reading.values;
  const found = {};
  try {
    const value = JSON.parse(reading.text);
    if (typeof value === "number") found[""] = value;
    // SenML, RFC 8428: a list of records, or one of them.
    const records = Array.isArray(value) ? value : [value];
    for (const record of records) {
      if (typeof record !== "object" || record === null) continue;
      for (const [name, part] of Object.entries(record)) {
        if (typeof part !== "number" || ["t", "bt", "bver"].includes(name)) continue;
        found[Array.isArray(value) && record.n ? record.n : name] = part;
      }
    }
  } catch {
    // Plain text: a number in front of anything counts.
    const number = Number.parseFloat(reading.text);
    if (Number.isFinite(number)) found[""] = number;
  }
  // Kept: a reading does not change, and is drawn often.
  Object.defineProperty(reading, "values", { value: found });
  return found;
}

/** The unit of a field, where the reading says it. */
function unit(reading, field) {
  try {
    const value = JSON.parse(reading.text);
    const record = Array.isArray(value) ? value[0] : value;
    return field === "v" && typeof record.u === "string" ? record.u : field;
  } catch {
    return "";
  }
}
