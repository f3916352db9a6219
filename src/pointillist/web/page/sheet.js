// The marks of one image: what the server knows, with what still waits in the outbox merged in by id.
// All are shown; undo takes one's own, and when there are none what was imported: others' marks are theirs.

const DOUBLE = 500; // milliseconds

export class Sheet {
  revision = -1;
  #marks = new Map(); // id of the event that added it -> mark
  #by = new Map(); // id -> "me", "import" or "other"
  #live = []; // ids in the order they were added, or brought back
  #undone = []; // ids, the one undone last at the end
  #drawn = { id: null, at: 0 }; // the mark drawn last on this page, and when
  #passed = new Set(); // undone before a newer mark was drawn: redo no longer offers them

  load({ revision, marks, undone }, pending) {
    const wasUndone = this.#undone;
    this.revision = revision;
    this.#marks = new Map([...marks, ...undone].map(({ id, mark }) => [id, mark]));
    for (const { id, by } of [...marks, ...undone]) this.#by.set(id, by);
    this.#live = marks.map(({ id }) => id);
    // Undoing goes backwards through the drawing order, so that the first one undone lies deepest.
    const still = new Set(undone.map(({ id }) => id).filter((id) => !this.#passed.has(id)));
    const known = wasUndone.filter((id) => still.delete(id));
    this.#undone = [...[...still].reverse(), ...known];
    for (const event of pending) this.#apply(event);
  }

  // A fresh event, drawn just now.
  apply(event) {
    if (event.kind === "add") {
      for (const id of this.#undone) this.#passed.add(id);
      this.#undone = [];
      this.#drawn = { id: event.id, at: performance.now() };
    }
    this.#apply(event);
  }

  // The second half of a double click says nothing new.
  repeats(mark) {
    const last = this.#live.includes(this.#drawn.id) ? this.#marks.get(this.#drawn.id) : null;
    return last?.kind === "points" && performance.now() - this.#drawn.at < DOUBLE && JSON.stringify(last) === JSON.stringify(mark);
  }

  #apply(event) {
    if (event.kind === "add") {
      if (this.#marks.has(event.id)) return;
      this.#marks.set(event.id, event.mark);
      this.#by.set(event.id, "me");
      this.#live.push(event.id);
      return;
    }
    const [from, to] = event.kind === "undo" ? [this.#live, this.#undone] : [this.#undone, this.#live];
    const place = from.indexOf(event.of);
    if (place < 0) return;
    from.splice(place, 1);
    to.push(event.of);
  }

  mark(id) {
    return this.#marks.get(id);
  }

  get undoable() {
    return this.#last(this.#live, "me") ?? this.#last(this.#live, "import");
  }

  get redoable() {
    return this.#undone.findLast((id) => this.#by.get(id) !== "other");
  }

  #last(ids, author) {
    return ids.findLast((id) => this.#by.get(id) === author);
  }

  get marks() {
    return this.#live.map((id) => this.#marks.get(id));
  }

  get labels() {
    return new Set(this.marks.map((mark) => mark.label));
  }
}
