// A line over time, as SVG: for a handful of series, some hundred points, and no more than that.

import { svg } from "./dom.js";
import { number } from "./words.js";

const HEIGHT = 260;
/** Around a chart, in its panel. */
const PADDING = 18;
const LEFT = 58;
const RIGHT = 14;
const TOP = 12;
const BOTTOM = 28;

/**
 * Draws `points`, each [x, y], ascending by x, as wide as `place` is. `label` is for those who do
 * not see it; with `floor` the lowest line is there, if nothing is lower.
 */
export function chart(place, points, label, options = {}) {
  const { unit = "", ticks = number, height = HEIGHT, floor } = options;
  const width = Math.max(240, place.clientWidth - 2 * PADDING);
  const values = points.map(([, y]) => y);
  if (floor !== undefined) values.push(floor);
  const [low, high, step] = scale(values, height < 200 ? 2 : 4);
  const [first, last] = [points[0][0], points.at(-1)[0]];
  const wide = Math.max(last - first, 1);
  const x = (value) => LEFT + ((value - first) / wide) * (width - LEFT - RIGHT);
  const y = (value) => TOP + ((high - value) / (high - low)) * (height - TOP - BOTTOM);
  const line = points.map(([at, value], index) =>
    `${index ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const lines = [];
  for (let value = low; value <= high + step / 2; value += step) {
    const at = y(value);
    lines.push(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: at, y2: at }));
    lines.push(svg("text", { x: LEFT - 8, y: at + 4, "text-anchor": "end" }, number(value)));
  }
  const parts = width < 500 ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
  const marks = points.length > 1 && parts.map((part) => svg("text", {
    x: LEFT + part * (width - LEFT - RIGHT),
    y: height - 8,
    "text-anchor": part === 0 ? "start" : part === 1 ? "end" : "middle",
  }, ticks(first + part * wide)));
  const foot = `V${y(low).toFixed(1)}H${x(first).toFixed(1)}Z`;
  return svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    svg("title", {}, label),
    lines,
    marks || [],
    unit && svg("text", { x: LEFT + 6, y: TOP + 12 }, unit),
    points.length > 1 ? svg("path", { class: "area", d: line + foot }) : null,
    points.length > 1 ? svg("path", { class: "line", d: line }) : null,
    svg("circle", { class: "last", cx: x(last), cy: y(points.at(-1)[1]), r: 3.5 }),
  );
}

/** A round lowest and highest value, and the step between lines. */
export function scale(values, lines) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low === high) {
    low -= Math.abs(low) * 0.05 || 1;
    high += Math.abs(high) * 0.05 || 1;
  }
  const raw = (high - low) / lines;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = size * ([1, 2, 2.5, 5, 10].find((factor) => factor * size >= raw) ?? 10);
  return [Math.floor(low / step) * step, Math.ceil(high / step) * step, step];
}
