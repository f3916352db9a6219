// The tool and the class of this tab, through a reload: the page loads itself where classes or files have changed, and
// the next click must say what the one before said.

const key = (project) => `chosen ${project}`;

export function keepChosen(project, chosen) {
  try {
    sessionStorage.setItem(key(project), JSON.stringify(chosen));
  } catch {
    // Storage is forbidden: a reload begins anew.
  }
}

// The tool, and the class by its number of today; -1: there is none of that name.
export function chosenBefore({ id, classes, renamed }) {
  try {
    const { tool, called } = JSON.parse(sessionStorage.getItem(key(id))) ?? {};
    return { tool, label: classes.findIndex(({ name }) => name === (renamed[called] ?? called)) };
  } catch {
    return { label: -1 };
  }
}
