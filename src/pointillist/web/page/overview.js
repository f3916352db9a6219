// Where the view is on the image, while only a part of it is in sight; what is pressed there comes into view.

const SIZE = 132; // CSS pixels, the longer side
const WHOLE = 0.98; // so much of both sides in sight, and nothing need be said

const $ = (id) => document.getElementById(id);
const share = (value) => Math.min(Math.max(value, 0), 1);

export class Overview {
  #root = $("overview");
  #viewer;
  #shown = ""; // the address of the picture that is there: the image's file may be replaced

  constructor(viewer) {
    this.#viewer = viewer;
    this.#root.addEventListener("pointerdown", (event) => {
      this.#root.setPointerCapture(event.pointerId);
      this.#go(event);
    });
    this.#root.addEventListener("pointermove", (event) => event.buttons && this.#go(event));
  }

  // The view has changed.
  update() {
    if (!this.#viewer.seen) {
      this.#root.hidden = true;
      return;
    }
    const { image, size, transform: { scale, x, y } } = this.#viewer;
    const along = (at, length, all) => [share(-at / scale / all), share((length - at) / scale / all)];
    const [left, right] = along(x, size.width, image.width);
    const [top, bottom] = along(y, size.height, image.height);
    this.#root.hidden = right - left > WHOLE && bottom - top > WHOLE;
    if (this.#root.hidden) return;
    if (this.#shown !== this.#viewer.firstTile(image)) this.#picture(image);
    const { style } = $("in-view");
    [style.left, style.top] = [`${100 * left}%`, `${100 * top}%`];
    [style.width, style.height] = [`${100 * (right - left)}%`, `${100 * (bottom - top)}%`];
  }

  #picture(image) {
    this.#shown = this.#viewer.firstTile(image);
    const side = SIZE / Math.max(image.width, image.height);
    this.#root.style.width = `${Math.max(16, side * image.width)}px`;
    this.#root.style.height = `${Math.max(16, side * image.height)}px`;
    $("overview-picture").src = this.#shown;
  }

  #go({ clientX, clientY }) {
    const box = this.#root.getBoundingClientRect();
    const { width, height } = this.#viewer.image;
    this.#viewer.centre(share((clientX - box.left) / box.width) * width, share((clientY - box.top) / box.height) * height);
  }
}
