// Draws the picture on a canvas and says what lies where. Time goes from left to right and ends at
// now; a vertex is a dot, its parents are to its left. A few passes, one per colour: thousands of
// vertices stay far below the time of a frame.

import { Lanes } from "./lanes.js";
import { STATES } from "./picture.js";
import { short } from "./words.js";

/** How far the right end is behind now: what comes in a beat has come by then. */
const DELAY_MS = 450;
/** How much time it shows: at first, and later. */
const SPAN_MIN_MS = 4000;
const SPAN_MS = 20_000;
const STRIP = 34;
const LABELS = 108;
/** Below the lanes, for the times. */
const FOOT = 26;
const FLASH_MS = 500;

const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** A canvas that shows a picture. */
export class Canvas {
  layout = "Lanes";
  selected = null;
  hovered = null;
  #lanes = new Lanes();
  #frozen = null;

  constructor(canvas, picture) {
    this.canvas = canvas;
    this.picture = picture;
    this.colour();
  }

  /** Reads the colours of the page. */
  colour() {
    const probe = document.createElement("span");
    document.body.append(probe);
    const read = (name) => {
      probe.style.color = `var(--${name})`;
      return getComputedStyle(probe).color;
    };
    const [ink, muted, line, accent, wrong, raised] =
      ["ink", "muted", "line", "accent", "wrong", "raised"].map(read);
    probe.remove();
    this.ink = { ink, muted, line, raised, waits: muted, done: accent, lost: wrong };
  }

  freeze(frozen) {
    this.#frozen = frozen ? this.#end() : null;
  }

  get isFrozen() {
    return this.#frozen !== null;
  }

