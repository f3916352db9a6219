// Names, colours and new classes, in a dialog. The server writes them down and opens the project anew; so does the page.

import { post } from "./api.js";

const $ = (id) => document.getElementById(id);
const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
const MOST = 255;
// Okabe and Ito's, told apart by all eyes.
const COLOURS = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"];

export class ClassEditor {
  #classes;
  #saved;

  // saved() is told when the project has the new classes.
  constructor(classes, saved) {
    this.#classes = classes;
    this.#saved = saved;
    $("classes-edit").addEventListener("click", () => this.#open());
    $("class-add").addEventListener("click", () => this.#add());
    $("class-cancel").addEventListener("click", () => $("class-editor").close());
    $("class-editor").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
  }

  #open() {
    $("class-rows").replaceChildren(...this.#classes.map((one) => row(one, one.name)));
    this.#say("");
    $("class-add").disabled = this.#classes.length >= MOST;
    $("class-editor").showModal();
    $("class-rows").querySelectorAll("input[type=text]")[1]?.select();
  }

  #add() {
    const used = new Set([...$("class-rows").querySelectorAll("input[type=color]")].map((field) => field.value));
    const colour = COLOURS.find((one) => !used.has(one)) ?? COLOURS[used.size % COLOURS.length];
    const added = row({ name: "", colour }, null);
    $("class-rows").append(added);
    $("class-add").disabled = $("class-rows").children.length >= MOST;
    added.querySelector("input[type=text]").focus();
  }

  async #save() {
    const rows = [...$("class-rows").children];
    const classes = rows.map((one) => ({
      name: one.querySelector("input[type=text]").value.trim(),
      was: one.dataset.was ?? null,
      colour: one.querySelector("input[type=color]").value,
    }));
    const names = classes.map((one) => one.name);
    const twice = names.findIndex((name, at) => names.indexOf(name) !== at);
    const wrong = names.includes("") ? "Every class needs a name." : twice >= 0 ? `Two classes are called ${names[twice]}.` : "";
    this.#say(wrong);
    if (wrong) return;
    $("class-save").disabled = true;
    try {
      await post("/api/classes", { classes });
      this.#saved();
    } catch (error) {
      this.#say(error.message);
      $("class-save").disabled = false;
    }
  }

  #say(words) {
    $("class-wrong").textContent = words;
  }
}

function row({ name, colour }, was) {
  const found = make("li", {});
  if (was !== null) found.dataset.was = was;
  const what = was ?? "new class";
  const swatch = make("input", { type: "color", value: colour, ariaLabel: `Colour of ${what}` });
  const field = make("input", { type: "text", value: name, maxLength: 60, required: true, ariaLabel: `Name of ${what}` });
  field.autocomplete = "off";
  found.append(swatch, field);
  if (was === null) {
    const gone = make("button", { type: "button", textContent: "×", title: "Leave it out", ariaLabel: "Leave this class out" });
    gone.addEventListener("click", () => found.remove());
    found.append(gone);
  }
  return found;
}
