// What the server tells over the stream, sorted by what it is about.

const SETTLE = 400; // our own mark is announced too, about when its POST is answered
const LONGEST = 1600; // of one announcement after another, others' marks wait no longer

export class News {
  #handlers;
  #known;
  #own = new Set(); // "image revision" that our own POSTs made
  #announced = new Map(); // image -> {revisions, since, timer}

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

  // Several in a row are told once; one that is not ours among them is not forgotten for ours after it.
  #marked({ image, revision }) {
    const now = performance.now();
    const waiting = this.#announced.get(image) ?? { revisions: [], since: now, timer: 0 };
    clearTimeout(waiting.timer);
    waiting.revisions.push(revision);
    waiting.timer = setTimeout(() => {
      this.#announced.delete(image);
      this.#handlers.marks(image, waiting.revisions.some((one) => !this.#own.has(`${image} ${one}`)));
    }, Math.max(0, Math.min(SETTLE, waiting.since + LONGEST - now)));
    this.#announced.set(image, waiting);
  }
}
