// What the page says about itself: saved or not, how far, whose segmentation is shown.

import { SOURCES } from "./words.js";

const $ = (id) => document.getElementById(id);

export function describeSaved({ count, stuck, kept, away }, lost) {
  const waiting = count - stuck;
  let [words, state] = lost ? ["server away", "away"] : ["saved", "saved"];
  if (waiting && away) [words, state] = [`${away}, ${waiting} ${kept ? "kept here" : "unsaved"}`, "away"];
  else if (waiting) [words, state] = [`${waiting} unsaved`, "waiting"];
  else if (stuck) [words, state] = [`${stuck} not taken`, "held"];
  $("saved").textContent = words;
  $("saved").dataset.state = state;
  $("saved").title = stuck ? "Kept here, listed under the images" : "";
}

export function describeProgress({ images, marked }) {
  $("progress").textContent = `${marked} of ${images}`;
  $("progress").title = `${marked} of ${images} images have marks`;
}

export function describeOverlay(shown, updating, untaught) {
  const now = shown ? `by ${SOURCES[shown.source]}` : `none yet${untaught ? ": it takes marks on two classes" : ""}`;
  $("overlay-state").textContent = now + (updating ? " · updating" : "");
}
