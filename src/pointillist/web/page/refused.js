// Marks that can't be sent, and that this browser keeps: sent again or discarded by image and reason.

import { counted } from "./words.js";

const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

// "2 marks of street", or of what was taken back or put back "1 change".
function describe(events) {
  const drawn = events.filter(({ kind }) => kind === "add");
  if (!drawn.length) return counted(events.length, "change");
  const classes = [...new Set(drawn.map(({ called }) => called))].filter(Boolean);
  return counted(drawn.length, "mark") + (classes.length ? ` of ${classes.join(", ")}` : "");
}

export class Refused {
  #root;
  #host;
  #shown = "";

  // host = {name(image), null: it has gone; again(image, why), discard(image, why)}
  constructor(root, host) {
    this.#root = root;
    this.#host = host;
  }

  show(groups) {
    const told = groups.map(({ image, why, events }) => ({ image, why, what: describe(events) }));
    if (JSON.stringify(told) === this.#shown) return; // who is about to press a button still finds it
    this.#shown = JSON.stringify(told);
    this.#root.hidden = !told.length;
    this.#root.querySelector("summary").textContent = `Not taken: ${told.map(({ what }) => what).join(", ")}`;
    this.#root.querySelector("ul").replaceChildren(...told.map((one) => this.#row(one)));
  }

  #row({ image, why, what }) {
    const known = this.#host.name(image);
    const name = known ?? "an image that has gone";
    const words = make("p", { textContent: `${name}, ${what}: ${why}` });
    const again = make("button", { type: "button", textContent: "Send again", ariaLabel: `Send again: ${what} on ${name}` });
    const gone = make("button", { type: "button", textContent: "Discard", ariaLabel: `Discard ${what} on ${name}` });
    again.addEventListener("click", () => this.#host.again(image, why));
    gone.addEventListener("click", () => confirm(`Discard ${what} on ${name} for good?`) && this.#host.discard(image, why));
    const pair = make("div", { className: "pair" });
    pair.append(...(known === null ? [gone] : [again, gone]));
    const row = document.createElement("li");
    row.append(words, pair);
    return row;
  }
}
