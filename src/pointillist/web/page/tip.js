// A few words over the image: what to begin with, and what a resting finger is about to do.

const FINGER = matchMedia("(pointer: coarse)");

const $ = (id) => document.getElementById(id);

export class Tip {
  #began = false; // something was drawn in this project in this tab
  #key = "";
  #bare = false; // nothing is on the image
  #urgent = "";

  // A reload does not make a beginner of anyone.
  project(id) {
    this.#key = `drawn ${id}`;
    try {
      this.#began ||= sessionStorage.getItem(this.#key) !== null;
    } catch {
      // Storage is forbidden: it is said again after a reload.
    }
    this.#show();
  }

  drawn() {
    if (this.#began) return;
    this.#began = true;
    try {
      sessionStorage.setItem(this.#key, "yes");
    } catch {
      // As above.
    }
    this.#show();
  }

  // Whether the image in view is known to have no marks.
  bare(is) {
    this.#bare = is;
    this.#show();
  }

  // Goes before everything else, until it is called with no words.
  say(words) {
    this.#urgent = words;
    this.#show();
  }

  #show() {
    const how = FINGER.matches ? "Tap: object. Hold: background." : "Left click: object. Right click: background.";
    const words = this.#urgent || (this.#bare && !this.#began ? how : "");
    $("tip").textContent = words;
    $("tip").hidden = !words;
    $("tip").classList.toggle("urgent", this.#urgent !== "");
  }
}
