// Where a pointer's way crosses the border of the image. Places are [row, col], an integer is a pixel's centre.

const BORDER = -0.5;

export const isOn = (place, sizes) => place.every((at, axis) => at >= BORDER && at <= sizes[axis] + BORDER);

// What of a straight step is on an image of sizes [height, width]: {from, to, stays}; null: nothing.
export function onImage(from, to, sizes) {
  let [begin, end] = [0, 1];
  for (const [axis, size] of sizes.entries()) {
    const way = to[axis] - from[axis];
    if (way === 0) {
      if (from[axis] < BORDER || from[axis] > size + BORDER) return null;
      continue;
    }
    const shares = [BORDER, size + BORDER].map((edge) => (edge - from[axis]) / way);
    begin = Math.max(begin, Math.min(...shares));
    end = Math.min(end, Math.max(...shares));
  }
  const at = (share) => from.map((start, axis) => start + share * (to[axis] - start));
  return begin > end ? null : { from: at(begin), to: at(end), stays: end === 1 };
}
