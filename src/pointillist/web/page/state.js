// What the page says about itself: saved or not, how far, whose segmentation is shown.

import { SOURCES } from "./words.js";

const $ = (id) => document.getElementById(id);

export function describeSaved({ count, away }) {
  const waiting = away ? `server away, ${count} kept here` : `${count} unsaved`;
  $("saved").textContent = count ? waiting : "saved";
  $("saved").dataset.state = count ? (away ? "away" : "waiting") : "saved";
}

export function describeProgress({ images, marked }) {
  $("progress").textContent = `${marked} of ${images}`;
  $("progress").title = `${marked} of ${images} images have marks`;
}

export function describeOverlay(shown, updating) {
  const now = shown ? `by ${SOURCES[shown.source]}` : "none yet";
  $("overlay-state").textContent = now + (updating ? " · updating" : "");
}
