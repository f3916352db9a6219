// What the server tells over the stream, sorted by what it is about.

const SETTLE = 400; // our own mark is announced too, about when its POST is answered

export class News {
  #handlers;
  #known;
  #own = new Set(); // "image revision" that our own POSTs made
  #announced = new Map(); // image -> timer

  // handlers: one for each type of message; marks(image, others) follows at once for our own, later for others'.
  constructor(handlers, known) {
    this.#handlers = handlers;
    this.#known = known;
  }

  own(image, revision) {
    this.#own.add(`${image} ${revision}`);
  }

  take(message) {
    if ("image" in message && !this.#known(message.image)) return;
    if (message.type === "marks") this.#marked(message);
    else this.#handlers[message.type]?.(message);
  }

  #marked({ image, revision }) {
    clearTimeout(this.#announced.get(image));
    this.#announced.set(image, setTimeout(() => {
      this.#announced.delete(image);
      this.#handlers.marks(image, !this.#own.has(`${image} ${revision}`));
    }, SETTLE));
  }
}
