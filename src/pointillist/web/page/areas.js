// Areas that came from elsewhere, label maps packed as in marks.py: unpacked once, with the outline of each class.

const UNLABELLED = 255;
const MOST = 1 << 22; // pixels that are looked at; of a larger map every second one, every third, ...
const KEPT = 40;

export class Areas {
  #ready;
  #found = new Map(); // packed labels -> {height, width, map, outlines}, null while they are unpacked

  // ready() is told when another area can be drawn.
  constructor(ready) {
    this.#ready = ready;
  }

  get(mark) {
    if (!this.#found.has(mark.labels)) {
      this.#found.set(mark.labels, null);
      if (this.#found.size > KEPT) this.#found.delete(this.#found.keys().next().value);
      this.#unpack(mark);
    }
    return this.#found.get(mark.labels);
  }

  async #unpack({ height, width, labels }) {
    const packed = Uint8Array.from(atob(labels), (letter) => letter.charCodeAt(0));
    const rows = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const whole = new Uint8Array(await new Response(rows).arrayBuffer());
    const area = thinned(whole, height, width);
    this.#found.set(labels, { ...area, outlines: outlined(area) });
    this.#ready();
  }
}

function thinned(whole, rows, cols) {
  const step = Math.ceil(Math.sqrt(whole.length / MOST));
  if (step === 1) return { height: rows, width: cols, map: whole };
  const height = Math.ceil(rows / step);
  const width = Math.ceil(cols / step);
  const map = new Uint8Array(height * width);
  for (let row = 0, n = 0; row < height; row += 1) {
    for (let col = 0; col < width; col += 1, n += 1) map[n] = whole[row * step * cols + col * step];
  }
  return { height, width, map };
}

// Along the edges of the pixels; straight stretches are one line.
function outlined({ height, width, map }) {
  const outlines = new Map(); // label -> Path2D
  const path = (label) => {
    if (!outlines.has(label)) outlines.set(label, new Path2D());
    return outlines.get(label);
  };
  const at = (row, col) => (row < 0 || col < 0 || row >= height || col >= width ? UNLABELLED : map[row * width + col]);
  const scan = (lines, length, sides, line) => {
    for (let n = 0; n <= lines; n += 1) {
      let from = 0;
      for (let to = 1; to <= length; to += 1) {
        const pair = sides(n, from);
        if (to < length && sides(n, to) === pair) continue;
        const [one, other] = [pair >> 8, pair & 255];
        if (one !== other) for (const label of [one, other]) if (label !== UNLABELLED) line(path(label), n, from, to);
        from = to;
      }
    }
  };
  scan(height, width, (row, col) => (at(row - 1, col) << 8) | at(row, col), (to, row, left, right) => {
    to.moveTo(left, row);
    to.lineTo(right, row);
  });
  scan(width, height, (col, row) => (at(row, col - 1) << 8) | at(row, col), (to, col, top, bottom) => {
    to.moveTo(col, top);
    to.lineTo(col, bottom);
  });
  return [...outlines].sort(([a], [b]) => a - b);
}

// Foreground classes in their colours; background has its outline alone, so that the image is not veiled.
export function filled({ height, width, map }, classes) {
  const canvas = new OffscreenCanvas(width, height);
  const picture = new ImageData(width, height);
  const colours = classes.map(({ colour }) => [1, 3, 5].map((from) => parseInt(colour.slice(from, from + 2), 16)));
  map.forEach((label, n) => {
    if (label > 0 && label < colours.length) picture.data.set([...colours[label], 255], 4 * n);
  });
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}
