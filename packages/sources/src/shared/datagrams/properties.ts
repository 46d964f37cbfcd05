import { counter, property, type SourceFacts } from '@millrace/kernel/spec';
import { count } from '@millrace/kernel/types';
import { bytesText } from '@millrace/kernel/words';

/** What every source for datagrams can be told. */
export const datagramProperties = {
  receiveBufferBytes: property(
    'receiveBufferBytes',
    count.default(4 << 20),
    'Buffer of the system for datagrams that have not been read yet. The system may grant less: its limit is `net.core.rmem_max`.',
  ),
  inFlightBytesMax: property(
    'maxInFlightBytes',
    count.default(64 << 20),
    'Most bytes that have been read and are not yet in the channels; 128 more count for each datagram. What comes beyond is dropped.',
  ),
};

/** What every source for datagrams promises: who sends a datagram learns nothing of it. */
export const datagramFacts = ({ inFlightBytesMax }: { readonly inFlightBytesMax: number }): SourceFacts => ({
  told: 'Nobody is told anything over UDP.',
  refused: 'datagrams are dropped, and counted',
  lost: `datagrams that no channel has yet, up to ${bytesText(inFlightBytesMax)}, and all that come while it does not run; UDP has no acknowledgement`,
});

/** What every source for datagrams keeps besides. */
export const datagramMetrics = (type: string) => ({
  dropped: counter(`${type}_datagrams_dropped_total`, 'Datagrams dropped because `maxInFlightBytes` was reached.'),
  lost: counter(
    `${type}_datagrams_lost_total`,
    'Datagrams that the system dropped because its buffer was full, as Linux counts them.',
  ),
});
