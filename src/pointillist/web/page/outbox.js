// Events wait here until the server says that it has stored them: first in IndexedDB, then posted in order.
// One that it refuses, or whose image can't be read or has gone, is stuck: it stays, and holds up no other, until it is
// sent again or discarded.

import { uuid } from "./api.js";

const BATCH = 500;
// Characters of a batch: the server takes 2 MiB, of which long scribbles drawn while it was away may be more.
const LARGEST = 1 << 20;
const FIRST_DELAY = 500;
const LAST_DELAY = 10000;
const GONE = "the image is not in this project any more.";

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

// Of one image, what is to be sent.
const waiting = (lane) => lane.items.filter((item) => !item.why);

export class Outbox {
  #send;
  #tell;
  #client = uuid();
  #sequence = Date.now(); // goes on rising in the next tab, which has the same client
  #database = null;
  #known = () => false;
  #lanes = new Map(); // image id -> its queue; each image posts on its own
  #away = ""; // why nothing is taken now

  // send(image, client, events) posts; tell = {changed, stored, refused, held, away, memoryOnly}.
  constructor(send, tell) {
    this.#send = send;
    this.#tell = tell;
    addEventListener("online", () => this.#wake());
    addEventListener("beforeunload", (event) => {
      if (this.#items().some((item) => item.key === null)) event.preventDefault();
    });
  }

  // One database for each project: the same address may serve another project tomorrow.
  async open(project, known) {
    this.#known = known;
    this.#client = this.#remembered(`client of ${project}`);
    try {
      const opening = indexedDB.open(`annotate ${project}`, 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore("events", { autoIncrement: true });
      this.#database = await done(opening);
      const store = this.#database.transaction("events").objectStore("events");
      const [keys, values] = await Promise.all([done(store.getAllKeys()), done(store.getAll())]);
      values.forEach((value, n) => this.#lane(value.image).items.push({ ...value, key: keys[n], why: "", kept: Promise.resolve() }));
    } catch {
      this.#database = null;
      this.#tell.memoryOnly();
    }
    this.#tell.changed(this.state());
    this.#wake();
    return this.#items().filter((item) => !known(item.image)).length;
  }

  // Who draws here, by an id that means nothing elsewhere: this browser, in all its tabs and after a reload.
  get client() {
    return this.#client;
  }

  #remembered(name) {
    try {
      const found = localStorage.getItem(name) ?? this.#client;
      localStorage.setItem(name, found);
      return found;
    } catch {
      return this.#client; // Storage is forbidden: until the reload it holds.
    }
  }

  // Gives the event its id and its place in the sequence; what comes back can be shown at once.
  put(image, body) {
    this.#lane(image).held = "";
    const event = { id: uuid(), sequence: this.#sequence++, ...body };
    const item = { image, client: this.#client, event, key: null, writing: false, why: this.#parked(image, event.of) };
    item.kept = this.#keep(item);
    this.#lane(image).items.push(item);
    this.#tell.changed(this.state());
    this.#pump(image);
    return event;
  }

  pending(image) {
    return waiting(this.#lane(image)).map((item) => item.event);
  }

  // What is stuck, by image and reason: [{image, why, events}].
  stuck() {
    const found = new Map();
    for (const item of this.#items()) {
      const { image, event } = item;
      const why = this.#why(item);
      if (!why) continue;
      const key = `${image} ${why}`;
      if (!found.has(key)) found.set(key, { image, why, events: [] });
      found.get(key).events.push(event);
    }
    return [...found.values()];
  }

  // What made the server refuse it may have been put right.
  again(image, why) {
    const lane = this.#lane(image);
    for (const item of lane.items) if (item.why === why) item.why = "";
    if (lane.held === why) lane.held = "";
    this.#tell.changed(this.state());
    this.#pump(image);
  }

  async discard(image, why) {
    const lane = this.#lane(image);
    const gone = lane.items.filter((item) => this.#why(item) === why);
    await Promise.all(gone.map((item) => item.kept));
    this.#drop(lane, gone);
    this.#tell.changed(this.state());
  }

  // The newest revision of this image that the server told when it stored something of ours.
  revision(image) {
    return this.#lane(image).revision;
  }

  // How much is here, and how much of it is stuck; kept says that nothing would be lost with this tab, as far as the
  // browser lets us keep anything.
  state() {
    const items = this.#items();
    const stuck = items.filter((item) => this.#why(item)).length;
    return { count: items.length, stuck, kept: !items.some((item) => item.writing), away: this.#away };
  }

  // The image can be read again.
  release(image) {
    const lane = this.#lane(image);
    if (!lane.held) return;
    lane.held = "";
    this.#pump(image);
  }

  #items() {
    return [...this.#lanes.values()].flatMap((lane) => lane.items);
  }

  // Why it is not sent; "": it is.
  #why({ image, why }) {
    return why || this.#lane(image).held || (this.#known(image) ? "" : GONE);
  }

  // To take back what was refused is refused as well.
  #parked(image, of) {
    return (of && this.#lane(image).items.find((item) => item.event.id === of)?.why) || "";
  }

  #lane(image) {
    if (!this.#lanes.has(image)) {
      this.#lanes.set(image, { items: [], busy: false, timer: 0, delay: FIRST_DELAY, singly: 0, held: "", revision: -1 });
    }
    return this.#lanes.get(image);
  }

  async #keep(item) {
    if (!this.#database) return;
    const { image, client, event } = item;
    item.writing = true;
    try {
      const work = this.#database.transaction("events", "readwrite", { durability: "strict" });
      const key = await done(work.objectStore("events").add({ image, client, event }));
      await new Promise((resolve, reject) => {
        work.oncomplete = resolve;
        work.onabort = () => reject(work.error);
      });
      item.key = key;
    } catch {
      this.#tell.memoryOnly();
    }
    item.writing = false;
    this.#tell.changed(this.state());
  }

  #drop(lane, batch) {
    lane.items = lane.items.filter((item) => !batch.includes(item));
    const keys = batch.map((item) => item.key).filter((key) => key !== null);
    if (!keys.length) return;
    // A removal that fails costs nothing: the event is sent again and the server knows its id.
    const store = this.#database.transaction("events", "readwrite").objectStore("events");
    for (const key of keys) store.delete(key);
  }

  #wake() {
    for (const [image, lane] of this.#lanes) {
      clearTimeout(lane.timer);
      lane.timer = 0;
      this.#pump(image);
    }
  }

  // After a refusal the batch is sent one by one, to find the event that the server does not take.
  #batch(lane) {
    const limit = lane.singly ? 1 : BATCH;
    const items = waiting(lane).slice(0, limit);
    const { client } = items[0];
    let end = 0, size = 0;
    for (const item of items) {
      size += JSON.stringify(item.event).length;
      if (end && (item.client !== client || size > LARGEST)) break;
      end += 1;
    }
    return items.slice(0, end);
  }

  async #pump(image) {
    const lane = this.#lane(image);
    if (lane.busy || lane.timer || lane.held || !waiting(lane).length || !this.#known(image)) return;
    lane.busy = true;
    const batch = this.#batch(lane);
    try {
      await Promise.all(batch.map((item) => item.kept));
      const { revision } = await this.#send(image, batch[0].client, batch.map((item) => item.event));
      this.#drop(lane, batch);
      lane.singly = Math.max(0, lane.singly - 1);
      lane.delay = FIRST_DELAY;
      lane.revision = Math.max(lane.revision, revision);
      const back = this.#away;
      this.#away = "";
      this.#tell.stored(image, revision);
      if (back) this.#wake();
    } catch (error) {
      this.#failed(image, lane, batch, error);
    }
    lane.busy = false;
    this.#tell.changed(this.state());
    this.#pump(image);
  }

  #failed(image, lane, batch, error) {
    // 422 and 413 are about the event. An image that can't be read now (409) may come back, at the latest with another
    // disk: its marks stay here, nobody's else wait for them, and nothing is sent until it is opened again.
    if (error.status === 409) {
      this.#away = "";
      lane.held = error.message;
      this.#tell.held(image, waiting(lane).length, error.message);
      return;
    }
    if (error.status === 422 || error.status === 413) {
      this.#away = "";
      if (batch.length > 1) {
        lane.singly = batch.length;
      } else {
        const { id } = batch[0].event;
        for (const item of lane.items) if (item === batch[0] || item.event.of === id) item.why = error.message;
        lane.singly = Math.max(0, lane.singly - 1);
        this.#tell.refused(image, error.message);
      }
      return;
    }
    this.#away = error.status === 503 ? error.message : "server away";
    this.#tell.away(error);
    lane.timer = setTimeout(() => {
      lane.timer = 0;
      this.#pump(image);
    }, lane.delay);
    lane.delay = Math.min(2 * lane.delay, LAST_DELAY);
  }
}
