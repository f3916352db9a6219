// The page loads itself where the project is another one now. Only what a person loads lets the server look for other
// files: while some are being copied into the folder, all pages would else make each other load without an end.

const KEY = "loads itself";

// shown: what is told to the page that comes of it.
export function loadAnew(shown) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(shown));
  } catch {
    // Storage is forbidden: it is taken for a person's.
  }
  location.reload();
}

// What was shown before such a load, null before a person's; asked once.
export function shownBefore() {
  try {
    const shown = JSON.parse(sessionStorage.getItem(KEY));
    sessionStorage.removeItem(KEY);
    return shown;
  } catch {
    return null;
  }
}
