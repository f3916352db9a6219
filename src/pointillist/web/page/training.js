// The train button, its live progress, and export.

import { post, postLong } from "./api.js";
import { showSkipped } from "./skipped.js";
import { counted } from "./words.js";

const WIDTH = 200;
const HEIGHT = 40;

const $ = (id) => document.getElementById(id);

// A control that is disabled loses the keyboard: it gets it back, unless that is elsewhere by then.
function enable(control, hadFocus) {
  control.disabled = false;
  if (hadFocus && document.activeElement === document.body) control.focus();
}

export class Training {
  #say;
  #finished;
  #running = false;
  #scores = []; // [epoch, held-out score]
  #epochs = 1;
  #number = 0; // of the training that goes on

  // finished() is called when a trained model is there; say(words, isError) tells the user.
  constructor({ say, finished }) {
    this.#say = say;
    this.#finished = finished;
    $("train").addEventListener("click", () => this.#start());
    $("cancel").addEventListener("click", () => this.#call("/api/train/cancel", $("cancel"), { told: true }));
    $("again").addEventListener("change", () => this.#repeat());
    $("export").addEventListener("click", () => this.#export());
  }

  message({ state, number, epoch, epochs, loss, scores, message, again }) {
    if (typeof again === "boolean") $("again").checked = again;
    const running = state === "running";
    const news = running !== this.#running;
    // A server begun again tells of the training before the one that it took with it.
    const lost = this.#running && !running && number !== this.#number;
    this.#number = number;
    this.#setRunning(running);
    $("learnt").hidden = state === "not started";
    if (epochs) this.#epochs = epochs;
    $("epochs").value = epochs ? epoch / epochs : 0;
    this.#scores = scores ?? [];
    this.#plot();
    if (state === "done" && !this.#scores.length) $("score").textContent = "held-out score: none, no held-out image has marks";
    const parts = [];
    if (epoch) parts.push(`epoch ${epoch} of ${epochs}`);
    if (typeof loss === "number") parts.push(`loss ${loss.toFixed(3)}`);
    const where = parts.join(", ");
    $("training-state").textContent = running ? where || message || "starting" : [state, message || where].filter(Boolean).join(": ");
    if (lost) this.#say("The training has ended with the server.", true);
    if (!news || running || lost) return;
    if (state === "failed") this.#say(message || "The training failed.", true);
    if (state === "done") {
      this.#say(message || "The training is done.");
      this.#finished();
    }
  }

  #setRunning(running) {
    this.#running = running;
    $("train").disabled = running;
    $("cancel").disabled = $("running").hidden = !running;
  }

  // The answer comes as JSON, or an error in words is shown. Of what the server tells later, too, a control stays
  // disabled until then.
  async #call(path, control, { body = {}, told = false, ask = post } = {}) {
    const hadFocus = document.activeElement === control;
    control.disabled = true;
    try {
      const answer = await ask(path, body, { seconds: 600 });
      if (!told) enable(control, hadFocus);
      return answer;
    } catch (error) {
      this.#say(error.message, true);
      enable(control, hadFocus);
      return null;
    }
  }

  async #start() {
    const answer = await this.#call("/api/train", $("train"), { told: true });
    if (answer && !this.#running) this.message({ ...answer, message: "starting" });
  }

  async #repeat() {
    const wanted = $("again").checked;
    if (!(await this.#call("/api/train/again", $("again"), { body: { again: wanted } }))) $("again").checked = !wanted;
  }

  async #export() {
    $("exported").textContent = "writing…";
    $("download-export").hidden = true;
    const answer = await this.#call("/api/export", $("export"), { ask: postLong });
    showSkipped($("left-out"), answer?.skipped ?? [], "not exported whole");
    if (!answer) {
      $("exported").textContent = "";
      return;
    }
    const masks = answer.masks ? counted(answer.masks, "mask") : "no mask yet (two classes must have marks)";
    $("download-export").hidden = false;
    $("exported").textContent = `${answer.files} files, ${masks}, on the server's machine, in ${answer.folder}`;
    const whole = answer.skipped.length ? `; ${counted(answer.skipped.length, "image")} not whole` : "";
    this.#say(`Exported ${masks} into ${answer.folder}${whole}.`);
  }

  // The scale runs from the lowest tenth that occurs up to 1, so that late, small gains stay visible.
  #plot() {
    const low = Math.min(0.9, ...this.#scores.map(([, score]) => Math.floor(score * 10) / 10));
    const first = this.#scores[0]?.[0] === 0 ? 0 : 1; // of what it started from, or of the first epoch
    const place = ([epoch, score]) => [
      this.#epochs > first ? ((epoch - first) / (this.#epochs - first)) * (WIDTH - 6) + 3 : WIDTH / 2,
      HEIGHT - 3 - ((score - low) / (1 - low)) * (HEIGHT - 6),
    ];
    const places = this.#scores.map(place);
    const curve = $("curve");
    curve.toggleAttribute("hidden", !this.#scores.length);
    curve.querySelector("polyline").setAttribute("points", places.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "));
    const [x, y] = places.at(-1) ?? [-9, 0];
    curve.querySelector("circle").setAttribute("cx", x);
    curve.querySelector("circle").setAttribute("cy", y);
    const best = Math.max(...this.#scores.map(([, score]) => score));
    $("score").textContent = this.#scores.length
      ? `held-out score ${this.#scores.at(-1)[1].toFixed(3)}, best ${best.toFixed(3)}, scale from ${low.toFixed(1)} to 1`
      : "held-out score: none yet";
  }
}
