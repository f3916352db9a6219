// What waits here may have been drawn when the project had other classes: it knows its class by name, as the server does.

// The events whose marks are on classes of today, with their numbers of today; the others wait unseen.
export function ofToday(events, { classes, renamed }) {
  return events.flatMap((event) => {
    if (event.called === undefined) return [event];
    const name = renamed[event.called] ?? event.called;
    const label = classes.findIndex((one) => one.name === name);
    return label < 0 ? [] : [{ ...event, mark: { ...event.mark, label } }];
  });
}
