// Where a pointer is, as exactly as the browser knows. WebKit cuts places in a zoomed page off to whole CSS pixels,
// each several of the screen's; its places on the screen are not zoomed, and tell the rest.

const SPAN = 50; // CSS pixels: so far a pointer must have come before the two kinds of places are trusted to agree
const NEAR = 0.02; // CSS pixels; it counts in 64ths of one, and divides in single precision

// One direction: screen = origin + zoom * client, of which client is known as a whole number.
class Axis {
  #zoom = 0;
  #low = -Infinity; // The origin lies above it,
  #high = Infinity; // and up to it.
  #from = Infinity;
  #to = -Infinity;

  at(client, screen, zoom) {
    if (!Number.isInteger(client) || Math.abs(zoom - 1) < 0.01 || !Number.isFinite(screen + zoom)) return client;
    this.#see(client, screen, zoom);
    if (this.#to - this.#from < SPAN) return client;
    const whole = Math.floor(this.#high);
    const origin = whole > this.#low ? whole : (this.#low + this.#high) / 2;
    return Math.min(Math.max((screen - origin) / zoom, client), client + 1);
  }

  #see(client, screen, zoom) {
    const above = screen - zoom * (client + 1 + NEAR);
    const upTo = screen - zoom * (client - NEAR);
    // The window was moved or zoomed, or the zoom is not what the window's size says.
    const anew = zoom !== this.#zoom || Math.min(this.#high, upTo) < Math.max(this.#low, above);
    this.#zoom = zoom;
    this.#low = anew ? above : Math.max(this.#low, above);
    this.#high = anew ? upTo : Math.min(this.#high, upTo);
    this.#from = Math.min(anew ? Infinity : this.#from, client);
    this.#to = Math.max(anew ? -Infinity : this.#to, client);
  }
}

export class Aim {
  #x = new Axis();
  #y = new Axis();

  // A pointer's event; or any place {clientX, clientY}, which is given back as it is.
  at(event) {
    const { clientX, clientY } = event;
    if (event.screenX === undefined) return { clientX, clientY };
    const zoom = outerWidth / (visualViewport.width * visualViewport.scale);
    return { clientX: this.#x.at(clientX, event.screenX, zoom), clientY: this.#y.at(clientY, event.screenY, zoom) };
  }
}
