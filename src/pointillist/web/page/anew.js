// The page loads itself where the project is another one now. Only what a person loads lets the server look for other
// files: while some are being copied into the folder, all pages would else make each other load without an end.

const KEY = "loads itself";

export function loadAnew() {
  try {
    sessionStorage.setItem(KEY, "yes");
  } catch {
    // Storage is forbidden: it is taken for a person's.
  }
  location.reload();
}

// Whether this is such a load; asked once.
export function loadedItself() {
  try {
    const is = sessionStorage.getItem(KEY) !== null;
    sessionStorage.removeItem(KEY);
    return is;
  } catch {
    return false;
  }
}
