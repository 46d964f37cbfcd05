import { expect, test } from 'vitest';
import * as z from 'zod';
import { errorCodes } from './errors.ts';
import { facts } from './fixtures/facts.ts';
import { errorTable, manualIndex, manualPage } from './manual.ts';
import { counter, defineSource, gauge, property, type Spec } from './spec.ts';
import { count, flag, names, port, text, textByName } from './types.ts';

const sample: Spec = defineSource({
  facts: facts.source,
  type: 'sample',
  classNames: ['org.example.Sample'],
  summary: 'Makes samples.',
  stability: 'experimental',
  drive: 'event',
  properties: {
    port: property('port', port, 'Where it listens.'),
    batchSize: property('batch-size', count.default(100), 'Most events at once.'),
    acknowledge: property('ack', flag.default(true), 'Answer `OK` | not.'),
    only: property('only', names.default([]), 'Which ones.'),
    label: property('label', text.optional(), 'What it is called.'),
    mode: property('mode', z.enum(['fast', 'safe']).default('safe'), 'How.'),
    extra: property('extra.', textByName, 'More.'),
  },
  metrics: {
    made: counter('samples_made_total', 'Samples made.'),
    connections: gauge('sample_connections', 'Open now.', { flume: 'OpenConnectionCount' }),
  },
});

test('a page says everything that is declared', () => {
  expect(manualPage(sample, 'packages/sources/src/sample/spec.ts')).toBe(`\
<!-- Generated from packages/sources/src/sample/spec.ts by \`npm run generate\`: change that file, not this one. -->

# sample source

Makes samples.

Type: \`sample\` or \`org.example.Sample\`, in any case. Stability: experimental. Besides the properties below, \`channels\` names the channels it puts into, and \`interceptors\` what its events pass before.

## Properties

| Property | Takes | Default | Meaning |
| --- | --- | --- | --- |
| \`port\` | a port from 0 to 65535 | **required** | Where it listens. |
| \`batch-size\` | a whole number of at least 1 | \`100\` | Most events at once. |
| \`ack\` | true or false | \`true\` | Answer \`OK\` \\| not. |
| \`only\` | names with blanks between them | none | Which ones. |
| \`label\` | some text | none | What it is called. |
| \`mode\` | \`fast\`, \`safe\` | \`safe\` | How. |
| \`extra.*\` | some text | none | More. |

## Metrics

| In Prometheus | Kind | Meaning | In Flume's JSON |
| --- | --- | --- | --- |
| \`Flume_EventReceivedCount_total\` | counter | Events that came in. | \`EventReceivedCount\` |
| \`Flume_EventAcceptedCount_total\` | counter | Events that all required channels hold, or held. | \`EventAcceptedCount\` |
| \`millrace_source_events_rejected_total\` | counter | Events that a required channel refused, or whose worker died. |  |
| \`millrace_source_events_filtered_total\` | counter | Events that an interceptor dropped. |  |
| \`Flume_ChannelWriteFail_total\` | counter | Transactions that a required channel refused; each time, when they are tried again. | \`ChannelWriteFail\` |
| \`Flume_GenericProcessingFail_total\` | counter | Transactions that an interceptor failed to pass. | \`GenericProcessingFail\` |
| \`millrace_samples_made_total\` | counter | Samples made. |  |
| \`Flume_OpenConnectionCount\` | gauge | Open now. | \`OpenConnectionCount\` |
`);
});

test('a page says that Flume has no entry of a type, and names its metrics in Prometheus only', () => {
  const page = manualPage({ ...sample, flumeEntry: false }, 'spec.ts');
  expect(page).toContain('| `Flume_OpenConnectionCount` | gauge | Open now. |  |\n');
  expect(page).toContain("\n\nFlume's JSON has no entry for components of this type.\n");
});

test('the index links every page under its kind', () => {
  expect(manualIndex([sample])).toContain('## Sources\n\n- [sample](sources/sample.md): Makes samples.');
});

test('the table of errors has a row for every code', () => {
  expect(errorTable().split('\n')).toHaveLength(Object.keys(errorCodes).length + 2);
});
