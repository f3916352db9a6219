// What the next stroke will be: tool, class, width; and the keys held that change it for a moment.

import { chosenBefore, keepChosen } from "./chosen.js";

const $ = (id) => document.getElementById(id);
const MOST_KEYS = 9; // classes that have a key, as in keys.js
const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

export class Controls {
  #tool = "click";
  #chosen = 1;
  #project = null; // its id
  #names = []; // of the classes
  #held = new Set(); // "b", "space"
  #toolChanged;

  constructor({ toolChanged, limited }) {
    this.#toolChanged = toolChanged;
    for (const button of document.querySelectorAll("button[data-tool]")) {
      button.addEventListener("click", () => this.pick(button.dataset.tool));
    }
    const field = $("width");
    field.addEventListener("change", () => {
      if (Number(field.value) === this.width) return;
      field.value = this.width;
      limited(field.min, field.max);
    });
    this.#show();
  }

  get tool() {
    return this.#held.has("space") ? "pan" : this.#tool;
  }

  get label() {
    return this.#held.has("b") ? 0 : this.#chosen;
  }

  get width() {
    return Math.min(200, Math.max(1, Number($("width").value) || 3));
  }

  pick(tool) {
    this.#tool = tool;
    this.#toolChanged(tool);
    this.#show();
    this.#keep();
  }

  hold(name, down) {
    if (down) this.#held.add(name);
    else this.#held.delete(name);
    this.#show();
  }

  // Background is left to the right button and B; the keys go round the foreground classes.
  stepClass(by) {
    const count = this.#names.length - 1; // of foreground classes
    if (count < 1) return;
    const from = this.#chosen || (by > 0 ? 0 : 1);
    this.#choose(((from - 1 + by + count) % count) + 1);
  }

  // Of a number that no class has, nothing follows.
  chooseClass(label) {
    if (label < this.#names.length) this.#choose(label);
  }

  // Once in the panel, with their keys, and once below the image, where narrow screens hide the panel (style.css).
  fillClasses(project) {
    const { id, classes } = project;
    this.#project = id;
    this.#names = classes.map(({ name }) => name);
    const fill = (root, add) => {
      const buttons = classes.map((one, label) => this.#classButton(one, label));
      buttons.forEach(add);
      // Foreground first: that is what one chooses. A finger, without a right button, needs background too.
      root.replaceChildren(...buttons.slice(1), buttons[0]);
    };
    fill($("classes"), (button, label) => {
      if (label <= MOST_KEYS) button.append(make("kbd", { textContent: label === 0 ? "B" : `Shift+${label}` }));
    });
    fill($("switch"), () => {});
    this.#asBefore(project);
  }

  #asBefore(project) {
    const { tool, label } = chosenBefore(project);
    if (label >= 0) this.#chosen = label;
    this.#tool = tool ?? this.#tool;
    this.#show();
    this.#keep(); // what nobody has chosen yet, too: the classes' order may change
  }

  #keep() {
    if (this.#project) keepChosen(this.#project, { tool: this.#tool, called: this.#names[this.#chosen] });
  }

  #classButton({ name, colour }, label) {
    const button = make("button", { type: "button", className: "class", title: name });
    button.dataset.label = label;
    const swatch = make("span", { className: "swatch" });
    swatch.style.backgroundColor = colour;
    button.append(swatch, make("span", { className: "name", textContent: name }));
    button.addEventListener("click", () => this.#choose(label));
    return button;
  }

  #choose(label) {
    this.#chosen = label;
    this.#show();
    this.#keep();
  }

  #show() {
    for (const button of document.querySelectorAll("button[data-tool]")) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === this.#tool));
    }
    for (const button of document.querySelectorAll("button[data-label]")) {
      const chosen = Number(button.dataset.label) === this.label;
      if (chosen && button.getAttribute("aria-pressed") !== "true") button.scrollIntoView({ block: "nearest", inline: "nearest" });
      button.setAttribute("aria-pressed", String(chosen));
    }
    $("ink").dataset.tool = this.tool;
  }
}
