// What the picture holds: the newest vertices and checkpoints, and what became of them. Knows
// nothing of drawing. Bounded: what is older than the window leaves, and so do the oldest beyond a
// count, whatever the node sends.

const VERTICES_MAX = 6000;
const CHECKPOINTS_MAX = 1000;
/** Beats over which rates are told: two seconds. */
const BEATS = 8;

/** The states of a vertex, in the order in which they are drawn. */
export const STATES = ["waits", "done", "lost"];

/** The newest part of the Tangle. */
export class Picture {
  vertices = new Map();
  checkpoints = [];
  #beats = [];

  /** Takes one beat of the node. Times become those of this browser. */
  take(beat) {
    const shift = Date.now() - beat.at;
    // The smallest shift seen is the one with the least delay on the way.
    this.shift = this.shift === undefined ? shift : Math.min(this.shift + 1, shift);
    this.first ??= beat.vertices[0]?.at;
    for (const { number, id, parents, issuer, kind, stream, at } of beat.vertices) {
      const vertex = { number, id, parents, issuer, kind, stream, at, state: "waits", tip: true };
      this.vertices.set(number, vertex);
    }
    for (const number of beat.approved) this.#change(number, { tip: false });
    for (const { number, outcome } of beat.settled) {
      const state = outcome === "applied" ? "done" : "lost";
      this.#change(number, { state, outcome, tip: false, settled: beat.at });
    }
    for (const number of beat.stale) this.#change(number, { state: "lost", outcome: "stale" });
    this.checkpoints.push(...beat.checkpoints);
    this.#beats.push(beat);
    if (this.#beats.length > BEATS) this.#beats.shift();
  }

  #change(number, change) {
    const vertex = this.vertices.get(number);
    if (vertex) Object.assign(vertex, change);
  }

  /** The node's clock, now. */
  now() {
    return Date.now() - (this.shift ?? 0);
  }

  /** Lets go of what is older than `before`, and of too much. */
  forget(before) {
    // A map keeps the order in which things came: the oldest are first.
    for (const [number, vertex] of this.vertices) {
      if (vertex.at >= before && this.vertices.size <= VERTICES_MAX) break;
      this.vertices.delete(number);
    }
    const keep = this.checkpoints.findIndex((checkpoint) => checkpoint.at >= before);
    this.checkpoints.splice(0, keep < 0 ? this.checkpoints.length : keep);
    this.checkpoints.splice(0, Math.max(0, this.checkpoints.length - CHECKPOINTS_MAX));
  }

  /** How many a second were attached, shown, ordered and rejected in the last beats. */
  rates() {
    const [first] = this.#beats;
    const last = this.#beats.at(-1);
    if (!first || last === first) return null;
    const seconds = Math.max(0.25, (last.at - first.at) / 1000);
    const over = this.#beats.slice(1);
    const rate = (count) => over.reduce((sum, beat) => sum + count(beat), 0) / seconds;
    return {
      attached: rate((beat) => beat.attached),
      shown: rate((beat) => beat.vertices.length),
      ordered: rate((beat) => beat.ordered),
      rejected: rate((beat) => beat.rejected),
      missed: rate((beat) => beat.missed),
    };
  }

  /** The newest `count` vertices, newest first. */
  newest(count) {
    return [...this.vertices.values()].slice(-count).reverse();
  }
}
