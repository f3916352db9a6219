// One canvas over the image: the segmentation, the marks, the stroke being drawn and the pulsing ring.

import { Areas, filled } from "./areas.js";
import { edges } from "./boxes.js";

const DARK = "#111";
const LIGHT = "#fff";
const DOT = 6; // CSS pixels, at every zoom
const VEIL = 0.3; // opacity of an area
export const RING = 34; // CSS pixels, the pulse at its widest
const PULSE = 6000; // milliseconds
const CURSOR = "#ffd60a"; // of the pulse too: where to look

// Dark on bright class colours, light on dark ones.
function readable(colour) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? DARK : LIGHT;
}

export class Ink {
  marks = [];
  draft = null;
  ends = null; // of an object, clicked so far
  cursor = null; // the keyboard's, {clientX, clientY}
  classes = [];
  showMarks = true;
  showOverlay = true;
  opacity = 0.45;
  #canvas;
  #context;
  #viewer;
  #overlay = null;
  #areas = new Areas(() => this.ask());
  #pulse = null;
  #asked = 0;
  #still = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(canvas, viewer) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#viewer = viewer;
  }

  // Any of the fields above.
  set(fields) {
    Object.assign(this, fields);
    this.ask();
  }

  setOverlay(bitmap) {
    this.#overlay?.close();
    this.#overlay = bitmap;
    this.ask();
  }

  pulseAt(row, col) {
    this.#pulse = { row, col, since: performance.now() };
    this.ask();
  }

  stopPulse() {
    this.#pulse = null;
    this.ask();
  }

  // For changes of the marks; panning and zooming call draw() in the same frame as the image.
  ask() {
    this.#asked ||= requestAnimationFrame(() => {
      this.#asked = 0;
      this.draw();
    });
  }

  draw() {
    const context = this.#context;
    const size = this.#viewer.size;
    const ratio = devicePixelRatio;
    const width = Math.round(size.width * ratio);
    const height = Math.round(size.height * ratio);
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, size.width, size.height);
    if (!this.#viewer.ready) return;
    const view = { ...this.#viewer.transform, ...size };
    if (this.showOverlay && this.#overlay) this.#drawBitmap(this.#overlay, this.opacity, view);
    const marks = this.showMarks ? [...this.marks] : [];
    if (this.draft) marks.push(this.draft);
    if (this.ends) marks.push(this.ends);
    for (const kind of ["dense", "box", "centroid", "scribble", "extreme-points", "points"]) {
      for (const mark of marks) if (mark.kind === kind) this.#drawMark(mark, view);
    }
    if (this.#pulse) this.#drawPulse(view);
    if (this.cursor) this.#drawCursor(this.#viewer.toViewer(this.cursor));
  }

  // Only the part in view, cut at whole pixels of the bitmap: a browser scales that exactly, while
  // an image stretched to a hundred thousand pixels would be slow or dropped.
  #drawBitmap(bitmap, opacity, view) {
    const { width, height } = this.#viewer.image;
    const stepX = (view.scale * width) / bitmap.width;
    const stepY = (view.scale * height) / bitmap.height;
    const left = Math.max(0, Math.floor(-view.x / stepX));
    const top = Math.max(0, Math.floor(-view.y / stepY));
    const right = Math.min(bitmap.width, Math.ceil((view.width - view.x) / stepX));
    const bottom = Math.min(bitmap.height, Math.ceil((view.height - view.y) / stepY));
    if (right <= left || bottom <= top) return;
    const context = this.#context;
    context.globalAlpha = opacity;
    context.imageSmoothingEnabled = false;
    context.drawImage(
      bitmap, left, top, right - left, bottom - top,
      view.x + left * stepX, view.y + top * stepY, (right - left) * stepX, (bottom - top) * stepY,
    );
    context.globalAlpha = 1;
  }

  #colour(label) {
    return this.classes[label]?.colour ?? "#888888";
  }

  // Dark and light around every colour, so that marks stand out on any image and for any eye.
  #cased(width, colour, dash = [], path = null) {
    const context = this.#context;
    const stroke = () => (path ? context.stroke(path) : context.stroke());
    for (const [extra, ink] of [[3, DARK], [1.5, LIGHT]]) {
      context.setLineDash([]);
      context.lineWidth = width + extra;
      context.strokeStyle = ink;
      stroke();
    }
    context.setLineDash(dash);
    context.lineWidth = width;
    context.strokeStyle = colour;
    stroke();
    context.setLineDash([]);
  }

  #drawMark(mark, view) {
    if (mark.kind === "points") this.#drawPoints(mark, view);
    else if (mark.kind === "extreme-points") this.#drawEnds(mark, view);
    else if (mark.kind === "scribble") this.#drawScribble(mark, view);
    else if (mark.kind === "dense") this.#drawArea(mark, view);
    else if (mark.kind === "centroid") this.#drawRange(mark, view);
    else this.#drawBox(mark, view);
  }

  #drawArea(mark, view) {
    const area = this.#areas.get(mark);
    if (!area) return; // it is being unpacked
    area.fill ??= filled(area, this.classes);
    this.#drawBitmap(area.fill, VEIL, view);
    const { width, height } = this.#viewer.image;
    const place = new DOMMatrix([(view.scale * width) / area.width, 0, 0, (view.scale * height) / area.height, view.x, view.y]);
    this.#context.lineJoin = this.#context.lineCap = "round";
    for (const [label, outline] of area.outlines) {
      const path = new Path2D();
      path.addPath(outline, place);
      this.#cased(2, this.#colour(label), label === 0 ? [1, 6] : [], path);
    }
  }

  // Where the middle of a class lies, at the least and at the most.
  #drawRange({ rows, cols, label }, view) {
    this.#drawBox({ top: rows[0], left: cols[0], bottom: rows[1] + 1, right: cols[1] + 1, label }, view, [4, 5]);
  }

  #drawPoints({ at, label, radius }, view) {
    const context = this.#context;
    const colour = this.#colour(label);
    for (const [row, col] of at) {
      const x = view.x + (col + 0.5) * view.scale;
      const y = view.y + (row + 0.5) * view.scale;
      const reach = radius * view.scale;
      const rim = Math.max(reach, DOT) + 4;
      if (x < -rim || y < -rim || x > view.width + rim || y > view.height + rim) continue;
      if (reach > DOT) {
        context.beginPath();
        context.arc(x, y, reach, 0, 2 * Math.PI);
        this.#cased(1.5, colour);
      }
      for (const [size, ink] of [[DOT + 1.25, DARK], [DOT, LIGHT], [DOT - 1.75, colour]]) {
        context.beginPath();
        context.arc(x, y, size, 0, 2 * Math.PI);
        context.fillStyle = ink;
        context.fill();
      }
      this.#sign(x, y, label, readable(colour));
    }
  }

  // Not colour alone: background carries a bar, and the classes their number where there are several.
  #sign(x, y, label, ink) {
    const context = this.#context;
    context.fillStyle = ink;
    if (label === 0) {
      context.fillRect(x - 2.5, y - 0.75, 5, 1.5);
    } else if (this.classes.length > 2) {
      context.font = "700 8px system-ui, sans-serif";
      context.textAlign = "center";
      context.textBaseline = "alphabetic";
      context.fillText(String(label), x, y + 2.9);
    }
  }

  #drawScribble({ path, label, width }, view) {
    const context = this.#context;
    const colour = this.#colour(label);
    context.lineCap = "round";
    context.lineJoin = "round";
    context.beginPath();
    for (const [row, col] of path) context.lineTo(view.x + (col + 0.5) * view.scale, view.y + (row + 0.5) * view.scale);
    // What it covers in the image, faintly, under a line that is always easy to see.
    context.lineWidth = width * view.scale;
    context.globalAlpha = 0.3;
    context.strokeStyle = colour;
    context.stroke();
    context.globalAlpha = 1;
    this.#cased(2.5, colour, label === 0 ? [1, 6] : []);
  }

  #drawBox({ top, left, bottom, right, label }, view, dash = []) {
    const context = this.#context;
    context.lineJoin = "miter";
    context.beginPath();
    context.rect(view.x + left * view.scale, view.y + top * view.scale, (right - left) * view.scale, (bottom - top) * view.scale);
    this.#cased(2, this.#colour(label), dash);
  }

  // Four ends are clicks, and the box that they say.
  #drawEnds({ at, label }, view) {
    this.#drawBox({ ...edges({ at }), label }, view, [4, 3]);
    this.#drawPoints({ at, label, radius: 0 }, view);
  }

  // Open in the middle: the pixel to be marked stays in sight.
  #drawCursor({ x, y }) {
    const context = this.#context;
    context.lineCap = "butt";
    context.beginPath();
    for (const [right, down] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + 4 * right, y + 4 * down);
      context.lineTo(x + 16 * right, y + 16 * down);
    }
    this.#cased(1.5, CURSOR);
  }

  #drawPulse(view) {
    const context = this.#context;
    const age = performance.now() - this.#pulse.since;
    if (age > PULSE) {
      this.#pulse = null;
      return;
    }
    const beat = this.#still.matches ? 0.5 : (age % 1000) / 1000;
    const x = view.x + (this.#pulse.col + 0.5) * view.scale;
    const y = view.y + (this.#pulse.row + 0.5) * view.scale;
    context.globalAlpha = this.#still.matches ? 1 : 1 - 0.8 * beat;
    context.beginPath();
    context.arc(x, y, 10 + (RING - 10) * beat, 0, 2 * Math.PI);
    this.#cased(2.5, CURSOR);
    context.globalAlpha = 1;
    this.ask();
  }
}
