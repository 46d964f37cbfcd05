import { type Batch, BatchBuilder } from '@millrace/channel-native';
import type { PutPort } from '../channel.ts';
import type { EachOutcome, Log, MetersOf, SourceContext } from '../component.ts';
import type { SourceMeters } from '../metrics/base.ts';
import type { SourceSpec } from '../spec.ts';
import { OptionalChannel, RequiredChannels } from './put.ts';

export interface EmitterOptions {
  /** Channels that must hold what is acknowledged. */
  readonly required: readonly PutPort[];
  /** Channels that get it too where they can. */
  readonly optional: readonly PutPort[];
  /** Whether requests that come in one turn of the event loop share a transaction. */
  readonly merge: boolean;
  readonly metrics: MetersOf<SourceMeters>;
  readonly log: Log;
  /** Aborts when the source is asked to stop: who waits for room is refused then, unless it insists. */
  readonly signal?: AbortSignal;
  /** Aborts when the source has no time left to stop: who insists is refused then too. */
  readonly overdue?: AbortSignal;
}

/** More in one transaction saves nothing any more, and makes the first wait for the last. */
const ENOUGH_BYTES = 32 << 10;
/** Transactions on their way into channels that need the disk. What comes while there are so many gathers, and goes as one when one of them is done. */
const COMMITS_MAX = 16;
/** How long a request that insists pauses after it was refused: it may have waited in the channel already. */
const AGAIN_MS = 100;
/** Refusals that waiting does not change. */
const FINAL = new Set<unknown>(['MR_CHANNEL_TOO_LARGE', 'MR_CHANNEL_CLOSED', 'MR_CHANNEL_STALE']);
const DONE = Promise.resolve();
const STOPPING = 'The agent is stopping and there is no room for the event now: send it again later.';

/** What an emitter gives to its source. */
export type Emitter = Pick<
  SourceContext<SourceSpec>,
  'emit' | 'emitEach' | 'emitAll' | 'builder' | 'transactionCapacity'
>;

