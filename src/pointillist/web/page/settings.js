// Fields that this browser remembers, for all projects: what one has got used to outlives the page.

const $ = (id) => document.getElementById(id);

function read(id) {
  try {
    return localStorage.getItem(`annotate ${id}`);
  } catch {
    return null; // switched off: the field begins as it is
  }
}

function write(id, value) {
  try {
    localStorage.setItem(`annotate ${id}`, value);
  } catch {
    // Full or switched off: it lasts as long as the page.
  }
}

// Whoever listens to the field hears of what is remembered as of what is typed.
export function remember(id) {
  const field = $(id);
  const before = field.value;
  const found = read(id);
  if (found !== null) {
    field.value = found;
    if (!field.value || !field.checkValidity()) field.value = before;
    field.dispatchEvent(new Event("input"));
  }
  for (const kind of ["input", "change"]) {
    field.addEventListener(kind, () => field.checkValidity() && write(id, field.value));
  }
}
