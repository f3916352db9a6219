// All keys in one table: what they do and what the help sheet says about them.

const COARSE = matchMedia("(pointer: coarse)");

const TOUCH = ["Touch", [
  ["Tap", "the chosen class"],
  ["Hold", "background, when the finger is lifted"],
  ["Hold, drag", "a scribble of background, with the scribble tool"],
  ["Drag", "moves the image with the click and pan tools"],
  ["Two fingers", "zoom and move the image with any tool"],
]];

const GROUPS = [
  ["Mark", [
    ["Left click", "the chosen class"],
    ["Right click", "background; so does a left click while B is held"],
    ["1", "click tool", "click"],
    ["2", "scribble tool", "scribble"],
    ["3", "box tool (foreground classes): drag, or click an object's four ends", "box"],
    ["4", "pan tool", "pan"],
    ["[", "previous class", "previousClass"],
    ["]", "next class", "nextClass"],
    ["Shift+1 to 9", "the class of this number"],
    ["W", "wider scribbles", "wider"],
    ["Shift+W", "narrower scribbles", "narrower"],
    ["Ctrl+Z", "undo your last mark; others' marks stay", "undo"],
    ["Ctrl+Shift+Z", "redo (also Ctrl+Y)", "redo"],
    ["Esc", "drop the stroke being drawn; close a panel over the image", "escape"],
  ]],
  ["Look", [
    ["Wheel, pinch", "zoom"],
    ["Drag", "moves the image with the click and pan tools"],
    ["Middle drag", "moves the image with any tool"],
    ["Space + drag", "moves the image with any tool"],
    ["+", "zoom in", "zoomIn"],
    ["-", "zoom out", "zoomOut"],
    ["0", "whole image", "fit"],
    ["Arrows", "move the image; in the list, the next or previous image"],
    ["O", "segmentation on or off", "overlay"],
    ["A", "segmentation more opaque", "opaquer"],
    ["Shift+A", "segmentation less opaque", "fainter"],
    ["M", "marks on or off", "marks"],
    ["F", "image only, without the panels", "panels"],
  ]],
  ["Go", [
    ["N", "next image", "nextImage"],
    ["P", "previous image", "previousImage"],
    ["J", "where a click helps most on this image", "nextPlace"],
    ["Shift+J", "the image where a click helps most", "usefulImage"],
    ["R", "look through the results of all images", "results"],
    ["T", "train", "train"],
    ["Shift+T", "cancel the training", "cancel"],
    ["E", "export masks and marks", "export"],
    ["?", "this sheet", "help"],
  ]],
  ["Mark by keyboard", [
    ["K", "a cross on the image, moved by the arrows; K again ends it", "cursor"],
    ["Shift + arrows", "move the cross ten times as far"],
    ["Enter, Space", "mark the chosen class at the cross; begin and end a scribble or a box there"],
    ["B", "likewise background"],
  ]],
];

// Named above in another row, or the same key on another layout.
const SILENT = [
  ["Ctrl+Y", "redo"],
  ["ArrowLeft", "panLeft"],
  ["ArrowRight", "panRight"],
  ["ArrowUp", "panUp"],
  ["ArrowDown", "panDown"],
  ["=", "zoomIn"],
];

const NAMED = { escape: "esc" };

// Shift matters with letters only: the other keys need it on some keyboard layouts.
function nameOf(event) {
  const key = NAMED[event.key.toLowerCase()] ?? event.key.toLowerCase();
  const letter = /^[a-z]$/.test(key);
  const control = (event.ctrlKey || event.metaKey) && !event.getModifierState("AltGraph");
  return `${control ? "ctrl+" : ""}${letter && event.shiftKey ? "shift+" : ""}${key}`;
}

const inField = (target) => target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;

// What lies over the page goes first: Escape means nothing else while it is open.
function closePopover(event) {
  const open = event.key === "Escape" ? document.querySelector(":popover-open") : null;
  if (!open) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  open.hidePopover();
}

export class Keys {
  #actions = new Map();
  #held = new Set();

  // held(name, isDown) is told about B and Space.
  constructor(actions, held) {
    for (const [, rows] of GROUPS) {
      for (const [key, , action] of rows) if (action) this.#actions.set(key.toLowerCase(), actions[action]);
    }
    this.#actions.set("class", actions.class);
    for (const [key, action] of SILENT) this.#actions.set(key.toLowerCase(), actions[action]);
    addEventListener("keydown", closePopover, true);
    addEventListener("keydown", (event) => this.#down(event, held));
    addEventListener("keyup", (event) => this.#release(event.key === " " ? "space" : event.key.toLowerCase(), held));
    // The key comes up in another window and nobody tells.
    addEventListener("blur", () => ["b", "space"].forEach((name) => this.#release(name, held)));
  }

  #down(event, held) {
    if (inField(event.target) || document.querySelector("dialog[open]") || event.isComposing) return;
    const alone = !event.ctrlKey && !event.metaKey && !event.altKey;
    const onControl = event.target instanceof Element && event.target.closest("button, summary, a") !== null;
    const name = event.key === " " ? "space" : event.key.toLowerCase();
    if (alone && (name === "b" || (name === "space" && !onControl))) {
      event.preventDefault();
      if (!this.#held.has(name)) held(name, true);
      this.#held.add(name);
      return;
    }
    if (event.altKey && !event.getModifierState("AltGraph")) return;
    const digit = alone && event.shiftKey && !/^[0-9]$/.test(event.key) && /^Digit([1-9])$/.exec(event.code);
    const action = digit ? () => this.#actions.get("class")(Number(digit[1])) : this.#actions.get(nameOf(event));
    if (!action) return;
    event.preventDefault();
    action();
  }

  #release(name, held) {
    if (this.#held.delete(name)) held(name, false);
  }
}

export function fillHelp(root) {
  const element = (tag, ...children) => {
    const made = document.createElement(tag);
    made.append(...children);
    return made;
  };
  root.replaceChildren(
    ...GROUPS.toSpliced(COARSE.matches ? 0 : 2, 0, TOUCH).map(([title, rows]) =>
      element("section", element("h3", title), element("dl", ...rows.map(([key, words]) =>
        element("div", element("dt", element("kbd", key)), element("dd", words))))),
    ),
  );
}
