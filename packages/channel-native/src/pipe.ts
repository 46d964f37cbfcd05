import { addon } from './addon.ts';

/** The file descriptors of a pipe. Whoever has opened it closes them, with {@link closePipe} or by giving them to a socket. */
export interface Pipe {
  readonly reader: number;
  readonly writer: number;
}

/** Opens a pipe for the output of a command. What Node itself makes for that is a socket, which a command cannot open as `/dev/stdout`. */
export function openPipe(): Pipe {
  const [reader, writer] = addon.openPipe() as [number, number];
  return { reader, writer };
}

/** Closes an end of a pipe. */
export function closePipe(end: number): void {
  addon.closePipe(end);
}
