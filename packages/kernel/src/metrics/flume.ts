import type { AgentStatus } from '../agent.ts';
import type { Spec } from '../spec.ts';
import { type Measured, measuredIn } from './measured.ts';

/** The entry of one component: every value is text, as in Flume. */
export type FlumeEntry = Readonly<Record<string, string>>;

/** What Flume's JSON has of every component of a kind, whether its type counts it or not. */
const attributesOfKind: Readonly<Partial<Record<Spec['kind'], readonly string[]>>> = {
  source: [
    'EventReceivedCount',
    'EventAcceptedCount',
    'AppendReceivedCount',
    'AppendAcceptedCount',
    'AppendBatchReceivedCount',
    'AppendBatchAcceptedCount',
    'OpenConnectionCount',
    'EventReadFail',
    'ChannelWriteFail',
    'GenericProcessingFail',
  ],
  channel: [
    'ChannelSize',
    'ChannelCapacity',
    'ChannelFillPercentage',
    'EventPutAttemptCount',
    'EventPutSuccessCount',
    'EventTakeAttemptCount',
    'EventTakeSuccessCount',
  ],
  sink: [
    'ConnectionCreatedCount',
    'ConnectionClosedCount',
    'ConnectionFailedCount',
    'BatchEmptyCount',
    'BatchUnderflowCount',
    'BatchCompleteCount',
    'EventDrainAttemptCount',
    'EventDrainSuccessCount',
    'EventWriteFail',
    'ChannelReadFail',
  ],
};

/** What Flume's `/metrics` says of an agent: an entry for each component of which Flume has one, such as `SOURCE.r1`. */
export function flumeMetrics(status: AgentStatus): Record<string, FlumeEntry> {
  const listed = measuredIn(status).filter(({ spec }) => spec.flumeEntry !== false);
  return Object.fromEntries(listed.map((component) => [entryName(component), entryOf(component)]));
}

const entryName = ({ spec, name }: Measured) => `${spec.kind.toUpperCase()}.${name}`;

function entryOf({ spec, metrics, figures, up, startedAtMs, stoppedAtMs }: Measured): FlumeEntry {
  const entry: Record<string, string> = {};
  for (const attribute of [...(attributesOfKind[spec.kind] ?? []), ...(spec.flumeEntry || [])]) entry[attribute] = '0';
  for (const [key, { flume }] of Object.entries(metrics)) {
    if (flume !== undefined) entry[flume] = String(figures[key] ?? 0);
  }
  // The two that are no figures, and the one that is no whole number.
  if ('Open' in entry) entry['Open'] = String(up);
  if ('Closed' in entry) entry['Closed'] = stoppedAtMs > 0 ? '1' : '0';
  if ('ChannelFillPercentage' in entry) entry['ChannelFillPercentage'] = javaDouble(figures['fillPercent'] ?? 0);
  return { Type: spec.kind.toUpperCase(), StartTime: String(startedAtMs), StopTime: String(stoppedAtMs), ...entry };
}

/** A number of at least 0 as Java's `Double.toString` writes it. */
export function javaDouble(value: number): string {
  if (value !== 0 && (value < 1e-3 || value >= 1e7)) {
    const [digits, exponent] = value.toExponential().split('e') as [string, string];
    return `${withPoint(digits)}E${Number(exponent)}`;
  }
  return withPoint(String(value));
}

const withPoint = (digits: string) => (digits.includes('.') ? digits : `${digits}.0`);
