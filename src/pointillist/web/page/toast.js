// Messages in words, read out by screen readers. Never more than four, never the same one twice.

const SECONDS = 9;

const root = document.getElementById("toasts");

// Under an open dialog they would neither be seen nor heard.
const seat = () => (document.querySelector("dialog[open]") ?? document.body).append(root);
document.addEventListener("close", seat, true);

export function toast(words, isError = false) {
  seat();
  const same = [...root.children].find((child) => child.dataset.words === words);
  same?.remove();
  const box = document.createElement("div");
  box.className = isError ? "toast error" : "toast";
  box.dataset.words = words;
  const text = document.createElement("p");
  text.textContent = words;
  const close = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
  close.setAttribute("aria-label", "Close this message");
  close.addEventListener("click", () => box.remove());
  box.append(text, close);
  root.append(box);
  while (root.children.length > 4) root.firstElementChild.remove();
  setTimeout(() => box.remove(), SECONDS * 1000);
}
