// Messages in words, read out by screen readers. Never more than four, never the same one twice.

const SECONDS = 9;

export function toast(words, isError = false) {
  const root = document.getElementById("toasts");
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
