// The contrast of every word, control and drawing in sight, by computed styles (WCAG 2.2, 1.4.3 and 1.4.11).
() => {
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const parse = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], below) => [...[r, g, b].map((value, n) => value * a + below[n] * (1 - a)), 1];
  const luminance = (rgb) => {
    const [r, g, b] = rgb.slice(0, 3).map((value) => value / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  // What may lie behind an element: over the image, anything between white and black.
  const behind = (element) => {
    const layers = [];
    let at = element;
    for (; at && parse(getComputedStyle(at).backgroundColor)[3] < 1; at = at.parentElement) {
      layers.unshift(parse(getComputedStyle(at).backgroundColor));
      if (at.classList.contains("readout")) {
        return [[0, 0, 0, 1], [255, 255, 255, 1]].map((ground) => layers.reduce((below, layer) => over(layer, below), ground));
      }
    }
    const ground = parse(getComputedStyle(at ?? document.body).backgroundColor);
    return [layers.reduce((below, layer) => over(layer, below), ground)];
  };
  const worst = (colour, grounds) => Math.min(...grounds.map((ground) => ratio(over(parse(colour), ground), ground)));
  const seen = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getBoundingClientRect().width > 1;
  const modal = document.querySelector("dialog[open]");
  const root = modal ?? document.body;
  const inert = (element) => element.closest("dialog, .unseen, :disabled") !== modal && element.closest(".unseen, :disabled, dialog") !== null;
  const found = [];
  const add = (what, element, value, wanted) => found.push({ what, element: element.id || element.className?.baseVal || element.className || element.tagName, ratio: Math.round(value * 100) / 100, wanted });

  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.textContent.trim();
    if (!words || element.closest("option, script") || !seen(element) || inert(element)) continue;
    const style = getComputedStyle(element);
    add(words.slice(0, 30), element, worst(element.closest("svg") ? style.fill : style.color, behind(element)), 4.5);
  }
  for (const element of root.querySelectorAll("button, select, input")) {
    if (!seen(element) || inert(element)) continue;
    const style = getComputedStyle(element);
    const outside = behind(element.parentElement);
    if (element.type === "range") {
      add("slider", element, worst(style.accentColor, outside), 3);
    } else if (parse(style.borderTopColor)[3] > 0 && !element.closest("#cards")) {
      add("edge", element, Math.max(worst(style.borderTopColor, outside), worst(style.backgroundColor, outside)), 3);
    }
  }
  for (const element of root.querySelectorAll("#meter-fill, #gains polyline, #curve polyline, .tick")) {
    if (!seen(element.closest("svg") ?? element)) continue;
    const style = getComputedStyle(element);
    const colour = element.closest("svg") ? style.stroke : element.id ? style.backgroundColor : style.color;
    add("drawing", element, worst(colour, behind((element.closest("svg") ?? element).parentElement)), 3);
  }
  const accent = getComputedStyle(document.documentElement).getPropertyValue("--accent");
  for (const name of ["page", "panel", "raised", "stage"]) {
    const ground = parse(getComputedStyle(document.documentElement).getPropertyValue(`--${name}`));
    add(`focus on ${name}`, document.body, ratio(parse(accent), ground), 3);
  }
  return found;
};
