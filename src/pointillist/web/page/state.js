// What the page says about itself: saved or not, how far, whose segmentation is shown.

import { SOURCES } from "./words.js";

const $ = (id) => document.getElementById(id);

export function describeSaved({ count, held, kept, away }, lost) {
  const waiting = count - held;
  let [words, state] = lost ? ["server away", "away"] : ["saved", "saved"];
  if (waiting && away) [words, state] = [`${away}, ${waiting} ${kept ? "kept here" : "unsaved"}`, "away"];
  else if (waiting) [words, state] = [`${waiting} unsaved`, "waiting"];
  else if (held) [words, state] = [`${held} not taken`, "held"];
  $("saved").textContent = words;
  $("saved").dataset.state = state;
  $("saved").title = held ? `${held} kept here: on images that can't be read` : "";
}

export function describeProgress({ images, marked }) {
  $("progress").textContent = `${marked} of ${images}`;
  $("progress").title = `${marked} of ${images} images have marks`;
}

export function describeOverlay(shown, updating, untaught) {
  const now = shown ? `by ${SOURCES[shown.source]}` : `none yet${untaught ? ": it takes marks on two classes" : ""}`;
  $("overlay-state").textContent = now + (updating ? " · updating" : "");
}
