/** Bytes for people: three digits that mean something. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  return `${Number((bytes / 1024 ** power).toPrecision(3))} ${units[power]}`;
}

const thousands = new Intl.NumberFormat('en-US');

/** A number with its thousands kept apart. */
export function whole(number: number): string {
  return thousands.format(number);
}

/** A number of things. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${whole(number)} ${number === 1 ? one : many}`;
}

/** A number of events that perhaps nobody knows. */
export function eventsText(events: number | null | undefined): string {
  return typeof events === 'number' ? count(events, 'event') : 'an unknown number of events';
}
