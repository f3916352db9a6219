// The list of images. Rows out of sight cost nothing (content-visibility in style.css).

import { counted, HELD_OUT } from "./words.js";

const LEGEND = "held out: judges the network, which does not learn from it";

export class ImageList {
  #root;
  #pick;
  #inspect;
  #rows = new Map(); // id -> {image, labels, button, state, count}
  #order = [];
  #current = null;
  #seen;

  // pick(id) opens an image. inspect(id) is asked once for each marked image that comes into sight:
  // the project tells how many marks an image has, but not of which classes.
  // chosen() follows a click: arrows in the list go on.
  constructor(root, { pick, chosen, inspect }) {
    this.#root = root;
    this.#pick = pick;
    this.#inspect = inspect;
    this.#seen = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) this.#sight(entry.target.dataset.id);
    }, { root });
    root.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      pick(button.dataset.id);
      chosen();
    });
    root.addEventListener("keydown", (event) => this.#key(event));
    for (const kind of ["pointerover", "focusin"]) root.addEventListener(kind, ({ target }) => this.#explain(target.closest("button")));
    for (const kind of ["pointerleave", "focusout"]) root.addEventListener(kind, () => this.#explain(null));
  }

  set(images) {
    this.#rows.clear();
    this.#order = images.map((image) => image.id);
    this.#root.replaceChildren(...images.map((image) => this.#row(image)));
    for (const { button } of this.#rows.values()) this.#seen.observe(button);
    document.getElementById("legend").hidden = images.every(({ split }) => !HELD_OUT[split]);
    this.#explain(null);
  }

  // Under the list's title: what "held out" means, in general or on the row in question.
  #explain(button) {
    const split = button && this.#rows.get(button.dataset.id).image.split;
    document.getElementById("legend").textContent = HELD_OUT[split] ?? LEGEND;
  }

  update(id, marks, labels) {
    const row = this.#rows.get(id);
    row.image.marks = marks;
    row.labels = labels;
    this.#describe(row);
  }

  // Why its file can't be read, in words; null: it can.
  setBroken(id, words) {
    const row = this.#rows.get(id);
    if (row.image.broken === words) return;
    row.image.broken = words;
    this.#describe(row);
  }

  select(id) {
    const before = this.#rows.get(this.#current)?.button;
    before?.removeAttribute("aria-current");
    if (before) before.tabIndex = -1;
    this.#current = id;
    const { button } = this.#rows.get(id);
    button.setAttribute("aria-current", "true");
    button.tabIndex = 0;
    button.scrollIntoView({ block: "nearest" });
  }

  get current() {
    return this.#current;
  }

  has(id) {
    return this.#rows.has(id);
  }

  image(id) {
    return this.#rows.get(id).image;
  }

  // The neighbour, or null at either end.
  neighbour(step) {
    return this.#order[this.#order.indexOf(this.#current) + step] ?? null;
  }

  get totals() {
    const images = [...this.#rows.values()].map((row) => row.image);
    return {
      images: images.length,
      marked: images.filter((image) => image.marks > 0).length,
      marks: images.reduce((sum, image) => sum + image.marks, 0),
    };
  }

  #row(image) {
    const make = (tag, className) => Object.assign(document.createElement(tag), { className });
    const item = make("li", "");
    const button = Object.assign(make("button", ""), { type: "button", tabIndex: -1, title: image.name });
    button.dataset.id = image.id;
    const name = make("span", "name");
    name.textContent = image.name;
    const split = make("span", "split quiet");
    if (HELD_OUT[image.split]) Object.assign(split, { textContent: "held out", title: HELD_OUT[image.split] });
    const state = make("span", "tick");
    const marks = make("span", "quiet marks");
    const [count, noun] = [make("span", "count"), make("span", "noun")];
    marks.append(count, noun);
    button.append(name, state, marks, split);
    item.append(button);
    const row = { image, labels: null, asked: false, button, state, count, noun };
    this.#rows.set(image.id, row);
    this.#describe(row);
    return item;
  }

  #describe({ image, labels, button, state, count, noun }) {
    button.classList.toggle("broken", Boolean(image.broken));
    button.title = image.broken ? `${image.name}: ${image.broken}` : image.name;
    if (image.broken) {
      state.textContent = "";
      count.textContent = "can't be read";
      noun.textContent = "";
      button.setAttribute("aria-label", `${image.name}, can't be read: ${image.broken}`);
      return;
    }
    const complete = labels !== null && labels.size > 1;
    state.textContent = complete ? "✓" : "";
    state.title = complete ? "Marks on two classes or more: it teaches where one ends" : "";
    count.textContent = image.marks || "";
    noun.textContent = image.marks ? ` ${image.marks === 1 ? "mark" : "marks"}` : "no marks";
    const told = [image.name, counted(image.marks, "mark"), complete && "two classes or more", HELD_OUT[image.split] && `held out, ${HELD_OUT[image.split]}`];
    button.setAttribute("aria-label", told.filter(Boolean).join(", "));
  }

  #sight(id) {
    const row = this.#rows.get(id);
    if (!row || row.asked || row.labels || row.image.marks < 2) return;
    row.asked = true;
    this.#inspect(id);
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation(); // on the image the same keys pan
    const id = this.neighbour(step);
    if (!id) return;
    this.#pick(id);
    this.#rows.get(id).button.focus();
  }
}
