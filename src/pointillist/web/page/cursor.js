// Marking without a mouse: a cross on the image, moved by the arrow keys while the image has the focus.

import { position } from "./words.js";

const LEAP = 10; // times as far with Shift
const MARGIN = 24; // CSS pixels from the edge, where the image moves instead
const OUTSIDE = "outside the image";
const PAUSE = 500; // milliseconds: a position is read out when the cross has come to rest

const MADE = { box: "box ended", scribble: "scribble ended", point: "dot drawn", end: "one of the object's four ends marked" };

const $ = (id) => document.getElementById(id);

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Cursor {
  #surface;
  #viewer;
  #gestures;
  #host;
  #at = null; // CSS pixels from the surface's corner
  #speaking = 0;

  // host = {tool(), label(background), name(label), point(mark), moved(place)}; a place is {clientX, clientY}, null
  // when the cross is away.
  constructor(surface, viewer, gestures, host) {
    this.#surface = surface;
    this.#viewer = viewer;
    this.#gestures = gestures;
    this.#host = host;
    surface.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#at && this.#put(this.#at.x, this.#at.y)).observe(surface);
  }

  get place() {
    if (!this.#at) return null;
    const { left, top } = this.#surface.getBoundingClientRect();
    return { clientX: left + this.#at.x, clientY: top + this.#at.y };
  }

  toggle() {
    if (this.#at) {
      this.leave();
      return;
    }
    this.#surface.focus();
    this.#toMiddle();
    const [chosen, background] = [false, true].map((which) => this.#host.name(this.#host.label(which)));
    const does = this.#host.tool() === "click" ? "marks" : "begins and ends a mark of";
    this.#say(`Keyboard cursor on. Arrows move it, with Shift ten times as far. Enter ${does} ${chosen}, B ${background}. K ends it.`);
  }

  // Where the view is heading to.
  centre() {
    if (!this.#at) return;
    this.#toMiddle();
    this.#readOut();
  }

  // The image has moved under the cross.
  refresh() {
    if (this.#at) $("where").textContent = position(this.#pixel());
  }

  leave() {
    if (!this.#at) return;
    this.#at = null;
    this.#gestures.cancel();
    this.#show();
    this.#say("Keyboard cursor off.");
  }

  #key(event) {
    if (!this.#at || event.ctrlKey || event.altKey || event.metaKey) return;
    const arrow = ARROWS[event.key];
    const action = { Enter: () => this.#mark(false), " ": () => this.#mark(false), b: () => this.#mark(true), Escape: () => this.#drop() };
    const act = action[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!arrow && !act) return;
    event.preventDefault();
    event.stopPropagation(); // without the cross the same keys pan
    if (arrow) this.#step(...arrow, event.shiftKey ? LEAP : 1);
    else if (!event.repeat) act();
  }

  #mark(background) {
    const tool = this.#host.tool();
    if (tool === "click") this.#click(background);
    else if (this.#gestures.drawing) this.#end(tool);
    else this.#begin(tool, background);
  }

  #click(background) {
    const label = this.#host.label(background);
    const at = this.#pixel();
    if (at) this.#host.point({ kind: "points", label, at: [at], radius: 0 });
    this.#say(at ? `${this.#host.name(label)} marked at ${position(at)}` : OUTSIDE);
  }

  #begin(tool, background) {
    if (!this.#viewer.ready) return;
    this.#gestures.begin(this.place, background);
    const name = this.#host.name(this.#host.label(background));
    this.#say(`${tool} of ${name} begun at ${position(this.#pixel()) || OUTSIDE}; Enter ends it, Escape drops it`);
  }

  #end(tool) {
    const made = this.#gestures.end(this.place);
    this.#say(made ? `${MADE[made]} at ${position(this.#pixel()) || OUTSIDE}` : `no ${tool} drawn`);
  }

  // First the stroke that is being drawn, then the cross.
  #drop() {
    if (!this.#gestures.drawing) {
      this.leave();
      return;
    }
    this.#gestures.cancel();
    this.#say("dropped");
  }

  // Null where there is no image under the cross.
  #pixel() {
    return this.#at && this.#viewer.ready ? this.#gestures.at(this.place) : null;
  }

  #show() {
    this.#host.moved(this.place);
    $("by-keyboard").hidden = !this.#at;
    $("where").textContent = position(this.#pixel());
  }

  #say(words) {
    clearTimeout(this.#speaking);
    $("spoken").textContent = words;
  }

  #readOut() {
    clearTimeout(this.#speaking);
    this.#speaking = setTimeout(() => this.#say(position(this.#pixel()) || OUTSIDE), PAUSE);
  }

  #toMiddle() {
    const { width, height } = this.#surface.getBoundingClientRect();
    this.#put(width / 2, height / 2);
  }

  #step(right, down, by) {
    if (!this.#viewer.ready) return;
    const { width, height } = this.#surface.getBoundingClientRect();
    const { scale, x, y } = this.#viewer.transform;
    const { image } = this.#viewer;
    const hidden = [[x < 0, x + image.width * scale > width], [y < 0, y + image.height * scale > height]];
    const along = this.#along(this.#at.x + right * by, width, right, hidden[0]);
    const across = this.#along(this.#at.y + down * by, height, down, hidden[1]);
    if (along.pan || across.pan) this.#viewer.panBy(-along.pan, -across.pan);
    this.#put(along.to, across.to);
    this.#gestures.lead(this.place);
    this.#readOut();
  }

  // Near an edge behind which the image goes on, the image moves under the cross.
  #along(wanted, size, direction, [before, after]) {
    if (!(direction < 0 ? before : direction > 0 && after)) return { to: wanted, pan: 0 };
    const to = Math.min(Math.max(wanted, MARGIN), size - MARGIN);
    return { to, pan: wanted - to };
  }

  #put(x, y) {
    const { width, height } = this.#surface.getBoundingClientRect();
    this.#at = { x: Math.min(Math.max(x, 0), width), y: Math.min(Math.max(y, 0), height) };
    this.#show();
  }
}
