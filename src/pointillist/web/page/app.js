// Wires the page together: which image, which tool, which class, and what follows from each mark.

import { loadAnew, shownBefore } from "./anew.js";
import { get, imagePath, isBroken, listen, patiently, post, request } from "./api.js";
import { straysFromBoxes } from "./boxes.js";
import { ClassEditor } from "./class_editor.js";
import { Controls } from "./controls.js";
import { Cursor } from "./cursor.js";
import { Drawers } from "./drawers.js";
import { Gauge } from "./gauge.js";
import { Gestures } from "./gestures.js";
import { Guide } from "./guide.js";
import { fillHelp, Keys } from "./keys.js";
import { ImageList } from "./list.js";
import { Ink, RING } from "./marks.js";
import { News } from "./news.js";
import { Outbox } from "./outbox.js";
import { Segmentation } from "./overlay.js";
import { Overview } from "./overview.js";
import { Refused } from "./refused.js";
import { Results } from "./results.js";
import { remember } from "./settings.js";
import { Sheet } from "./sheet.js";
import { showSkipped } from "./skipped.js";
import { describeOverlay, describeProgress, describeSaved } from "./state.js";
import { Tip } from "./tip.js";
import { ofToday } from "./today.js";
import { toast } from "./toast.js";
import { Training } from "./training.js";
import { Viewer } from "./viewer.js";
import { counted, position } from "./words.js";

const PAN_STEP = 80;
const PATIENCE = 200; // milliseconds
const NOT_YET = "The image has not come from the server yet; it is asked for again.";

const $ = (id) => document.getElementById(id);
const complain = (words) => toast(words, true);
// What was called off by switching images is no error.
const quietly = (task) => task.catch((error) => error.name !== "AbortError" && complain(error.message));

let project = null; // its classes and files, as the page shows them
let image = null;
let sheet = new Sheet();
let opening = new AbortController();
let resuming = shownBefore(); // what the page showed before it loaded itself, until that is in view again

const outbox = new Outbox((id, client, events) => post(imagePath(id, "events"), { client, events }), {
  changed: showSaved,
  stored(id, revision) {
    news.own(id, revision);
    if (id === image?.id) segmentation.want(revision);
    showOverlayState();
  },
  refused(id, words) {
    complain(`A mark was not taken, kept here: ${words}`);
    if (id === image?.id) quietly(lookAgain());
  },
  held(id, count, words) {
    complain(`${counted(count, "mark")} not taken, kept here: ${words}`);
    refuse(id, words);
  },
  away: (error) => error.status === 401 && complain(error.message),
  memoryOnly: () => complain("This browser keeps no copy of what is not saved yet. Leave this tab open until it says saved."),
});

const refused = new Refused($("refused"), {
  name: (id) => (list.has(id) ? list.image(id).name : null),
  again(id, why) {
    outbox.again(id, why);
    if (id === image?.id) quietly(lookAgain());
  },
  discard: (id, why) => quietly(outbox.discard(id, why)),
});

// Before the viewer measures itself: its zoom would change with its size.
if (resuming?.only) showOnly(true);
const viewer = new Viewer($("osd"), {
  drawn: () => {
    ink.draw();
    cursor.refresh();
    overview.update();
    if (!viewer.seen) return;
    $("zoom").textContent = `${Math.round(viewer.transform.scale * 100)} %`;
    $("notice").hidden = true;
  },
  opened: () => {
    resumePlace();
    ink.draw();
    quietly(guide.opened());
  },
  failed: (path) => quietly(askWhy(image.id, path)),
});
const overview = new Overview(viewer);
const tip = new Tip();
const ink = new Ink($("ink"), viewer);

const guide = new Guide({
  image: () => image,
  has: (id) => list.has(id),
  open: openImage,
  say: toast,
  show(row, col) {
    const at = viewer.goTo(row, col, RING);
    ink.pulseAt(at.row, at.col);
    cursor.centre();
  },
});

