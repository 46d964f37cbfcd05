import type { SyslogReader } from '@millrace/channel-native';

/** Understands the messages of a stream. */
export type MessageReader = Pick<SyslogReader, 'read'>;
