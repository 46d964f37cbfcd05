import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import type { AgentStatus } from '../agent.ts';
import { Rates } from './rates.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  return () => vi.useRealTimers();
});

/** Rates of a source whose figures can be set. */
function ratesOf(source: { startedAtMs: number; metrics: Record<string, number> }) {
  const id = 'a1.sources.r1';
  const status = () => ({ sources: [{ id, ...source }], channels: [], sinks: [] });
  const rates = new Rates(status as unknown as () => AgentStatus);
  onTestFinished(() => rates.close());
  return () => rates.perSecond({ id, startedAtMs: source.startedAtMs, figures: source.metrics }, 'accepted');
}

test('a rate is that of the last ten seconds', () => {
  const source = { startedAtMs: 1_000_000, metrics: { accepted: 0 } };
  const rate = ratesOf(source);
  for (let second = 0; second < 30; second += 1) {
    source.metrics = { accepted: source.metrics.accepted + (second < 15 ? 100 : 700) };
    vi.advanceTimersByTime(1_000);
    if (second === 0 || second === 14) expect(rate()).toBeCloseTo(100);
  }
  expect(rate()).toBeGreaterThan(600);
  expect(rate()).toBeLessThanOrEqual(700);
});

test('a component that began anew is measured from there', () => {
  const source = { startedAtMs: 1_000_000, metrics: { accepted: 0 } };
  const rate = ratesOf(source);
  source.metrics = { accepted: 1_000_000 };
  vi.advanceTimersByTime(20_000);
  source.startedAtMs = 1_020_000;
  source.metrics = { accepted: 50 };
  vi.advanceTimersByTime(500);
  expect(rate()).toBeCloseTo(100);
});

test('what has not begun has no rate', () => {
  expect(ratesOf({ startedAtMs: 0, metrics: {} })()).toBe(0);
  expect(ratesOf({ startedAtMs: 1_000_000, metrics: { accepted: 1 } })()).toBe(0);
});
