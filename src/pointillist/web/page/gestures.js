// Mouse, pen and touch on the image: panning, zooming, and the three drawing tools; strokes without a pointer, too.

import { Aim } from "./aim.js";
import { isOn, onImage } from "./crossing.js";

const SLACK = 4; // CSS pixels that a click may move
const FINGER_SLACK = 10;
const HOLD = 500; // milliseconds that a finger rests before it marks background

const LEFT = 0;
const MIDDLE = 1;
const RIGHT = 2;

const round = (value) => Math.round(value * 100) / 100;

// Top, left, bottom and right of four ends.
function extremes(ends) {
  const by = (axis, side) => ends.reduce((a, b) => (side * b[axis] > side * a[axis] ? b : a));
  return [by(0, -1), by(1, -1), by(0, 1), by(1, 1)];
}

export class Gestures {
  #surface;
  #viewer;
  #host;
  #aim = new Aim();
  #pointers = new Map();
  #stroke = null; // what the one pressed pointer is doing
  #pinch = null;
  #holding = 0;
  #ends = null; // {kind: "points", label, at} of an object whose four ends are being clicked

  // host = {tool(), label(background), width(), point, scribble, box, ends(mark), draft, hover, started, held(is)}
  constructor(surface, viewer, host) {
    this.#surface = surface;
    this.#viewer = viewer;
    this.#host = host;
    surface.addEventListener("pointerdown", (event) => this.#down(event));
    surface.addEventListener("pointermove", (event) => this.#move(event));
    surface.addEventListener("pointerup", (event) => this.#up(event));
    surface.addEventListener("pointercancel", (event) => this.#lost(event));
    surface.addEventListener("pointerleave", () => host.hover(null));
    surface.addEventListener("contextmenu", (event) => event.preventDefault());
    surface.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    // The middle button would start the browser's own scrolling.
    surface.addEventListener("mousedown", (event) => {
      if (event.button === MIDDLE) event.preventDefault();
    });
  }

  // Drops what is being drawn.
  cancel() {
    this.#letGo();
    this.#setEnds(null);
  }

  // Takes back the end that was clicked last; says whether there was one.
  takeBackEnd() {
    if (!this.#ends) return false;
    const at = this.#ends.at.slice(0, -1);
    this.#setEnds(at.length ? { ...this.#ends, at } : null);
    return true;
  }

  #setEnds(ends) {
    if (this.#ends === ends) return;
    this.#ends = ends;
    this.#host.ends(ends);
  }

  #letGo() {
    this.#stroke = null;
    clearTimeout(this.#holding);
    this.#host.held(false);
    this.#host.draft(null);
    this.#surface.classList.remove("panning");
  }

  // The pixel under a place on screen, {clientX, clientY}: an integer is a pixel's centre. Null: off the image.
  at(event, clamp = false) {
    const place = this.#anywhere(event);
    return clamp || isOn(place, this.#sizes) ? this.#clamped(place) : null;
  }

  // It may lie off the image.
  #anywhere(event) {
    const { clientX, clientY } = this.#aim.at(event);
    const { x, y } = this.#viewer.toImage(clientX, clientY);
    return [y - 0.5, x - 0.5];
  }

  #clamped(place) {
    return place.map((at, axis) => Math.min(Math.max(round(at), -0.5), this.#sizes[axis] - 0.5));
  }

  get #sizes() {
    const { height, width } = this.#viewer.image;
    return [height, width];
  }

  #down(event) {
    if (!this.#viewer.ready) return;
    this.#surface.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, event);
    if (this.#pointers.size === 2) {
      this.#letGo();
      this.#pinch = this.#span();
      return;
    }
    if (this.#pointers.size > 2) return;
    const tool = event.button === MIDDLE ? "pan" : this.#host.tool();
    if (event.button !== LEFT && event.button !== RIGHT && tool !== "pan") return;
    const finger = event.pointerType === "touch";
    this.#start(event, tool, event.button === RIGHT, finger ? FINGER_SLACK : SLACK);
    if (tool === "pan") this.#surface.classList.add("panning");
    else if (finger && tool !== "box") this.#awaitHold(this.#stroke);
  }

  #start(place, tool, background, slack) {
    const at = this.at(place, tool === "box" || tool === "scribble");
    this.#stroke = {
      tool, at, label: this.#host.label(background), startX: place.clientX, startY: place.clientY, slack,
      moved: false, held: false, inside: this.at(place) !== null, path: [at], last: this.#anywhere(place), made: null,
    };
    this.#host.started();
  }

  get drawing() {
    return this.#stroke !== null;
  }

  // A stroke of the chosen tool without a pointer: it is begun, led on and ended at places {clientX, clientY}.
  begin(place, background) {
    this.#start(place, this.#host.tool(), background, 0);
  }

  lead(place) {
    if (!this.#stroke) return;
    this.#stroke.moved = true;
    this.#extend(this.#stroke, place);
  }

  // Says what became of it: "box", "scribble", "end" of an object or "point"; null: nothing.
  end(place) {
    const stroke = this.#stroke;
    this.#letGo();
    return stroke && this.#finish(stroke, place);
  }

  // A finger has no right button.
  #awaitHold(stroke) {
    this.#holding = setTimeout(() => {
      if (stroke.moved || !stroke.inside) return;
      stroke.held = true;
      stroke.label = this.#host.label(true);
      this.#host.held(true);
      this.#host.draft(this.#dot(stroke));
    }, HOLD);
  }

  #move(event) {
    if (!this.#viewer.ready) return;
    this.#host.hover(this.at(event));
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    this.#pointers.set(event.pointerId, event);
    if (this.#pinch) {
      this.#pinchMove();
      return;
    }
    const stroke = this.#stroke;
    if (!stroke) return;
    const far = Math.hypot(event.clientX - stroke.startX, event.clientY - stroke.startY) > stroke.slack;
    if (far && !stroke.moved) {
      stroke.moved = true;
      if (stroke.tool === "click" && !stroke.held) {
        stroke.tool = "pan";
        this.#surface.classList.add("panning");
      }
    }
    if (stroke.tool === "pan") {
      this.#viewer.panBy(event.clientX - before.clientX, event.clientY - before.clientY);
    } else if (stroke.moved) {
      this.#extend(stroke, event);
    }
  }

  #extend(stroke, event) {
    if (stroke.tool === "scribble") {
      for (const step of event.getCoalescedEvents?.() ?? [event]) this.#addStep(stroke, step);
      this.#host.draft(stroke.inside ? this.#line(stroke) : null);
    } else if (stroke.tool === "box" && stroke.label > 0) {
      this.#host.draft(this.#box(stroke, event));
    }
  }

  // Off the image there is nothing to label: a scribble ends where it leaves, and another begins where it comes in.
  #addStep(stroke, event) {
    const place = this.#anywhere(event);
    const part = onImage(stroke.last, place, this.#sizes);
    stroke.last = place;
    if (part && !stroke.inside) {
      stroke.inside = true;
      stroke.at = this.#clamped(part.from);
      stroke.path = [stroke.at];
    }
    if (part) this.#addPlace(stroke, this.#clamped(part.to));
    if (!stroke.inside || part?.stays) return;
    stroke.made = this.#endLine(stroke);
    stroke.inside = false;
  }

  // Steps closer than the eye can tell only make the event bigger.
  #addPlace({ path }, at) {
    const last = path.at(-1);
    const { scale } = this.#viewer.transform;
    if (Math.hypot(at[0] - last[0], at[1] - last[1]) * scale >= 1.5) path.push(at);
  }

