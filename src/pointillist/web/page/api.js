// Requests to the server. Everything goes over the same origin; the cookie is the only credential.

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status; // 0: no answer came
  }
}

const WORDS = {
  401: "This page's session has ended. Open the address that the server printed again; nothing drawn here is lost.",
  404: "The server does not know this.",
  503: "The server is busy.",
};

const SMALL = "/page/words.js"; // asks whether the server is there
const WATCH = 20000; // milliseconds
const CUT_OFF = "The server does not answer any more. It may go on with this all the same: try again later, and it says so.";

async function failure(response) {
  let words = WORDS[response.status] ?? `The server answered ${response.status}.`;
  try {
    const body = await response.json();
    if (typeof body.error === "string") words = body.error;
  } catch {
    // Not JSON: the general words stand.
  }
  return new ApiError(response.status, words);
}

export async function request(path, { body, signal, seconds = 30 } = {}) {
  const options = { signal: withLimit(signal, seconds), cache: "no-store", credentials: "same-origin" };
  if (body !== undefined) {
    options.method = "POST";
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "The server does not answer. What you draw is kept here until it does.");
  }
  if (!response.ok) throw await failure(response);
  return response;
}

// A server that hangs must not hold a queue for ever, so that each request has a limit of its own.
function withLimit(signal, seconds) {
  const limit = new AbortController();
  const timer = seconds < Infinity ? setTimeout(() => limit.abort(), seconds * 1000) : 0;
  const stop = () => {
    clearTimeout(timer);
    limit.abort();
  };
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  return limit.signal;
}

export const get = async (path, options) => (await request(path, options)).json();
export const post = async (path, body = {}, options = {}) => (await request(path, { ...options, body })).json();

// What takes as long as it takes: it is given up only where the server answers nothing else either. Its status is
// sent before its end, so that the answer itself may hold an error.
export async function postLong(path, body = {}) {
  const lost = new AbortController();
  const watch = watched(lost);
  try {
    const response = await request(path, { body, signal: lost.signal, seconds: Infinity });
    const answer = await response.json();
    if (typeof answer.error === "string") throw new ApiError(response.status, answer.error);
    return answer;
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError(0, CUT_OFF);
  } finally {
    clearInterval(watch);
  }
}

// Once may be a change of the network that the long request outlives.
function watched(lost) {
  let silent = 0;
  return setInterval(async () => {
    const failed = await request(SMALL).then(() => false, ({ status }) => status === 0);
    silent = failed ? silent + 1 : 0;
    if (silent > 1) lost.abort();
  }, WATCH);
}

export const imagePath = (id, rest) => `/api/images/${encodeURIComponent(id)}/${rest}`;

const PATIENCE = 2000; // before a lost connection is told of

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Of an image: its file can't be read, and asking again changes nothing.
export const isBroken = (error) => error.status === 409;

// Tries until it works or the signal says that nobody wants it any more; failed(error) hears of the first failure.
// What the server refuses for good is thrown.
export async function patiently(task, failed, signal) {
  for (let delay = 500; ; delay = Math.min(2 * delay, 10000)) {
    try {
      return await task();
    } catch (error) {
      if (signal?.aborted) return null;
      if (isBroken(error)) throw error;
      if (delay === 500) failed(error);
      await sleep(delay);
      if (signal?.aborted) return null;
    }
  }
}

// crypto.randomUUID is missing where the page is not a secure context, such as a tablet on the local network.
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

// The server's live messages. A hidden tab lets go of its connection: browsers allow six for each
// host, and a few forgotten tabs would otherwise keep the visible one from saving.
// message(one); returned() after a pause; lost(is) where no connection has come about for a moment, and when it has again.
export function listen({ message, returned, lost }) {
  let source = null;
  let delay = 500;
  let timer = 0;
  let opened = false;
  let waiting = 0;
  const here = () => {
    clearTimeout(waiting);
    waiting = 0;
  };
  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  const open = () => {
    close();
    if (document.hidden) return;
    source = new EventSource("/api/stream");
    source.onopen = () => {
      delay = 500;
      here();
      lost(false);
      if (opened) returned();
      opened = true;
    };
    source.onmessage = (event) => message(JSON.parse(event.data));
    source.onerror = () => {
      close();
      waiting ||= setTimeout(() => lost(true), PATIENCE);
      timer = setTimeout(open, delay);
      delay = Math.min(2 * delay, 10000);
    };
  };
  document.addEventListener("visibilitychange", () => {
    here();
    if (document.hidden) close();
    else open();
  });
  open();
}
