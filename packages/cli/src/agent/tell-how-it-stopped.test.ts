import type { Stopped } from '@millrace/kernel/agent';
import { expect, test } from 'vitest';
import { tellHowItStopped } from './tell-how-it-stopped.ts';

/** The exit code for how an agent stopped, and what its log says. */
function told(stopped: Partial<Stopped>) {
  const lines: string[] = [];
  const saying = (level: string) => (_fields: object, message: string) => void lines.push(`${level}: ${message}`);
  const log = { debug: saying('debug'), info: saying('info'), warn: saying('warn'), error: saying('error') };
  return { code: tellHowItStopped({ stuck: [], lost: [], ...stopped }, log), lines };
}

test('a stop that lost nothing ends with 0', () => {
  expect(told({})).toEqual({ code: 0, lines: ['info: Stopped.'] });
});

test('a stop that lost events ends with 1 and says how many each channel lost', () => {
  const lost = [
    { channel: 'a1.channels.c1', events: 2 },
    { channel: 'a1.channels.c2', events: undefined },
  ];
  const { code, lines } = told({ lost });
  expect(code).toBe(1);
  expect(lines).toEqual([
    expect.stringMatching(/^error: a1\.channels\.c1 lost 2 events: /),
    expect.stringMatching(/^error: a1\.channels\.c2 lost an unknown number of events: /),
    'info: Stopped.',
  ]);
});
