// The segmentation of the image in view, by long poll. One request at a time; switching images aborts it.

import { imagePath, request, sleep } from "./api.js";

const IDLE = 5000;

export class Segmentation {
  #show;
  #abort = new AbortController();
  #wake = () => {};
  #shown = -1;
  #wanted = -1;
  #again = false;
  #nothing = -1; // the revision at which nothing could be said

  // show(bitmap, {revision, source}) takes over the bitmap; show(null, null) says that nothing can be said any more.
  constructor(show) {
    this.#show = show;
    document.addEventListener("visibilitychange", () => this.#wake());
  }

  close() {
    this.#abort.abort();
    this.#wanted = this.#shown = -1;
  }

  open(id) {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#shown = -1;
    this.#wanted = this.#nothing = -1;
    this.#again = false;
    this.#run(id, this.#abort.signal);
  }

  get waiting() {
    return this.#wanted > this.#shown;
  }

  // Whether the server said that these marks teach nothing, those on other images with them.
  get untaught() {
    return this.waiting && this.#nothing >= this.#wanted;
  }

  // The marks have reached this revision.
  want(revision) {
    this.#wanted = Math.max(this.#wanted, revision);
    this.#wake();
  }

  // Something else changed that may change the answer: another image's marks, a training.
  refresh() {
    this.#again = true;
    this.#wake();
  }

  async #run(id, signal) {
    let delay = 500;
    while (!signal.aborted) {
      if (document.hidden || this.#wanted < 0 || !(this.waiting || this.#again)) {
        await this.#woken(signal);
        continue;
      }
      this.#again = false;
      try {
        const asked = this.#wanted;
        const response = await request(imagePath(id, `overlay?after=${asked}`), { signal });
        delay = 500;
        if (response.status !== 204) await this.#take(response, signal);
        if (signal.aborted) return;
        if (response.headers.get("X-Why") === "nothing") {
          this.#nothing = asked;
          this.#show(null, null);
          // Who called meanwhile woke nobody.
          if (this.#wanted <= asked && !this.#again) await this.#woken(signal, IDLE);
        } else if (this.waiting) {
          await sleep(100);
        }
      } catch {
        if (signal.aborted) return;
        await sleep(delay);
        delay = Math.min(2 * delay, 10000);
      }
    }
  }

  async #take(response, signal) {
    const revision = Number(response.headers.get("X-Revision"));
    const bitmap = await createImageBitmap(await response.blob());
    if (signal.aborted || revision < this.#shown) {
      bitmap.close();
      return;
    }
    this.#shown = revision;
    this.#show(bitmap, { revision, source: response.headers.get("X-Source") ?? "" });
  }

  #woken(signal, limit) {
    return new Promise((resolve) => {
      this.#wake = resolve;
      signal.addEventListener("abort", resolve, { once: true });
      if (limit) setTimeout(resolve, limit);
    });
  }
}
