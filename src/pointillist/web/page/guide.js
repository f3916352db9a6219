// Where to look next: the place on this image, the image of the project.

import { get, imagePath } from "./api.js";

export class Guide {
  #host;
  #pulse = false; // when the image is open

  // host = {image(), has(id), open(id), show(row, col), say(words)}
  constructor(host) {
    this.#host = host;
  }

  async toPlace() {
    const { id } = this.#host.image();
    const { row, col } = await get(imagePath(id, "next"));
    if (id !== this.#host.image().id) return;
    if (row === undefined) this.#host.say("No place stands out yet. Mark two classes first.");
    else this.#host.show(row, col);
  }

  async toImage() {
    const { id } = await get("/api/next-image");
    if (!id || !this.#host.has(id)) {
      this.#host.say("No image stands out yet. Mark two classes first.");
    } else if (id === this.#host.image().id) {
      this.#host.say("This is the image where a click helps most.");
      await this.toPlace();
    } else {
      this.#host.open(id);
      this.#pulse = true;
    }
  }

  // The image that was asked for is in view.
  async opened() {
    if (!this.#pulse) return;
    this.#pulse = false;
    await this.toPlace();
  }
}
