// What bodies say, for people: a line, or facts one below the other. The node's API and the
// verifier use the same names, so one set of words does for both.

import { el } from "./dom.js";
import { accountLink, bodyLink, bytes, kind, moment, short, streamLink, whole } from "./words.js";

/** Readings listed of those that were put together. */
const LISTED = 50;
/** A list of readings, as an issuer writes it: the numbers are those of the protocol. */
const BATCH = 65001;

const amount = (text) => BigInt(text).toLocaleString("en-US");

/** What a word of the market says, as facts; none of what is no such word. */
export function deal(said) {
  const offer = () => ["Offer", bodyLink(said.offer, 16, 12)];
  const channel = () => ["Channel", bodyLink(said.channel, 16, 12)];
  switch (said.kind) {
    case "offer":
      return [["Title", said.title], ["Stream", streamLink(said.stream)],
        ["Price", `${amount(said.price)} per ${said.unit}`],
        said.expiry && ["Listed until", moment(said.expiry)]];
    case "offer_end":
      return [offer()];
    case "channel_open":
      return [offer(), ["Pays to", accountLink(said.payee)], ["Deposit", amount(said.deposit)]];
    case "channel_top_up":
      return [channel(), ["Adds", amount(said.amount)]];
    case "channel_claim":
      return [channel(), ["Paid by now", `${whole(said.ticks)} ticks`]];
    case "channel_close":
      return [channel(), said.ticks && ["Paid in the end", `${whole(said.ticks)} ticks`]];
    case "channel_withdraw":
      return [channel()];
    default:
      return [];
  }
}

/** What a body says in one line, for lists. */
export function summary(said) {
  if (said.kind === "data") {
    const readings = unpacked(said);
    const text = readings ? `${whole(readings.length)} readings` : said.text ?? `0x${said.data}`;
    return `${said.stream}: ${text.length > 90 ? `${text.slice(0, 90)}…` : text}`;
  }
  if (said.kind === "transfer") {
    const sum = said.outputs.reduce((sum, output) => sum + BigInt(output.amount), 0n);
    const count = said.outputs.length;
    const to = count === 1 ? short(said.outputs[0].to, 11, 6) : `${count} accounts`;
    return `${amount(sum)} to ${to}`;
  }
  if (said.kind === "offer") {
    return `offers ${said.stream} for ${amount(said.price)} per ${said.unit}`;
  }
  if (said.kind === "channel_open") {
    return `locks ${amount(said.deposit)} for ${short(said.payee, 11, 6)}`;
  }
  if (said.kind === "channel_top_up") return `adds ${amount(said.amount)} to a channel`;
  if (said.kind === "channel_claim") return `claims ${whole(said.ticks)} ticks of a channel`;
  return kind(said.kind);
}

/** Readings that were put together, as a list. */
export function together(readings) {
  const one = ({ time, text, bytes: count }) => el("li", {},
    el("code", {}, text ?? bytes(count)), ` ${moment(time)}`);
  const more = readings.length - LISTED;
  return [el("ol", { class: "readings" }, readings.slice(0, LISTED).map(one)),
    more > 0 && el("p", { class: "note" }, `and ${whole(more)} more`)];
}

/**
 * The readings inside a reading that is a batch: a count, and for each time, type and length before
 * its bytes, all little-endian (docs/PROTOCOL.md section 2). `null` of any other reading.
 */
export function unpacked(reading) {
  if (reading.content_type !== BATCH) return null;
  const octets = reading.data === undefined ? new TextEncoder().encode(reading.text)
    : Uint8Array.from(reading.data.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
  const view = new DataView(octets.buffer);
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  try {
    const readings = [];
    let at = 2;
    for (let count = view.getUint16(0, true); count > 0; count -= 1) {
      const time = Number(view.getBigUint64(at, true));
      const length = view.getUint32(at + 10, true);
      at += 14 + length;
      if (at > octets.length) return null;
      readings.push({ time, bytes: length, ...read(utf8, octets.subarray(at - length, at)) });
    }
    return readings;
  } catch {
    // Whoever posted it called it a batch, and it is none.
    return null;
  }
}

function read(utf8, octets) {
  try {
    return { text: utf8.decode(octets) };
  } catch {
    return { data: Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("") };
  }
}
