import { expect, test } from 'vitest';
import { agentStatus, channelStatus, meteredStatus, specs } from '../fixtures/status.ts';
import { flumeMetrics, javaDouble } from './flume.ts';

const zerosOf = (...attributes: string[]) => Object.fromEntries(attributes.map((attribute) => [attribute, '0']));

test('a source has every attribute of Flume, as text, and no other', () => {
  const figures = { received: 7, accepted: 5, rejected: 2, writeFailed: 1, connections: 3, overlong: 9 };
  const status = agentStatus({ sources: [meteredStatus(specs.listener, 'r1', figures)] });
  expect(flumeMetrics(status)).toEqual({
    'SOURCE.r1': {
      Type: 'SOURCE',
      StartTime: '1000',
      StopTime: '0',
      EventReceivedCount: '7',
      EventAcceptedCount: '5',
      ChannelWriteFail: '1',
      OpenConnectionCount: '3',
      ...zerosOf('AppendReceivedCount', 'AppendAcceptedCount', 'AppendBatchReceivedCount', 'AppendBatchAcceptedCount'),
      ...zerosOf('EventReadFail', 'GenericProcessingFail'),
    },
  });
});

test('so has a sink', () => {
  const figures = { taken: 9, delivered: 6, returned: 3, complete: 2, underflow: 1, deliverFailed: 4, takeFailed: 5 };
  const status = agentStatus({ sinks: [meteredStatus(specs.sender, 'k1', figures)] });
  expect(flumeMetrics(status)['SINK.k1']).toEqual({
    Type: 'SINK',
    StartTime: '1000',
    StopTime: '0',
    EventDrainAttemptCount: '9',
    EventDrainSuccessCount: '6',
    BatchCompleteCount: '2',
    BatchUnderflowCount: '1',
    EventWriteFail: '4',
    ChannelReadFail: '5',
    ...zerosOf('BatchEmptyCount', 'ConnectionCreatedCount', 'ConnectionClosedCount', 'ConnectionFailedCount'),
  });
});

test('so has a channel, with what its type has besides', () => {
  const counters = { put: 9, refused: 2, taken: 7, committed: 4, queued: 3, leased: 2, size: 3, capacity: 100 };
  const status = agentStatus({ channels: [channelStatus('c1', { ...counters, unhealthy: 1 })] });
  expect(flumeMetrics(status)['CHANNEL.c1']).toEqual({
    Type: 'CHANNEL',
    StartTime: '1000',
    StopTime: '0',
    ChannelSize: '3',
    ChannelCapacity: '100',
    ChannelFillPercentage: '3.0',
    EventPutAttemptCount: '11',
    EventPutSuccessCount: '9',
    EventTakeAttemptCount: '7',
    EventTakeSuccessCount: '4',
    Unhealthy: '1',
    Open: 'true',
    Closed: '0',
    EventPutErrorCount: '0',
  });
});

test('a channel that was never opened is there, closed and at zero', () => {
  const status = agentStatus({ channels: [{ ...channelStatus('c1'), open: false, startedAtMs: 0, stoppedAtMs: 5 }] });
  expect(flumeMetrics(status)['CHANNEL.c1']).toMatchObject({
    ...zerosOf('StartTime', 'ChannelSize', 'EventPutAttemptCount'),
    ChannelFillPercentage: '0.0',
    Open: 'false',
    Closed: '1',
  });
});

test('a component of which Flume has no entry has none', () => {
  expect(flumeMetrics(agentStatus({ sinks: [meteredStatus(specs.unlisted, 'k1')] }))).toEqual({});
});

test('what a reload has taken away stays, with the time when it stopped', () => {
  const gone = { ...meteredStatus(specs.sender, 'old', { taken: 5 }), stoppedAtMs: 2_000 };
  const status = agentStatus({
    sinks: [meteredStatus(specs.sender, 'k1')],
    removed: { channels: [], sinks: [gone], sources: [] },
  });
  expect(Object.keys(flumeMetrics(status)).sort()).toEqual(['SINK.k1', 'SINK.old']);
  expect(flumeMetrics(status)['SINK.old']).toMatchObject({ StopTime: '2000', EventDrainAttemptCount: '5' });
});

test.for([
  [0, '0.0'],
  [3, '3.0'],
  [100, '100.0'],
  [0.5, '0.5'],
  [33.333333333333336, '33.333333333333336'],
  [0.001, '0.001'],
  [0.0001, '1.0E-4'],
  [0.00012, '1.2E-4'],
  [1e7, '1.0E7'],
  [12_345_678, '1.2345678E7'],
  [Number.MAX_VALUE, '1.7976931348623157E308'],
] as const)('%d is written as Java writes it: %s', ([value, text]) => {
  expect(javaDouble(value)).toBe(text);
});
