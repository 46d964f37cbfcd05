import type { MessagePort } from 'node:worker_threads';
import { ChannelError } from '@millrace/channel-native';
import type { Answer } from './messages.ts';

/** Something that a thread has asked the store. It is answered once. */
export class Question {
  readonly link: MessagePort;
  readonly token: number;

  constructor(link: MessagePort, token: number) {
    this.link = link;
    this.token = token;
  }

  answer(value?: unknown, transfer: ArrayBuffer[] = []): void {
    this.link.postMessage({ token: this.token, value } satisfies Answer, transfer);
  }

  refuse(thrown: unknown): void {
    const { code, message } = thrown instanceof ChannelError ? thrown : failure('The database has failed', thrown);
    this.link.postMessage({ token: this.token, error: { code, message } } satisfies Answer);
  }
}

/** What could not be done, in Flume's words, and why, in the words of the database. */
export function failure(what: string, cause: unknown): ChannelError {
  return new ChannelError('MR_DATABASE', `${what}: ${cause instanceof Error ? cause.message : cause}`);
}

/** A wait was given up. */
export function cancelled(): ChannelError {
  return new ChannelError('MR_CHANNEL_CANCELLED', 'The wait was cancelled.');
}

/** The channel takes nothing new. */
export function closed(): ChannelError {
  return new ChannelError('MR_CHANNEL_CLOSED', 'the channel is closed');
}

/** The life of a worker, or what it opened, is over. */
export function stale(): ChannelError {
  return new ChannelError('MR_CHANNEL_STALE', 'The life of the worker is over, or this was already settled.');
}
