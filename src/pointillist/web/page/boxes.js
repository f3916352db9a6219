// Boxes, and what they say of marks beside them: all objects of a class with a box are taken to have one.

// The edges of a box, or of the one that an object's four ends say.
export function edges(box) {
  if (box.kind === "box") return box;
  const [rows, cols] = [0, 1].map((axis) => box.at.map((place) => Math.floor(place[axis] + 0.5)));
  return { top: Math.min(...rows), left: Math.min(...cols), bottom: Math.max(...rows) + 1, right: Math.max(...cols) + 1 };
}

const inside = ([row, col], { top, left, bottom, right }) => row >= top - 1 && row <= bottom && col >= left - 1 && col <= right;

// Whether something of a class that has a box was clicked or drawn outside of all of them.
export function straysFromBoxes(marks, label) {
  const mine = marks.filter((mark) => mark.label === label);
  const boxes = mine.filter(({ kind }) => kind === "box" || kind === "extreme-points").map(edges);
  const placed = mine.filter(({ kind }) => kind === "points" || kind === "scribble");
  const outside = (mark) => !(mark.path ?? mark.at).some((place) => boxes.some((box) => inside(place, box)));
  return boxes.length > 0 && placed.some(outside);
}
