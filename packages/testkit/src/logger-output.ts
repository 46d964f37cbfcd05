/**
 * The bodies of the events that logger sinks have written, in order, from the hexadecimal columns of their lines: as many bytes as the
 * sink writes, and only those of the first row, which are 16.
 */
export function loggedBodies(output: readonly string[]): string[] {
  return output.flatMap((line) => {
    const [, hex] = /body:((?: [0-9A-F]{2}){0,16}) /.exec(line) ?? [];
    return hex === undefined ? [] : [Buffer.from(hex.replaceAll(' ', ''), 'hex').toString()];
  });
}