let overlaySource = null;
const segmentation = new Segmentation((bitmap, source) => {
  ink.setOverlay(bitmap);
  overlaySource = source;
  showOverlayState();
});

const list = new ImageList($("images"), { pick: openImage, chosen: () => drawers.close(), inspect: (id) => quietly(inspect(id)) });
const training = new Training({ say: toast, finished: () => segmentation.refresh() });
const gauge = new Gauge();
const results = new Results({
  pick(id) {
    openImage(id);
    $("ink").focus();
  },
  current: () => image?.id,
  broken: (id, words) => list.has(id) && (words || id !== image?.id) && list.setBroken(id, words),
  failed: (error) => complain(error.message),
});

const drawers = new Drawers($("ink")); // before the gestures: it may keep a press from them
const gestures = new Gestures($("ink"), viewer, {
  tool: () => controls.tool,
  label: labelOf,
  width: () => controls.width,
  point: add,
  scribble: add,
  box: add,
  ends(mark) {
    ink.set({ ends: mark });
    tip.say(endWords());
    $("undo").disabled = !mark && !sheet.undoable;
  },
  noBackgroundBox: () => toast("A box is drawn around an object, never around background. Choose a class, or scribble."),
  started: () => ink.stopPulse(),
  held: (is) => tip.say(is ? `${ink.classes[labelOf(true)].name}: lift the finger` : endWords()),
  draft: (mark) => ink.set({ draft: mark }),
  hover: (at) => ($("where").textContent = position(at)),
});

const controls = new Controls({
  limited: (low, high) => toast(`A scribble is ${low} to ${high} pixels of the image wide.`),
  toolChanged(tool) {
    gestures.cancel();
    if (tool === "pan") cursor.leave();
  },
});

const cursor = new Cursor($("ink"), viewer, gestures, {
  tool: () => controls.tool,
  label: labelOf,
  name: (label) => ink.classes[label].name,
  point: add,
  moved: (place) => ink.set({ cursor: place }),
});

// ---- marks ----

function endWords() {
  if (!ink.ends) return "";
  const { at, label } = ink.ends;
  return `${ink.classes[label].name}: ${at.length} of its 4 ends; undo takes one back`;
}

function labelOf(background) {
  return background ? 0 : controls.label;
}

function add(mark) {
  if (!viewer.seen) {
    toast("Nothing can be marked before the image is here.");
    return;
  }
  if (sheet.repeats(mark)) return;
  // By its name too: the classes may be changed before a mark that waits is sent.
  tip.drawn();
  const stray = () => straysFromBoxes(sheet.marks, mark.label);
  const before = stray();
  record({ kind: "add", mark, called: ink.classes[mark.label].name, file: image.file, view: viewer.view });
  if (!before && stray()) toast(`A box says that every ${ink.classes[mark.label].name} has one: box what is marked outside, too.`);
}

function record(body) {
  sheet.apply(outbox.put(image.id, body));
  showMarks();
}

function undo() {
  if (gestures.takeBackEnd()) return;
  const of = sheet.undoable;
  if (!of) {
    if (image) toast("There is no mark of yours to undo on this image.");
    return;
  }
  const { kind, label } = sheet.mark(of);
  record({ kind: "undo", of });
  // What lies nowhere is not seen to go.
  if (kind === "tag" || kind === "size") toast(`Undone: the ${kind} of ${ink.classes[label].name}.`);
}

function redo() {
  if (sheet.redoable) record({ kind: "redo", of: sheet.redoable });
}

function showMarks() {
  ink.set({ marks: sheet.marks });
  tip.bare(!sheet.marks.length);
  $("undo").disabled = !ink.ends && !sheet.undoable;
  $("redo").disabled = !sheet.redoable;
  list.update(image.id, sheet.marks.length, sheet.labels);
  showTotals();
}

function showTotals() {
  describeProgress(list.totals);
  showOverlayState();
}

