// All images with what they were taken for, to look through; the view keeps its order until it is sorted again.

import { get, patiently } from "./api.js";
import { Thumbnails } from "./thumbnails.js";
import { counted, fine, HELD_OUT } from "./words.js";

const SPLITS = { train: "Learnt from", val: "Held out to choose (val)", test: "Held out to measure (test)" };

const AWAY = "The server is away: no picture yet.";

const $ = (id) => document.getElementById(id);
const make = (tag, className, properties = {}) => Object.assign(document.createElement(tag), { className, ...properties });

// What is not known comes last.
const ORDERS = {
  doubt: (a, b) => (b.doubt ?? -1) - (a.doubt ?? -1) || a.place - b.place,
  name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
  marks: (a, b) => a.marks - b.marks || a.place - b.place,
};

export class Results {
  #dialog = $("results");
  #grid = $("cards");
  #host;
  #cards = new Map(); // id -> {id, name, place, split, marks, doubt, button, item, wrong, count}
  #order = []; // ids, as shown
  #focused = null;
  #scroll = 0;
  #informed = false; // when it was sorted, some doubts were known
  #thumbnails = new Thumbnails(this.#grid);
  #closing = new AbortController();

  // host = {pick(id), current(), failed(error), broken(id, words)}
  constructor(host) {
    this.#host = host;
    $("results-close").addEventListener("click", () => this.#dialog.close());
    for (const id of ["results-sort", "results-filter"]) $(id).addEventListener("change", () => this.#arrange());
    $("results-again").addEventListener("click", () => {
      this.#arrange();
      this.#toFocused();
    });
    this.#dialog.addEventListener("close", () => this.#closed());
    this.#dialog.addEventListener("keydown", (event) => this.#key(event));
    this.#grid.addEventListener("focusin", (event) => event.target.dataset.id && this.#focus(event.target.dataset.id));
    this.#grid.addEventListener("click", (event) => this.#pick(event.target.closest("button")?.dataset.id));
    // What is not displayed has forgotten where it was.
    this.#grid.addEventListener("scroll", () => {
      if (this.#dialog.open) this.#scroll = this.#grid.scrollTop;
    }, { passive: true });
  }

  set(images) {
    images.forEach((image, place) => {
      this.#cards.set(image.id, this.#card(image, place));
      this.#describe(image.id, image.marks, null, image.broken);
    });
    const splits = Object.keys(SPLITS).filter((split) => images.some((image) => image.split === split));
    if (splits.length < 2) return;
    $("results-filter").append(...splits.map((split) => make("option", "", { value: split, textContent: SPLITS[split] })));
  }

  open() {
    const scroll = this.#scroll;
    this.#dialog.showModal();
    this.#mark(this.#host.current());
    this.#grid.scrollTop = scroll;
    this.#cards.get(this.#focused)?.button.focus({ preventScroll: true });
    this.#closing = new AbortController();
    this.#ask();
  }

  // What the server has worked out since is shown; nothing moves.
  refresh() {
    if (this.#dialog.open) this.#ask();
  }

  // The image has other marks, or another segmentation.
  changed(id) {
    this.#thumbnails.expire(id);
  }

  async #ask() {
    const { signal } = this.#closing;
    const failed = (error) => {
      if (!this.#order.length) this.#arrange(); // by what the page knows itself
      for (const { id } of this.#cards.values()) this.#thumbnails.missing(id, AWAY);
      this.#host.failed(error);
    };
    const answer = await patiently(() => get("/api/results", { signal }), failed, signal);
    if (!answer || signal.aborted) return;
    for (const { id, marks, doubt, broken } of answer.images) {
      this.#host.broken(id, broken ?? null);
      this.#describe(id, marks, doubt, broken);
    }
    if (this.#order.length && this.#informed) this.#offer();
    else this.#arrange();
    this.#thumbnails.start();
  }

  #card(image, place) {
    const item = make("li", "");
    const button = make("button", "", { type: "button", tabIndex: -1 });
    const picture = make("img", "", { alt: "", decoding: "async" });
    const frame = make("span", "frame");
    const wrong = make("span", "quiet");
    const count = make("span", "quiet count");
    const why = HELD_OUT[image.split];
    const split = make("span", "quiet split", { textContent: why ? "held out" : "", title: why ?? "" });
    button.dataset.id = image.id;
    frame.append(make("span", "why quiet"), picture);
    button.append(frame, make("span", "name", { textContent: image.name, title: image.name }), split, wrong, count);
    item.append(button);
    this.#thumbnails.watch(image.id, item, picture);
    return { ...image, place, doubt: null, button, item, wrong, count };
  }

  #describe(id, marks, doubt, broken) {
    const card = this.#cards.get(id);
    if (!card) return;
    Object.assign(card, { marks, doubt });
    const known = doubt === null ? "not looked at yet" : `in doubt: ${fine(doubt)}`;
    card.wrong.textContent = broken ? "can't be read" : known;
    card.count.textContent = counted(marks, "mark");
    const split = HELD_OUT[card.split] ? ", held out" : "";
    card.button.setAttribute("aria-label", `${card.name}${split}, ${card.wrong.textContent}, ${card.count.textContent}`);
    this.#thumbnails.version(id, `${marks} ${doubt}`);
  }

  #sorted() {
    const wanted = $("results-filter").value;
    const chosen = [...this.#cards.values()].filter(({ marks, split }) => {
      if (wanted === "all") return true;
      return wanted === "unmarked" ? marks === 0 : split === wanted;
    });
    return chosen.sort(ORDERS[$("results-sort").value]).map(({ id }) => id);
  }

