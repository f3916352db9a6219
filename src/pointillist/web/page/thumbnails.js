// Small pictures of the cards in sight, a few requests at a time, each asked again when it has changed.

import { imagePath, request } from "./api.js";

const AT_ONCE = 3; // of the six connections, two are held by the stream and the long poll, one stays for saving
const AHEAD = "300px";

export class Thumbnails {
  #cards = new Map(); // id -> {element, picture, version, shown, near, url}
  #busy = new Map(); // id -> AbortController
  #order = []; // ids, those asked for first in front
  #open = false;
  #seen;

  constructor(root) {
    this.#seen = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) this.#cards.get(target.dataset.id).near = isIntersecting;
      this.#pump();
    }, { root, rootMargin: AHEAD });
  }

  watch(id, element, picture) {
    element.dataset.id = id;
    this.#cards.set(id, { element, picture, version: "", shown: null, near: false, url: "" });
    this.#seen.observe(element);
  }

  order(ids) {
    this.#order = ids;
  }

  // A picture of another version than the one shown is asked for when its card is in sight.
  version(id, version) {
    this.#cards.get(id).version = version;
  }

  // It has changed, whatever its version.
  expire(id) {
    const card = this.#cards.get(id);
    if (card) card.shown = null;
    this.#pump();
  }

  // In place of a picture that has not come.
  missing(id, words) {
    const { element, url } = this.#cards.get(id);
    if (!url) element.querySelector(".why").textContent = words;
  }

  // What has failed is asked for again.
  start() {
    this.#open = true;
    for (const [id, card] of this.#cards) if (!card.url && !this.#busy.has(id)) card.shown = null;
    this.#pump();
  }

  stop() {
    this.#open = false;
    for (const abort of this.#busy.values()) abort.abort();
  }

  #pump() {
    if (!this.#open) return;
    for (const id of this.#order) {
      if (this.#busy.size >= AT_ONCE) return;
      const card = this.#cards.get(id);
      if (card.near && card.shown !== card.version && !this.#busy.has(id)) this.#load(id, card);
    }
  }

  async #load(id, card) {
    const abort = new AbortController();
    const { version } = card;
    this.#busy.set(id, abort);
    card.shown = version;
    try {
      const response = await request(imagePath(id, "thumbnail.webp"), { signal: abort.signal });
      this.#show(card, URL.createObjectURL(await response.blob()));
    } catch (error) {
      if (abort.signal.aborted) card.shown = null;
      else this.missing(id, error.message);
    }
    this.#busy.delete(id);
    this.#pump();
  }

  #show(card, url) {
    card.picture.src = url;
    card.element.querySelector(".why").textContent = "";
    if (card.url) URL.revokeObjectURL(card.url);
    card.url = url;
  }
}
