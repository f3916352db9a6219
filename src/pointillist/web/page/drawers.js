// On narrow screens the panels lie over the lower part of the image, one at a time, and only when asked for.

const NARROW = matchMedia("(max-width: 860px)"); // as in style.css

const $ = (id) => document.getElementById(id);
const PANELS = ["list", "side"];

export class Drawers {
  // surface: the image; what is pressed beside an open panel closes it, and marks nothing.
  constructor(surface) {
    for (const name of PANELS) $(`open-${name}`).addEventListener("click", () => this.#show(this.open === name ? null : name));
    surface.addEventListener("pointerdown", (event) => {
      if (!this.open) return;
      event.stopImmediatePropagation();
      this.close();
    }, true);
    NARROW.addEventListener("change", () => this.close());
  }

  get narrow() {
    return NARROW.matches;
  }

  // "list", "side" or null
  get open() {
    return PANELS.find((name) => document.body.classList.contains(`show-${name}`)) ?? null;
  }

  close() {
    this.#show(null);
  }

  #show(wanted) {
    const hadFocus = this.open && $(this.open).contains(document.activeElement) ? $(`open-${this.open}`) : null;
    for (const name of PANELS) {
      document.body.classList.toggle(`show-${name}`, name === wanted);
      $(`open-${name}`).setAttribute("aria-expanded", String(name === wanted));
    }
    hadFocus?.focus();
  }
}
