export { Batch, type Headers } from './batch.ts';
export { BatchBuilder, type HeaderEdit, type Lines } from './batch-builder.ts';
export {
  DATAGRAM_BYTES_MAX,
  type DatagramOrigin,
  DatagramSocket,
  type DatagramSocketOptions,
  type Received,
  type StagedDatagrams,
} from './datagram-socket.ts';
export { ChannelError } from './error.ts';
export { FileChannel, type FileChannelOptions } from './file-channel.ts';
export {
  type FileDirectories,
  FileDump,
  type FileFinding,
  FileRepair,
  type FileSegment,
  type FileStatus,
  holderOf,
  inspectFiles,
  type VerifyProgress,
  verifyFiles,
} from './file-inspection.ts';
export { defaultByteCapacity } from './limits.ts';
export {
  bodySlots,
  type ChannelCounters,
  MemoryChannel,
  type MemoryChannelOptions,
} from './memory-channel.ts';
export { newOwner, Owner, type OwnerId, reclaimOwner } from './owner.ts';
export { closePipe, openPipe, type Pipe } from './pipe.ts';
export {
  type ChannelAddress,
  ChannelPort,
  type DirectEnd,
  Lease,
  type Need,
  needOf,
  publishAll,
  Reservation,
  type TakeOptions,
  type WaitOptions,
} from './port.ts';
export {
  type AvroHandshake,
  encodeThrift,
  RequestReader,
  type WireProtocol,
  type WireRequest,
} from './request-reader.ts';
export { type AnswerParts, DirectPut, NativeSocket } from './socket.ts';
export type { SocketListener } from './sockets.ts';
export {
  headerMap,
  isSyslogCharset,
  type KeptFields,
  type SyslogMessages,
  SyslogReader,
  type SyslogRules,
} from './syslog-reader.ts';
export { TextReader } from './text-reader.ts';