async function loadMarks() {
  if (image.broken) return;
  const { id } = image;
  const { signal } = opening;
  const ask = () => get(imagePath(id, `marks?client=${outbox.client}`), { signal });
  let answer = await ask();
  // What was stored while the answer was on its way is neither in it nor in the outbox any more.
  for (let tries = 0; tries < 5 && answer.revision < outbox.revision(id); tries += 1) answer = await ask();
  if (signal.aborted) return;
  // Asked for when another image was on its way already: the signal is that one's, and so is the sheet.
  if (id !== image.id) return inspect(id);
  // Another list of classes has other numbers, and a server that was begun again may not have told of it yet.
  if (answer.generation !== project.generation) return renew();
  sheet.load(answer, pending(id));
  showMarks();
  segmentation.want(answer.revision);
}

function pending(id) {
  return ofToday(outbox.pending(id), project);
}

async function inspect(id) {
  const { marks } = await get(imagePath(id, "marks"));
  if (id !== image?.id) list.update(id, marks.length, new Set(marks.map(({ mark }) => mark.label)));
  showTotals();
}

// ---- images ----

// Whichever is on its way already: who steps on and back at once stays where they were.
function openImage(id) {
  if (list.has(id) && id !== list.current) openAnew(list.image(id));
}

function openAnew(wanted) {
  list.select(wanted.id); // at once: who steps on quickly goes on from here
  opening.abort();
  opening = new AbortController();
  quietly(inquire(wanted, opening.signal));
}

// Which file is there now is asked whenever an image is opened: it may have been replaced, or put right.
async function inquire(wanted, signal) {
  const failed = () => wait(wanted);
  const ask = () => get(imagePath(wanted.id, "size"), { signal });
  // What was seen before can be looked at while the server is away.
  const seen = (error) => {
    if (isBroken(error) || signal.aborted) throw error;
    return {};
  };
  try {
    Object.assign(wanted, await (wanted.file ? ask().catch(seen) : patiently(ask, failed, signal)));
    if (wanted.broken) await patiently(() => request(viewer.firstTile(wanted), { signal }), failed, signal);
    if (signal.aborted) return;
    list.setBroken(wanted.id, null);
    show(wanted);
  } catch (error) {
    if (!isBroken(error)) throw error;
    begin(wanted);
    refuse(wanted.id, error.message);
  }
}

// Whether another image than the one in view is on its way.
const isLeft = () => list.current !== image.id;

// The file of the open image may have been replaced: then it is shown anew.
async function lookAgain() {
  const wanted = image;
  try {
    const { file } = await get(imagePath(wanted.id, "size"));
    if (wanted !== image || isLeft()) return;
    if (file === wanted.file) await loadMarks();
    else openAnew(wanted);
  } catch (error) {
    if (!isBroken(error)) throw error;
    refuse(wanted.id, error.message);
  }
}

// A tile has not come: because of the way to the server, or because the file can't be read?
let asking = null;
async function askWhy(id, path) {
  if (asking === id) return;
  asking = id;
  try {
    await request(path);
  } catch (error) {
    if (isBroken(error)) refuse(id, error.message);
    else if (viewer.seen) toast("A part of the image has not come from the server; it is asked for again.");
    else notify(NOT_YET);
  }
  asking = null;
}

// Where the image would be.
function notify(words) {
  $("notice").textContent = words;
  $("notice").hidden = false;
}

// The stage is empty until the image comes.
function wait(wanted) {
  begin(wanted);
  clearStage();
  notify(NOT_YET);
}

// Nothing is drawn on what can't be seen; the stage says why.
function refuse(id, words) {
  list.setBroken(id, words);
  if (id !== image?.id) return;
  if (!isLeft()) opening.abort();
  clearStage();
  notify(`${image.name} can't be read: ${words}`);
}

function clearStage() {
  gestures.cancel();
  cursor.leave();
  viewer.close();
  overview.update();
  segmentation.close();
  sheet = new Sheet();
  ink.setOverlay(null);
  ink.set({ marks: [] });
  tip.bare(false);
  $("zoom").textContent = $("where").textContent = "";
  $("undo").disabled = $("redo").disabled = true;
  overlaySource = null;
  showOverlayState();
}

