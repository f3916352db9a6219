// How the page says what the server counts.

export const SOURCES = { forest: "classifier", network: "network", both: "classifier and network" };

// What images are held out for.
export const HELD_OUT = {
  val: "val: chooses the best network, which never learns from it",
  test: "test: measures how good the network is, which never learns from it",
};

// With a space that does not break.
export const percent = (share) => `${Math.round(100 * share)}\u00a0%`;

// Small shares need the digit that a round number would drop.
export const fine = (share) => (share < 0.0995 ? `${(100 * share).toFixed(1)}\u00a0%` : percent(share));

export const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

export const position = (at) => (at ? `row ${Math.round(at[0])}, column ${Math.round(at[1])}` : "");