  #arrange() {
    const hadFocus = this.#grid.contains(document.activeElement);
    this.#order = this.#sorted();
    this.#informed = [...this.#cards.values()].some(({ doubt }) => doubt !== null);
    this.#grid.replaceChildren(...this.#order.map((id) => this.#cards.get(id).item));
    $("results-none").hidden = this.#order.length > 0;
    const all = this.#cards.size;
    const shown = this.#order.length;
    $("results-count").textContent = shown === all ? counted(all, "image") : `${shown} of ${counted(all, "image")}`;
    this.#thumbnails.order(this.#order);
    this.#grid.scrollTop = 0;
    this.#focus(this.#order[0]);
    if (hadFocus) this.#toFocused();
    this.#offer();
  }

  #offer() {
    const now = this.#sorted();
    $("results-again").disabled = now.length === this.#order.length && now.every((id, place) => id === this.#order[place]);
  }

  // One card is reached by Tab, the others from it by arrows.
  #focus(id) {
    const before = this.#cards.get(this.#focused);
    if (before) before.button.tabIndex = -1;
    this.#focused = id ?? null;
    const now = this.#cards.get(this.#focused);
    if (now) now.button.tabIndex = 0;
  }

  #toFocused() {
    (this.#cards.get(this.#focused)?.button ?? $("results-filter")).focus();
  }

  #mark(current) {
    for (const { id, button } of this.#cards.values()) {
      if (id === current) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  #pick(id) {
    if (!id) return;
    this.#dialog.close();
    this.#host.pick(id);
  }

  #closed() {
    this.#closing.abort();
    this.#thumbnails.stop();
  }

  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("select")) return;
    if (event.key.toLowerCase() === "r") {
      event.preventDefault();
      event.stopPropagation(); // on the page the same key opens this
      this.#dialog.close();
      return;
    }
    const from = this.#order.indexOf(event.target.dataset?.id);
    const to = from < 0 ? null : this.#step(event.key, from);
    if (to === null) return;
    event.preventDefault();
    this.#cards.get(this.#order[to]).button.focus();
  }

  #step(key, from) {
    const last = this.#order.length - 1;
    const columns = getComputedStyle(this.#grid).gridTemplateColumns.split(" ").length;
    const rows = Math.max(1, Math.floor(this.#grid.clientHeight / this.#cards.get(this.#order[0]).item.offsetHeight));
    const by = {
      ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns,
      PageUp: -columns * rows, PageDown: columns * rows, Home: -from, End: last - from,
    }[key];
    if (by === undefined) return null;
    const whole = Math.floor(last / columns) > Math.floor(from / columns); // there is a row below
    if (from + by > last && !(whole && by > 1)) return from;
    if (from + by < 0) return key === "PageUp" ? from % columns : from;
    return Math.min(from + by, last);
  }
}