function show(wanted) {
  begin(wanted);
  const { id } = image;
  for (const event of pending(id)) sheet.apply(event);
  ink.marks = sheet.marks;
  viewer.open(image);
  segmentation.open(id);
  outbox.release(id);
  $("notice").hidden = true;
  showOverlayState();
  patiently(loadMarks, (error) => complain(error.message), opening.signal);
}

function begin(wanted) {
  gestures.cancel();
  image = wanted;
  const { id } = image;
  sheet = new Sheet();
  overlaySource = null;
  ink.setOverlay(null);
  ink.stopPulse();
  tip.bare(false);
  $("zoom").textContent = $("where").textContent = "";
  history.replaceState(null, "", `#image=${encodeURIComponent(id)}`);
  $("image-name").textContent = image.name;
  $("image-name").title = image.width ? `${image.name}: ${image.width} × ${image.height}` : image.name;
  $("undo").disabled = $("redo").disabled = true;
}

function step(by) {
  const id = list.neighbour(by);
  if (id) openImage(id);
  else toast(by > 0 ? "This is the last image." : "This is the first image.");
}

// Not in the middle of a stroke, nor of an object's four ends: they would be lost.
function renew() {
  if (gestures.drawing || ink.ends) setTimeout(renew, PATIENCE);
  else reload();
}

const reload = () => loadAnew(resuming ?? shown());

function shown() {
  const { showOverlay, showMarks } = ink;
  const { id, width, height } = image ?? {};
  const only = document.body.classList.contains("image-only");
  return { id, width, height, place: viewer.place, showOverlay, showMarks, only };
}

function resume() {
  if (resuming.showOverlay !== ink.showOverlay) actions.overlay();
  if (resuming.showMarks !== ink.showMarks) actions.marks();
}

// Of an image of another size the place would be another one.
function resumePlace() {
  const same = ["id", "width", "height"].every((field) => resuming?.[field] === image[field]);
  if (same) viewer.place = resuming.place;
  resuming = null;
}

// ---- what the server tells ----

const news = new News({
  training: (message) => training.message(message),
  gauge: (message) => gauge.show(message),
  notice: ({ message }) => toast(message),
  renewed: renew, // classes or files have changed; what waits is sent after it
  project: ({ generation }) => generation !== project.generation && renew(), // they had, unheard
  scanned: () => results.refresh(),
  segmentation({ image: id }) {
    if (id === image?.id) segmentation.refresh();
    results.changed(id);
  },
  marks(id, fromOthers) {
    results.changed(id);
    if (!fromOthers) return;
    quietly(id === image?.id ? loadMarks() : inspect(id));
    segmentation.refresh();
  },
}, (id) => list.has(id));

// ---- what the page shows ----

let lost = false; // the server's live messages

function showSaved() {
  describeSaved(outbox.state(), lost);
  refused.show(outbox.stuck());
}

function showOverlayState() {
  const { waiting, untaught } = segmentation;
  describeOverlay(overlaySource, waiting && !untaught && list.totals.marks > 1, untaught);
}

function toggle(id, property) {
  ink.set({ [property]: !ink[property] });
  $(id).setAttribute("aria-pressed", String(ink[property]));
}

function stepField(id, by) {
  $(id).stepUp(by);
  $(id).dispatchEvent(new Event("input"));
}

function togglePanels() {
  if (drawers.narrow) {
    drawers.close();
    return;
  }
  showOnly(!document.body.classList.contains("image-only"));
}

function showOnly(only) {
  document.body.classList.toggle("image-only", only);
  $("panels").setAttribute("aria-pressed", String(only));
}

// ---- start ----

