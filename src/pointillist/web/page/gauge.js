// How good the segmentation is by marks that it has not seen, and what more of them brought.

import { percent, SOURCES } from "./words.js";

const HEIGHT = 68; // CSS pixels: words above the points, the axis and its counts below
const TOP = 28;
const FLOOR = 52;
const SIDE = 16; // half of a word, so that none is cut at the edges

const $ = (id) => document.getElementById(id);

function svg(tag, attributes, words = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = words;
  return made;
}

export class Gauge {
  #curve = []; // [marks learnt from, agreement]

  constructor() {
    new ResizeObserver(() => this.#draw()).observe($("gains"));
    const help = $("gauge-help");
    help.addEventListener("toggle", () => {
      help.style.top = `${$("gauge-why").getBoundingClientRect().bottom + 6}px`;
    });
  }

  show({ of, agreement, low, high, curve, sources, source, verdict }) {
    const known = agreement !== null;
    $("gauge").classList.toggle("unknown", !known);
    $("verdict").textContent = verdict;
    this.#curve = known ? curve : [];
    $("gains").classList.toggle("empty", !this.#curve.length); // a network alone has none
    this.#draw();
    if (!known) return;
    $("agreement").textContent = percent(agreement);
    const agree = of === "both" ? "agree" : "agrees";
    $("interval").textContent = `${SOURCES[of]} ${agree} with unseen marks (${Math.round(100 * low)} to ${percent(high)})`;
    this.#meter(agreement, low, high);
    const each = Object.entries(sources).map(([name, share]) => `${name === "both" ? name : SOURCES[name]} ${percent(share)}`);
    const shown = source === "both" ? source : SOURCES[source];
    const judged = of === source ? ` (${each.join(", ")})` : ", not judged yet: too few images have marks new to the network";
    $("sources").textContent = source === "forest" && !each.length ? "" : `shown: ${shown}${judged}`;
  }

  #meter(agreement, low, high) {
    const meter = $("meter");
    meter.setAttribute("aria-valuenow", agreement.toFixed(3));
    meter.setAttribute("aria-valuetext", `${$("agreement").textContent} ${$("interval").textContent}`);
    $("meter-fill").style.width = `${100 * agreement}%`;
    $("meter-range").style.left = `${100 * low}%`;
    $("meter-range").style.width = `${100 * (high - low)}%`;
  }

  // Even steps for doublings: the share of the images doubles from point to point.
  #draw() {
    const root = $("gains");
    const width = root.clientWidth || 200;
    root.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const shares = this.#curve.map(([, share]) => share);
    const bottom = Math.min(0.9, ...shares.map((share) => Math.floor(10 * share) / 10));
    const places = this.#curve.map(([marks, share], number) => ({
      x: SIDE + (number * (width - 2 * SIDE)) / Math.max(1, this.#curve.length - 1),
      y: FLOOR - 5 - ((share - bottom) / (1 - bottom)) * (FLOOR - 5 - TOP),
      marks,
      share,
    }));
    const words = places.map(({ marks, share }) => `${percent(share)} after ${marks} marks`);
    root.setAttribute("aria-label", `Agreement against marks learnt from: ${words.join(", ")}`);
    root.replaceChildren(
      svg("text", { x: 0, y: 10 }, "agreement by marks"),
      svg("path", { class: "axis", d: `M0 ${FLOOR + 0.5}H${width}` }),
      svg("polyline", { points: places.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ") }),
      ...places.flatMap((place, number) => this.#point(place, number === places.length - 1)),
    );
  }

  #point({ x, y, marks, share }, now) {
    return [
      svg("path", { class: "axis", d: `M${x} ${FLOOR}v4` }),
      svg("circle", { cx: x, cy: y, r: now ? 4 : 2.5, class: now ? "now" : "" }),
      svg("text", { x, y: y - 7, class: now ? "middle now" : "middle" }, percent(share)),
      svg("text", { x, y: HEIGHT - 3, class: now ? "middle now" : "middle" }, String(marks)),
    ];
  }
}
