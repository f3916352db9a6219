// The image itself: a thin layer over OpenSeadragon. Its own mouse handling is off (see gestures.js).

import { imagePath } from "./api.js";

const TILE = 256;
const OVERLAP = 1; // as in tiles.py: with none, OpenSeadragon draws each tile a CSS pixel too large
const LEAST = Math.log2(TILE); // the level from which down the whole image is one tile
const KEEP_VISIBLE = 0.25;
const NEAREST_FROM = 2; // device pixels for one pixel of the image

const LOADING = {
  jobLimit: 4, // of the six connections, two are held by the stream and the long poll
  tileRetryMax: 1000,
  tileRetryDelay: 2500,
  timeout: 60000,
};

const topLevel = (width, height) => Math.ceil(Math.log2(Math.max(width, height)));

export class Viewer {
  image = null;
  #osd;
  #item = null;
  #smooth = true;
  #seen = false;
  #late = new Set(); // tiles that have failed, and are asked for again

  // failed(path) hears of a tile that has not come; it is asked for again until the image is closed.
  constructor(element, { drawn, opened, failed }) {
    // OpenSeadragon would insert an inline style, which the content security policy refuses and reports.
    // It looks for a marker first: an element of that name, in no namespace, is one but styles nothing.
    // style.css says what OpenSeadragon would have said.
    const marker = document.createElementNS(null, "style");
    marker.setAttribute("data-openseadragon-mobile-css", "true");
    document.head.append(marker);
    // It would report every tile that came too late or not at all on the console; the page says it in words.
    OpenSeadragon.console = Object.fromEntries(["log", "debug", "info", "warn", "error", "assert"].map((level) => [level, () => {}]));
    this.#osd = new OpenSeadragon.Viewer({
      element,
      drawer: "canvas",
      mouseNavEnabled: false,
      showNavigationControl: false,
      autoHideControls: false,
      tabIndex: -1,
      animationTime: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0.001 : 0.25,
      springStiffness: 8,
      visibilityRatio: KEEP_VISIBLE,
      minZoomImageRatio: 0.5,
      maxZoomPixelRatio: 64,
      preserveImageSizeOnResize: true,
    });
    this.#osd.addHandler("update-viewport", () => {
      this.#setSmoothing();
      drawn();
    });
    // At tile edges OpenSeadragon draws by way of a second canvas, which setImageSmoothingEnabled forgets.
    this.#osd.addHandler("tile-drawing", ({ context, tiledImage }) => {
      context.imageSmoothingEnabled = this.#smooth;
      this.#seen ||= tiledImage === this.#item;
    });
    this.#osd.addHandler("open", () => {
      this.#item = this.#osd.world.getItemAt(0);
      opened();
    });
    this.#osd.addHandler("tile-load-failed", ({ tile, tiledImage }) => {
      if (tiledImage !== this.#item) return;
      this.#late.add(tile);
      failed(tile.getUrl());
    });
    // OpenSeadragon takes an image for complete once a tile has failed, and would not draw it when it comes.
    this.#osd.addHandler("tile-loaded", ({ tile, tiledImage }) => {
      if (this.#late.delete(tile)) setTimeout(() => this.#redrawAll(tiledImage));
    });
  }

  // A loader goes on asking for what has failed, whatever is open by then: each image gets one of its own.
  close() {
    this.#item = null;
    this.#seen = false;
    this.#late.clear();
    this.#osd.imageLoader.tileRetryMax = 0;
    this.#osd.close();
    this.#osd.imageLoader = new OpenSeadragon.ImageLoader(LOADING);
  }

  open(image) {
    this.close();
    this.image = image;
    const maxLevel = topLevel(image.width, image.height);
    this.#osd.open({
      width: image.width,
      height: image.height,
      tileSize: TILE,
      tileOverlap: OVERLAP,
      minLevel: Math.min(maxLevel, LEAST), // from here down the whole image is one tile
      maxLevel,
      getTileUrl: (level, x, y) => this.#tile(image, level, `${x}_${y}`),
    });
  }

  // On which the whole image is, if it is not a large one.
  firstTile(image) {
    return this.#tile(image, Math.min(topLevel(image.width, image.height), LEAST), "0_0");
  }

  // By the file's hash too: browsers keep tiles, also those of a file that has been replaced.
  #tile({ id, file }, level, place) {
    return imagePath(id, `tiles/${level}/${place}.png?file=${file}`);
  }

  get ready() {
    return this.#item !== null;
  }

  // Whether anything of the image has been on the screen.
  get seen() {
    return this.ready && this.#seen;
  }

  // Size in the viewer's pixels. Browsers may give the element a fraction more or less of a CSS
  // pixel, which is why positions are scaled by what the element really measures.
  get size() {
    const { x, y } = this.#osd.viewport.getContainerSize();
    return { width: x, height: y };
  }

  #element(clientX, clientY) {
    const box = this.#osd.element.getBoundingClientRect();
    const { width, height } = this.size;
    return new OpenSeadragon.Point(((clientX - box.left) * width) / box.width, ((clientY - box.top) * height) / box.height);
  }

  // Continuous image coordinates: 0..width, 0..height. The viewport as drawn, not where it is heading.
  toImage(clientX, clientY) {
    return this.#item.viewerElementToImageCoordinates(this.#element(clientX, clientY));
  }

  // screen = image * scale + (x, y), in the viewer's pixels.
  get transform() {
    const origin = this.#item.imageToViewerElementCoordinates(new OpenSeadragon.Point(0, 0));
    const end = this.#item.imageToViewerElementCoordinates(new OpenSeadragon.Point(this.image.width, 0));
    return { scale: (end.x - origin.x) / this.image.width, x: origin.x, y: origin.y };
  }

  // What is on the screen now, to be kept with a mark; null where it can't be told.
  get view() {
    const { scale, x, y } = this.transform;
    const { width, height } = this.size;
    const told = { viewport: [width, height], density: devicePixelRatio, scale, origin: [x, y] };
    return Object.values(told).flat().every(Number.isFinite) ? told : null;
  }

  #redrawAll(item) {
    if (item !== this.#item) return;
    item.update(true);
    this.#osd.forceRedraw();
  }

  redraw() {
    if (this.ready) this.#osd.forceRedraw();
  }

  panBy(dx, dy, immediately = true) {
    if (!this.ready) return;
    const { viewport } = this.#osd;
    viewport.panBy(viewport.deltaPointsFromPixels(new OpenSeadragon.Point(-dx, -dy), immediately), immediately);
    viewport.applyConstraints(immediately);
  }

  zoomBy(factor, clientX, clientY, immediately = false) {
    if (!this.ready) return;
    const { viewport } = this.#osd;
    const fixed = viewport.pointFromPixel(this.#element(clientX, clientY), true);
    const zoom = Math.min(Math.max(viewport.getZoom() * factor, viewport.getMinZoom()), viewport.getMaxZoom());
    viewport.zoomTo(zoom, fixed, immediately);
    viewport.applyConstraints(immediately);
  }

  // Around a place {clientX, clientY}, or the middle.
  zoomAt(place, factor) {
    const box = this.#osd.element.getBoundingClientRect();
    const { clientX, clientY } = place ?? { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
    this.zoomBy(factor, clientX, clientY);
  }

  // From the page's coordinates to those that size and transform are told in.
  toViewer({ clientX, clientY }) {
    return this.#element(clientX, clientY);
  }

  // Continuous image coordinates.
  centre(x, y) {
    if (!this.ready) return;
    const { viewport } = this.#osd;
    viewport.panTo(this.#item.imageToViewportCoordinates(x, y), true);
    viewport.applyConstraints(true);
  }

  // What is in the middle, and how large, where the view is heading: {x, y, zoom} of the image; null: nothing.
  get place() {
    if (!this.ready) return null;
    const { viewport } = this.#osd;
    const { x, y } = this.#item.viewportToImageCoordinates(viewport.getCenter());
    return { x, y, zoom: viewport.viewportToImageZoom(viewport.getZoom()) };
  }

  set place(place) {
    if (!this.ready || !place) return;
    const { viewport } = this.#osd;
    viewport.zoomTo(viewport.imageToViewportZoom(place.zoom), null, true);
    this.centre(place.x, place.y);
  }

  fit() {
    if (this.ready) this.#osd.viewport.goHome();
  }

  // Close enough to judge the place, but never further out than the user already is. Gives the place that is
  // gone to: near the image's edge, so far inside that as many CSS pixels of the image are around it.
  goTo(row, col, around) {
    if (!this.ready) return { row, col };
    const { viewport } = this.#osd;
    const close = Math.min(4 * viewport.getHomeZoom(), viewport.imageToViewportZoom(8));
    const zoom = Math.max(viewport.getZoom(), close);
    const margin = around / viewport.viewportToImageZoom(zoom);
    const inside = (at, size) => Math.min(Math.max(at, Math.min(margin, size / 2) - 0.5), Math.max(size - margin, size / 2) - 0.5);
    const place = { row: inside(row, this.image.height), col: inside(col, this.image.width) };
    viewport.panTo(this.#item.imageToViewportCoordinates(place.col + 0.5, place.row + 0.5));
    if (viewport.getZoom() < close) viewport.zoomTo(close);
    return place;
  }

  #setSmoothing() {
    if (!this.ready) return;
    const smooth = this.transform.scale * devicePixelRatio < NEAREST_FROM;
    if (smooth === this.#smooth) return;
    this.#smooth = smooth;
    this.#osd.drawer.setImageSmoothingEnabled(smooth);
  }
}
