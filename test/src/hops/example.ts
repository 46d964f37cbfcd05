import { readFileSync } from 'node:fs';
import { freePort } from '@millrace/testkit';

/** An example as it stands, and with what keeps tests apart from each other and from somebody who tries it on this machine. */
export class Example {
  readonly text: string;
  readonly ports: ReadonlyMap<number, number>;

  /** Gives every port in these examples a free one, the same in all of them, and each directory in /tmp this one. */
  static async read(paths: readonly string[], scratch: string): Promise<Example[]> {
    const texts = paths.map((path) => readFileSync(new URL(`../../../examples/${path}`, import.meta.url), 'utf8'));
    const ports = new Map<number, number>();
    for (const [, port] of texts.join('').matchAll(/^\S+\.port = (\d+)$/gm)) ports.set(Number(port), await freePort());
    return texts.map((text) => new Example(text, ports, scratch));
  }

  private constructor(text: string, ports: ReadonlyMap<number, number>, scratch: string) {
    this.ports = ports;
    this.text = text
      .replaceAll(/^(\S+\.port) = (\d+)$/gm, (_, key, port) => `${key} = ${ports.get(Number(port))}`)
      .replaceAll(/\/tmp\/millrace-[\w-]+/g, scratch);
  }
}