  #end() {
    return this.#frozen ?? this.picture.now() - DELAY_MS;
  }

  /** Takes over the size of the element. */
  #size() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== wide || this.canvas.height !== high) {
      this.canvas.width = wide;
      this.canvas.height = high;
      this.#lanes.resize(Math.max(3, Math.min(12, Math.floor((height - STRIP) / 40))));
    }
    const narrow = width < 640;
    // It begins near and steps back as it learns more, so that it is never half empty.
    const seen = this.#end() - (this.picture.first ?? this.#end());
    const spanMs = Math.min(Math.max(seen, SPAN_MIN_MS), narrow ? 10_000 : SPAN_MS);
    this.left = this.layout === "Lanes" && !narrow ? LABELS : 14;
    this.right = 20;
    Object.assign(this, { width, height, ratio, spanMs });
  }

  x(at) {
    const room = this.width - this.left - this.right;
    return this.width - this.right - ((this.#end() - at) / this.spanMs) * room;
  }

  #y(vertex) {
    const room = this.height - STRIP - FOOT;
    if (this.layout === "Free") return STRIP + 8 + scatter(vertex.number) * room;
    const high = room / this.#lanes.count;
    const lane = this.#lanes.of(vertex.issuer, vertex.at);
    return STRIP + 8 + (lane + 0.5 + (scatter(vertex.number) - 0.5) * 0.6) * high;
  }

  /** Draws everything as it is now. */
  draw() {
    this.#size();
    if (!this.width) return;
    const begin = this.#end() - this.spanMs;
    if (!this.isFrozen) {
      this.picture.forget(begin - 2000);
      this.#lanes.forget(begin);
    }
    const pen = this.canvas.getContext("2d");
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    this.placed = [];
    for (const vertex of this.picture.vertices.values()) {
      vertex.x = this.x(vertex.at);
      vertex.y = this.#y(vertex);
      if (vertex.x > this.left - 8 && vertex.x < this.width) this.placed.push(vertex);
    }
    this.#ground(pen);
    this.#edges(pen);
    this.#vertices(pen);
    this.#checkpoints(pen);
    this.#highlight(pen);
  }

  #ground(pen) {
    pen.font = "12px ui-sans-serif, system-ui, sans-serif";
    pen.textBaseline = "middle";
    pen.fillStyle = this.ink.muted;
    pen.strokeStyle = this.ink.line;
    pen.lineWidth = 1;
    pen.textAlign = "left";
    if (this.left === LABELS) pen.fillText("checkpoints", 16, STRIP / 2 + 3);
    if (this.layout === "Lanes") {
      const high = (this.height - STRIP - FOOT) / this.#lanes.count;
      this.#lanes.names().forEach((issuer, lane) => {
        const y = STRIP + 8 + (lane + 0.5) * high;
        line(pen, this.left, y, this.width - this.right, y);
        const name = issuer ? short(issuer.replace(/^t?weft1/, ""), 5, 4) : "";
        const others = lane === this.#lanes.count - 1 && this.#lanes.isShared;
        if (this.left === LABELS) pen.fillText(others ? "others" : name, 16, y);
      });
    }
    pen.textAlign = "center";
    for (let ago = 0; ago <= this.spanMs; ago += this.spanMs > 8000 ? 5000 : 1000) {
      const x = this.x(this.#end() - ago);
      if (x < this.left + 10) break;
      pen.fillText(ago ? `−${ago / 1000} s` : "now", x - (ago ? 0 : 6), this.height - 8);
    }
  }

  #edges(pen) {
    pen.strokeStyle = this.ink.muted;
    pen.globalAlpha = 0.32;
    pen.lineWidth = 1;
    pen.beginPath();
    for (const vertex of this.placed) this.#edgesOf(pen, vertex);
    pen.stroke();
    pen.globalAlpha = 1;
  }

  #edgesOf(pen, vertex) {
    for (const number of vertex.parents) {
      const parent = this.picture.vertices.get(number);
      if (!parent || parent.x === undefined) continue;
      const middle = (vertex.x + parent.x) / 2;
      pen.moveTo(vertex.x, vertex.y);
      pen.bezierCurveTo(middle, vertex.y, middle, parent.y, parent.x, parent.y);
    }
  }

  #vertices(pen) {
    const now = this.picture.now();
    const size = this.placed.length > 600 ? 3.2 : 4.2;
    for (const state of STATES) {
      pen.fillStyle = this.ink[state];
      pen.beginPath();
      for (const vertex of this.placed) {
        if (vertex.state === state && !vertex.tip) dot(pen, vertex, size);
      }
      pen.fill();
    }
    pen.fillStyle = this.ink.raised;
    pen.strokeStyle = this.ink.muted;
    pen.lineWidth = 2;
    for (const vertex of this.placed.filter((vertex) => vertex.tip)) {
      pen.beginPath();
      dot(pen, vertex, size);
      pen.fill();
      pen.stroke();
    }
    if (calm.matches) return;
    pen.lineWidth = 1.5;
    for (const vertex of this.placed) {
      const since = (now - (vertex.settled ?? 0)) / FLASH_MS;
      if (since >= 1) continue;
      pen.globalAlpha = (1 - since) * 0.6;
      pen.strokeStyle = this.ink[vertex.state];
      pen.beginPath();
      dot(pen, vertex, size + since * 7);
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  #checkpoints(pen) {
    pen.strokeStyle = this.ink.done;
    pen.lineWidth = 1.6;
    const y = STRIP / 2 + 3;
    let free = -Infinity;
    for (const checkpoint of this.picture.checkpoints) {
      const x = this.x(checkpoint.at);
      checkpoint.x = x;
      if (x < this.left || x > this.width || x < free) continue;
      // Where they stand closer than they are wide, some are enough.
      free = x + 10;
      pen.fillStyle = checkpoint.ordered ? this.ink.done : this.ink.raised;
      pen.beginPath();
      pen.moveTo(x, y - 5);
      pen.lineTo(x + 5, y);
      pen.lineTo(x, y + 5);
      pen.lineTo(x - 5, y);
      pen.closePath();
      pen.fill();
      pen.stroke();
    }
  }

  #highlight(pen) {
    const vertex = this.selected ?? this.hovered;
    if (!vertex || vertex.x === undefined) return;
    pen.strokeStyle = this.ink.ink;
    pen.lineWidth = 1.6;
    pen.beginPath();
    this.#edgesOf(pen, vertex);
    pen.stroke();
    pen.beginPath();
    dot(pen, vertex, 7.5);
    pen.lineWidth = 2;
    pen.stroke();
  }

  /** The vertex or the checkpoint at a place, if there is one near. */
  at(x, y) {
    if (y < STRIP) {
      const near = this.picture.checkpoints.filter((checkpoint) => Math.abs(checkpoint.x - x) < 8);
      const checkpoint = near.sort((a, b) => Math.abs(a.x - x) - Math.abs(b.x - x))[0];
      return checkpoint ? { checkpoint } : {};
    }
    let [vertex, least] = [undefined, 16 ** 2];
    for (const one of this.placed ?? []) {
      const far = (one.x - x) ** 2 + (one.y - y) ** 2;
      if (far < least) [vertex, least] = [one, far];
    }
    return { vertex };
  }

  /** The next vertex from the selected one, as an arrow key points. */
  next(key) {
    const from = this.selected;
    const placed = (this.placed ?? []).filter((vertex) => vertex !== from);
    if (!from) return placed.at(-1);
    const ahead = {
      ArrowLeft: (vertex) => [from.x - vertex.x, Math.abs(vertex.y - from.y)],
      ArrowRight: (vertex) => [vertex.x - from.x, Math.abs(vertex.y - from.y)],
      ArrowUp: (vertex) => [from.y - vertex.y, Math.abs(vertex.x - from.x)],
      ArrowDown: (vertex) => [vertex.y - from.y, Math.abs(vertex.x - from.x)],
    }[key];
    const score = (vertex) => {
      const [along, aside] = ahead(vertex);
      return along > 0.5 ? along + aside * 2 : Infinity;
    };
    const [best] = placed.map((vertex) => [score(vertex), vertex]).sort((a, b) => a[0] - b[0]);
    return best && best[0] < Infinity ? best[1] : from;
  }
}

/** A number between 0 and 1 that looks like chance and is always the same. */
const scatter = (number) => (number * 0.6180339887) % 1;

function line(pen, x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}

function dot(pen, { x, y }, size) {
  pen.moveTo(x + size, y);
  pen.arc(x, y, size, 0, 2 * Math.PI);
}
