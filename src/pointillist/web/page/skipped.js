// Images of which something is missing, and why: [{name, why}], folded away under how many there are.
export function showSkipped(root, skipped, what) {
  root.hidden = !skipped.length;
  root.querySelector("summary").textContent = `${skipped.length} ${what}`;
  root.querySelector("ul").replaceChildren(...skipped.map(({ name, why }) => {
    const row = document.createElement("li");
    row.textContent = `${name}: ${why}`;
    return row;
  }));
}