  #line({ label, path }) {
    return { kind: "scribble", label, path, width: this.#host.width() };
  }

  // Every pixel that the rectangle touches; whole pixels, half-open.
  #box(stroke, event) {
    const { width, height } = this.#viewer.image;
    const [rowA, colA] = stroke.at;
    const [rowB, colB] = this.at(event, true);
    const from = (a, b) => Math.max(0, Math.floor(Math.min(a, b) + 0.5));
    const to = (a, b, size) => Math.min(size, Math.ceil(Math.max(a, b) + 0.5));
    return {
      kind: "box",
      label: stroke.label,
      top: from(rowA, rowB),
      left: from(colA, colB),
      bottom: to(rowA, rowB, height),
      right: to(colA, colB, width),
    };
  }

  // What a tap leaves: as wide as the scribble that it might have become.
  #dot({ tool, label, at }) {
    return { kind: "points", label, at: [at], radius: tool === "scribble" ? this.#host.width() / 2 : 0 };
  }

  #up(event) {
    if (!this.#pointers.delete(event.pointerId)) return;
    if (this.#pinch) {
      this.#pinch = this.#pointers.size === 2 ? this.#span() : null;
      return;
    }
    const stroke = this.#stroke;
    this.#letGo();
    if (stroke && stroke.tool !== "pan") this.#finish(stroke, event);
  }

  #finish(stroke, place) {
    if (stroke.tool === "box") return this.#endBox(stroke, place);
    return stroke.inside ? this.#endLine(stroke) : stroke.made;
  }

  #endBox(stroke, event) {
    const box = stroke.moved ? this.#box(stroke, event) : null;
    if (stroke.label === 0) {
      this.#host.noBackgroundBox();
    } else if (!box) {
      return this.#addEnd(stroke);
    } else if (box.bottom > box.top && box.right > box.left) {
      this.#setEnds(null);
      this.#host.box(box);
      return "box";
    }
    return null;
  }

  // An object's four ends, clicked in any order, say what its box says, and are quicker to find than corners.
  #addEnd({ inside, label, at }) {
    if (!inside) return null;
    const before = this.#ends?.label === label ? this.#ends.at : [];
    const last = before.at(-1) ?? [Infinity, Infinity];
    const { scale } = this.#viewer.transform;
    if (Math.hypot(at[0] - last[0], at[1] - last[1]) * scale < SLACK) return null; // a double click
    const ends = [...before, at];
    this.#setEnds(ends.length < 4 ? { kind: "points", label, at: ends, radius: 0 } : null);
    if (ends.length === 4) this.#host.box({ kind: "extreme-points", label, at: extremes(ends) });
    return "end";
  }

  #endLine(stroke) {
    if (stroke.tool === "scribble" && stroke.path.length > 1) {
      this.#host.scribble(this.#line(stroke));
      return "scribble";
    }
    this.#host.point(this.#dot(stroke));
    return "point";
  }

  #lost(event) {
    this.#pointers.delete(event.pointerId);
    this.#pinch = null;
    this.#letGo();
  }

  #span() {
    const [a, b] = [...this.#pointers.values()];
    return {
      x: (a.clientX + b.clientX) / 2,
      y: (a.clientY + b.clientY) / 2,
      distance: Math.max(1, Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY)),
    };
  }

  #pinchMove() {
    const now = this.#span();
    this.#viewer.panBy(now.x - this.#pinch.x, now.y - this.#pinch.y);
    this.#viewer.zoomBy(now.distance / this.#pinch.distance, now.x, now.y, true);
    this.#pinch = now;
  }

  #wheel(event) {
    event.preventDefault();
    const lines = [1, 33, 400][event.deltaMode];
    const pixels = Math.max(-240, Math.min(240, event.deltaY * lines));
    // A pinch on a touchpad arrives as a wheel with Ctrl, in small steps that must follow the fingers.
    const fine = event.ctrlKey;
    this.#viewer.zoomBy(Math.exp(-pixels * (fine ? 0.01 : 0.0025)), event.clientX, event.clientY, fine);
  }
}