const actions = {
  click: () => controls.pick("click"),
  scribble: () => controls.pick("scribble"),
  box: () => controls.pick("box"),
  pan: () => controls.pick("pan"),
  previousClass: () => controls.stepClass(-1),
  nextClass: () => controls.stepClass(1),
  class: (label) => controls.chooseClass(label),
  wider: () => stepField("width", 1),
  narrower: () => stepField("width", -1),
  opaquer: () => stepField("opacity", 2),
  fainter: () => stepField("opacity", -2),
  train: () => $("train").click(),
  cancel: () => $("cancel").click(),
  export: () => $("export").click(),
  undo,
  redo,
  escape() {
    gestures.cancel();
    drawers.close();
  },
  zoomIn: () => viewer.zoomAt(cursor.place, 1.5),
  zoomOut: () => viewer.zoomAt(cursor.place, 1 / 1.5),
  fit: () => viewer.fit(),
  panLeft: () => viewer.panBy(PAN_STEP, 0, false),
  panRight: () => viewer.panBy(-PAN_STEP, 0, false),
  panUp: () => viewer.panBy(0, PAN_STEP, false),
  panDown: () => viewer.panBy(0, -PAN_STEP, false),
  overlay: () => toggle("show-overlay", "showOverlay"),
  marks: () => toggle("show-marks", "showMarks"),
  panels: togglePanels,
  nextImage: () => step(1),
  previousImage: () => step(-1),
  nextPlace: () => quietly(guide.toPlace()),
  usefulImage: () => quietly(guide.toImage()),
  results: () => results.open(),
  cursor() {
    if (controls.tool === "pan") controls.pick("click");
    cursor.toggle();
  },
  help: () => $("help").showModal(),
};

function bind() {
  const clicks = {
    undo: "undo", redo: "redo", panels: "panels", "help-open": "help", "next-place": "nextPlace",
    "next-image": "usefulImage", "show-overlay": "overlay", "show-marks": "marks", "look-through": "results",
    "zoom-in": "zoomIn", "zoom-out": "zoomOut", "zoom-fit": "fit",
  };
  for (const [id, name] of Object.entries(clicks)) $(id).addEventListener("click", actions[name]);
  $("opacity").addEventListener("input", ({ target }) => ink.set({ opacity: Number(target.value) / 100 }));
  for (const id of ["opacity", "width"]) remember(id);
  // After the mouse has used a control the keys belong to the image again; Tab users stay where they are.
  document.addEventListener("click", (event) => {
    if (event.detail > 0 && event.target.closest("button, input[type=range]") && !document.querySelector("dialog[open]")) $("ink").focus();
  });
  addEventListener("hashchange", () => openImage(fromHash()));
  new Keys(actions, (name, down) => controls.hold(name, down));
  fillHelp($("help-keys"));
  $("help").addEventListener("keydown", (event) => {
    if (event.key !== "?") return;
    event.stopPropagation(); // it would open the sheet again
    $("help").close();
  });
}

const fromHash = () => new URLSearchParams(location.hash.slice(1)).get("image");

async function start() {
  bind();
  project = await patiently(() => get(resuming ? "/api/project?look=false" : "/api/project"), (error) => {
    $("notice").textContent = error.message;
  }).catch((error) => {
    $("notice").textContent = `${error.message} Then reload this page.`;
  });
  if (!project) return;
  document.title = `${project.name}: annotate`;
  $("project").textContent = project.name;
  ink.classes = project.classes;
  tip.project(project.id);
  controls.fillClasses(project);
  new ClassEditor(project.classes, reload);
  list.set(project.images);
  showSkipped($("skipped"), project.skipped, "more can't be shown");
  if (project.notice) complain(project.notice);
  results.set(project.images);
  const strays = await outbox.open(project.id, (id) => list.has(id));
  if (strays) complain(`${counted(strays, "mark")} kept here, of images that are not in this project any more: see under the images.`);
  showTotals();
  if (!project.images.length) {
    $("notice").textContent = "This project has no images.";
    return;
  }
  const first = list.has(fromHash()) ? fromHash() : project.images[0].id;
  if (resuming?.id === first) resume();
  openImage(first);
  listen({
    message: (message) => news.take(message),
    returned() {
      if (image) quietly(lookAgain());
      segmentation.refresh();
    },
    lost(is) {
      lost = is;
      showSaved();
    },
  });
}

start();
