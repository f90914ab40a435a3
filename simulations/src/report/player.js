"use strict";
// Plays the excerpt of the DAG: time is one number, and every frame is drawn from it alone.
(() => {
  const dag = JSON.parse(document.getElementById("dag-data").textContent);
  const canvas = document.getElementById("dag");
  const line = document.getElementById("dag-line");
  const slider = document.getElementById("dag-time");
  const play = document.getElementById("dag-play");
  const speed = document.getElementById("dag-speed");
  const { vertices, lanes, unit } = dag;
  if (vertices.length === 0) return;

  const first = vertices[0].at;
  const ends = vertices.map((v) => Math.max(v.at, v.committed ?? v.at));
  const last = ends.reduce((most, end) => Math.max(most, end), first + 1e-9);
  const approvedAt = vertices.map(() => Infinity);
  vertices.forEach((v) => v.parents.forEach((p) => {
    approvedAt[p] = Math.min(approvedAt[p], v.at);
  }));

  // Nobody approves what a committee says, so that is no tip.
  const isTip = (v, i) => approvedAt[i] > now && v.kind !== "validator" && v.fate !== "orphan";

  const LANE = 26, LEFT = 84, FOOT = 22, SECONDS = 20;
  let now = last, playing = false, before = 0, chosen = -1, past = new Set(), colours = {};

  const readColours = () => {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["ink", "soft", "faint", "edge", "paper", "orphan", "c0", "c1", "c3", "c5"]) {
      colours[name] = style.getPropertyValue("--" + name).trim();
    }
  };

  // What a vertex looks like at this moment.
  const fill = (v, i) => {
    if (v.fate === "orphan") return colours.orphan;
    if (v.kind === "attacker") return colours.c3;
    if (v.kind === "validator") return colours.c1;
    if (v.committed !== null && v.committed <= now) return colours.c0;
    return approvedAt[i] <= now ? colours.c5 : colours.paper;
  };

  const layout = () => {
    const width = canvas.clientWidth;
    // As much time as leaves about seven pixels to a vertex.
    const share = Math.min(1, (width - LEFT) / (7 * vertices.length));
    const shown = (last - first) * Math.max(share, 0.15);
    const to = Math.max(first + shown, now);
    const scale = (width - LEFT - 14) / shown;
    return { width, from: to - shown, x: (at) => LEFT + (at - to + shown) * scale, y: (l) => 14 + LANE * (l + 0.5) };
  };

  const draw = () => {
    const height = LANE * lanes.length + 14 + FOOT;
    canvas.style.height = height + "px";
    const ratio = window.devicePixelRatio || 1;
    const { width, from, x, y } = layout();
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    lanes.forEach((name, lane) => {
      pen.strokeStyle = colours.faint;
      pen.beginPath();
      pen.moveTo(LEFT, y(lane));
      pen.lineTo(width - 6, y(lane));
      pen.stroke();
    });
    pen.save();
    pen.beginPath();
    pen.rect(LEFT - 8, 0, width, height);
    pen.clip();
    vertices.forEach((v, i) => {
      if (v.at > now || v.at < from) return;
      for (const p of v.parents) {
        const lit = past.has(i) && past.has(p);
        pen.strokeStyle = lit ? colours.ink : colours.edge;
        pen.globalAlpha = lit ? 1 : past.size ? 0.2 : 0.55;
        pen.lineWidth = lit ? 1.6 : 0.8;
        pen.beginPath();
        pen.moveTo(x(v.at), y(v.lane));
        pen.lineTo(x(vertices[p].at), y(vertices[p].lane));
        pen.stroke();
      }
    });
    vertices.forEach((v, i) => {
      if (v.at > now || v.at < from) return;
      pen.globalAlpha = past.size && !past.has(i) ? 0.35 : 1;
      pen.beginPath();
      pen.arc(x(v.at), y(v.lane), i === chosen ? 7 : 4.5, 0, 2 * Math.PI);
      pen.fillStyle = fill(v, i);
      pen.fill();
      if (isTip(v, i) || i === chosen) {
        pen.strokeStyle = colours.ink;
        pen.lineWidth = 1.6;
        pen.stroke();
      }
    });
    pen.restore();
    pen.fillStyle = colours.soft;
    lanes.forEach((name, lane) => pen.fillText(name, 4, y(lane), LEFT - 16));
    pen.fillText(now.toFixed(unit === "ms" ? 0 : 2) + " " + unit, LEFT, height - FOOT / 2);
    slider.value = String(Math.round(1000 * (now - first) / (last - first)));
    if (chosen < 0) count();
  };

  const count = () => {
    let issued = 0, tips = 0, done = 0;
    vertices.forEach((v, i) => {
      if (v.at > now) return;
      issued += 1;
      tips += isTip(v, i) ? 1 : 0;
      done += v.committed !== null && v.committed <= now ? 1 : 0;
    });
    line.textContent = `${issued} of ${vertices.length} issued, ${tips} tips, ${done} committed`;
  };

  const choose = (i) => {
    chosen = i;
    past = new Set();
    const open = i < 0 ? [] : [i];
    while (open.length) {
      const next = open.pop();
      if (past.has(next)) continue;
      past.add(next);
      open.push(...vertices[next].parents);
    }
    if (i < 0) return draw();
    const v = vertices[i];
    const end = v.committed === null ? v.fate : `committed after ${(v.committed - v.at).toFixed(unit === "ms" ? 0 : 2)} ${unit}`;
    line.textContent = `${lanes[v.lane] || "somebody"} at ${v.at.toFixed(unit === "ms" ? 0 : 2)} ${unit}: ${end}; ${past.size - 1} of this excerpt in its past`;
    draw();
  };

  const frame = (time) => {
    if (!playing) return;
    const step = before ? Math.min(time - before, 100) : 16;
    before = time;
    now = Math.min(last, now + (last - first) * step * Number(speed.value) / (1000 * SECONDS));
    draw();
    if (now >= last) return pause();
    requestAnimationFrame(frame);
  };
  const pause = () => { playing = false; play.textContent = "play"; };
  const toggle = () => {
    if (playing) return pause();
    if (now >= last) now = first;
    choose(-1);
    playing = true;
    before = 0;
    play.textContent = "pause";
    requestAnimationFrame(frame);
  };
  // To the next vertex, or back to the one before.
  const step = (way) => {
    pause();
    const times = vertices.map((v) => v.at);
    const next = way > 0 ? times.find((at) => at > now + 1e-9) ?? last : times.filter((at) => at < now - 1e-9).pop() ?? first;
    now = next;
    choose(-1);
  };

  play.addEventListener("click", toggle);
  document.getElementById("dag-step").addEventListener("click", () => step(1));
  document.getElementById("dag-back").addEventListener("click", () => step(-1));
  slider.addEventListener("input", () => {
    pause();
    now = first + (last - first) * Number(slider.value) / 1000;
    choose(-1);
  });
  const keys = {
    " ": toggle, ArrowRight: () => step(1), ArrowLeft: () => step(-1),
    Home: () => { pause(); now = first; choose(-1); }, End: () => { pause(); now = last; choose(-1); },
  };
  canvas.addEventListener("keydown", (event) => {
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  canvas.addEventListener("click", (event) => {
    const { x, y, from } = layout();
    let best = -1, least = 16 * 16;
    vertices.forEach((v, i) => {
      if (v.at > now || v.at < from) return;
      const d = (x(v.at) - event.offsetX) ** 2 + (y(v.lane) - event.offsetY) ** 2;
      if (d < least) { best = i; least = d; }
    });
    choose(best);
  });
  const refresh = () => { readColours(); draw(); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
  new ResizeObserver(refresh).observe(canvas.parentElement);
  refresh();
})();
