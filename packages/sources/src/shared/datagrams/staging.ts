import { DATAGRAM_BYTES_MAX, type DatagramSocket, type StagedDatagrams } from '@millrace/channel-native';

const BYTES_MIN = 256 << 10;
const DATAGRAMS_MIN = 1_024;
const MARKS = 2;

/** Datagrams that were received and are not events yet, one behind the other. */
export class Staging implements StagedDatagrams {
  bytes = Buffer.allocUnsafeSlow(BYTES_MIN);
  marks = new Uint32Array(MARKS * DATAGRAMS_MIN);
  fill = 0;
  count = 0;

  /** Receives what there is, as {@link DatagramSocket.receive} does. */
  receive(socket: DatagramSocket, budget: number, cost: number) {
    if (this.bytes.length - this.fill < DATAGRAM_BYTES_MAX) this.#growBytes();
    if (MARKS * this.count === this.marks.length) this.#growMarks();
    const received = socket.receive(this, budget, cost);
    this.fill = received.fill;
    this.count = received.count;
    return received;
  }

  clear(): void {
    this.fill = 0;
    this.count = 0;
    if (this.bytes.length > 16 * BYTES_MIN) this.bytes = Buffer.allocUnsafeSlow(BYTES_MIN);
    if (this.marks.length > 16 * MARKS * DATAGRAMS_MIN) this.marks = new Uint32Array(MARKS * DATAGRAMS_MIN);
  }

  #growBytes(): void {
    const larger = Buffer.allocUnsafeSlow(2 * this.bytes.length);
    larger.set(this.bytes.subarray(0, this.fill));
    this.bytes = larger;
  }

  #growMarks(): void {
    const larger = new Uint32Array(2 * this.marks.length);
    larger.set(this.marks);
    this.marks = larger;
  }
}