/** Something a source wants to put: whole, or each event for itself. */
interface Request {
  readonly batch: Batch;
  /** Events that a channel has or has refused, and those on their way. */
  done: number;
  /** Whether a part is on its way. The next waits for it, so that the events stay in order if it fails. */
  underway: boolean;
  /** Events whose outcome the source was told. */
  answered: number;
  /** Told about each part; absent when the batch is one transaction. */
  readonly outcome: EachOutcome | undefined;
  /** Whether it is put again when it is refused. */
  readonly insists: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A part of a request in a merged transaction. */
interface Share {
  readonly request: Request;
  readonly from: number;
  readonly events: number;
}

/**
 * Puts what a source emits into its channels.
 *
 * Requests that come while the event loop runs through its sockets are put as one transaction, in its check phase or as soon as they are
 * enough. The law: every request gets the answer that it would have had alone. A merged transaction therefore never waits. When it does
 * not fit, or fails, its requests go one by one, each with its own keep-alive, as the threads of Flume do.
 */
export function createEmitter({ required, optional, merge, metrics, log, ...signals }: EmitterOptions): Emitter {
  const channels = new RequiredChannels(required);
  const extras = optional.map(
    (port) =>
      new OptionalChannel(port, (events, error) => {
        log.warn({ error, events, channel: port.address.id }, 'An optional channel refused events.');
      }),
  );
  const transactionCapacity = channels.transactionCapacity;
  const builder = new BatchBuilder();
  /** Whether there is nothing to do but to put: for one event, a request costs more than that. */
  const atOnce = !merge && extras.length === 0 && required.length === 1 && required[0]!.directEnd?.([]) !== undefined;
  const giveUp = ({ insists }: Request) => (insists ? signals.overdue : signals.signal);
  let queue: Request[] = [];
  let queuedBytes = 0;
  let scheduled = false;
  let commits = 0;
  let lastAnswer: Promise<void> = Promise.resolve();

  function enqueue(request: Request): void {
    queue.push(request);
    queuedBytes += request.batch.byteLength;
    if (commits >= COMMITS_MAX) return;
    if (!merge || queuedBytes >= ENOUGH_BYTES) {
      flush();
    } else if (!scheduled) {
      scheduled = true;
      setImmediate(flush);
    }
  }

  function flush(): void {
    scheduled = false;
    const requests = queue;
    queue = [];
    queuedBytes = 0;
    let next = 0;
    while (next < requests.length && commits < COMMITS_MAX) {
      const shares = gather(requests, next, Math.min(transactionCapacity, free()));
      if (shares.length > 0 && putMerged(shares)) {
        while (next < requests.length && (isOver(requests[next]!) || requests[next]!.underway)) next += 1;
      } else {
        waitAlone(requests[next]!);
        next += 1;
      }
    }
    if (next < requests.length) requeue(requests.slice(next));
  }

  /** Puts what could not go yet before what came since. */
  function requeue(requests: readonly Request[]): void {
    queue = [...requests, ...queue];
    for (const { batch } of requests) queuedBytes += batch.byteLength;
  }

  function free(): number {
    try {
      return channels.free();
    } catch {
      return 0; // Whoever goes alone is told why.
    }
  }

  /** What fits of the requests from `from`: whole transactions, cut only where a request may be cut. */
  function gather(requests: readonly Request[], from: number, eventsMax: number): Share[] {
    const shares: Share[] = [];
    let room = eventsMax;
    const until = merge ? requests.length : from + 1;
    for (let at = from; at < until && room > 0; at += 1) {
      const request = requests[at]!;
      const left = request.batch.length - request.done;
      if (left > room && request.outcome === undefined) break;
      const events = Math.min(left, room);
      shares.push({ request, from: request.done, events });
      room -= events;
    }
    return shares;
  }

  function putMerged(shares: readonly Share[]): boolean {
    const pieces = piecesOf(shares);
    let putting: boolean | Promise<void>;
    try {
      putting = channels.tryPut(pieces);
    } catch {
      // One of them can never be put; which one shows when they go alone.
      return false;
    }
    if (putting === false) return false;
    for (const { request, events } of shares) request.done += events;
    if (putting === true) accept(shares, pieces);
    else finish(shares, pieces, putting);
    return true;
  }

  /** Waits for a transaction that is being committed, and lets what has gathered meanwhile follow it. */
  async function finish(shares: readonly Share[], pieces: readonly Batch[], committing: Promise<void>): Promise<void> {
    commits += 1;
    for (const { request } of shares) request.underway = true;
    const failure = await committing.then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    commits -= 1;
    for (const { request } of shares) request.underway = false;
    if (failure === undefined) {
      accept(shares, pieces);
      for (const { request } of shares) if (!isOver(request)) enqueue(request);
    } else {
      putAlone(shares, failure.error);
    }
    if (queue.length > 0 && !scheduled) flush();
  }

  /** Each request of a transaction that has failed by itself; one that was alone has failed. */
  function putAlone(shares: readonly Share[], error: unknown): void {
    const [{ request: only, events }] = shares as readonly [Share];
    const wasAlone = shares.length === 1 && (only.outcome === undefined || events === 1);
    for (const { request, from } of shares) request.done = from;
    if (wasAlone) refuse(only, events, error);
    else for (const { request } of shares) waitAlone(request);
  }

  /** The next part of a request by itself, with its own wait. */
  function waitAlone(request: Request): void {
    const events = request.outcome === undefined ? request.batch.length : 1;
    const shares = [{ request, from: request.done, events }];
    const pieces = piecesOf(shares);
    channels.put(pieces, giveUp(request)).then(
      () => {
        request.done += events;
        accept(shares, pieces);
        if (!isOver(request)) enqueue(request);
      },
      (error: unknown) => {
        if (!giveUp(request)?.aborted || isFinal(error)) refuse(request, events, error);
        // One by one, thousands that wait would take longer than there is time for.
        else refuse(request, request.batch.length - request.done, new Error(STOPPING, { cause: error }));
      },
    );
  }

  function accept(shares: readonly Share[], pieces: readonly Batch[]): void {
    const held = extras.length > 0 ? Promise.all(extras.map((extra) => extra.put(pieces, unitsOf(shares)))) : undefined;
    answer(() => {
      for (const { request, events } of shares) {
        metrics.accepted.add(events);
        request.outcome?.(events, undefined);
        settle(request, events);
      }
    }, held);
  }

  function refuse(request: Request, events: number, error: unknown): void {
    metrics.writeFailed.add(request.outcome === undefined ? 1 : events);
    if (request.insists && !signals.overdue?.aborted && !isFinal(error)) {
      log.warn({ error }, 'A channel does not take events now: what is read waits for it.');
      setTimeout(enqueue, AGAIN_MS, request);
      return;
    }
    request.done += events;
    answer(() => {
      metrics.rejected.add(events);
      const failure = error instanceof Error ? error : new Error(String(error));
      if (request.outcome !== undefined) for (let event = 0; event < events; event += 1) request.outcome(0, failure);
      settle(request, events, error);
    });
    if (!isOver(request)) enqueue(request);
  }

  /** Answers in the order in which things happened, even where some wait for optional channels. */
  function answer(act: () => void, after?: Promise<unknown>): void {
    if (extras.length === 0) act();
    else lastAnswer = lastAnswer.then(() => after).then(act);
  }

  function settle(request: Request, events: number, error?: unknown): void {
    request.answered += events;
    if (request.answered < request.batch.length) return;
    request.batch.release();
    if (request.outcome === undefined && error !== undefined) request.reject(error);
    else request.resolve();
  }

  function request(batch: Batch, outcome?: EachOutcome, insists = false): Promise<void> {
    metrics.received.add(batch.length);
    return new Promise((resolve, reject) => {
      const wanted: Request = { batch, done: 0, underway: false, answered: 0, outcome, insists, resolve, reject };
      if (batch.length === 0) settle(wanted, 0);
      else enqueue(wanted);
    });
  }

  /** Puts a batch where its channel takes it here and now. */
  function tookAtOnce(batch: Batch): boolean {
    try {
      return atOnce && channels.tryPut([batch]) === true;
    } catch {
      return false; // Whoever goes as a request is told why.
    }
  }

  function emit(batch: Batch): Promise<void> {
    if (!tookAtOnce(batch)) return request(batch);
    metrics.received.add(batch.length);
    metrics.accepted.add(batch.length);
    batch.release();
    return DONE;
  }

  return {
    emit,
    emitEach: (batch, outcome) => request(batch, outcome),
    emitAll: (batch, refused) => request(batch, (_accepted, failure) => failure && refused(failure), true),
    builder,
    transactionCapacity,
  };
}

function isOver({ batch, done }: Request): boolean {
  return done === batch.length;
}

function isFinal(error: unknown): boolean {
  return FINAL.has((error as { code?: unknown }).code);
}

/** The events of the shares as few batches: neighbours in memory become one. */
function piecesOf(shares: readonly Share[]): Batch[] {
  const pieces: Batch[] = [];
  for (const { request, from, events } of shares) {
    const { batch } = request;
    const piece = events === batch.length ? batch : batch.slice(from, from + events);
    const last = pieces.at(-1);
    const joined = last?.joinedWith(piece);
    if (joined === undefined) pieces.push(piece);
    else pieces[pieces.length - 1] = joined;
  }
  return pieces;
}

/** The transactions that the shares would be if nothing were merged. */
function* unitsOf(shares: readonly Share[]): Generator<Batch> {
  for (const { request, from, events } of shares) {
    if (request.outcome === undefined) yield request.batch;
    else for (let at = from; at < from + events; at += 1) yield request.batch.slice(at, at + 1);
  }
}
