//! The bytes of the file channel, as `docs/design/file-channel.md` lays them down. Nothing else knows where a field stands.
//!
//! ```text
//! segment: ├ header ┬ header ┼ group ────────────────────────┬ zeros ┼ group ───┬ zeros ┼ …
//! group:                    ├ record ┬ record ┬ … ┬ record ─┤       a multiple of 4096
//! record:                   ├ header, 64 ┬ payload ┬ zeros ─┤       a multiple of 8
//! put:                                   ├ events ┬ zeros ┬ entry n−1 ┬ … ┬ entry 0 ┤
//! ```
//!
//! Every function is total: bytes that are not what they should be are never more than `None`.
#![forbid(unsafe_code)]

mod names;
mod payload;
mod record;
mod segment;

pub use names::{
    checkpoint_log_id, checkpoint_name, damaged_name, is_flume, quarantined_name, segment_name, segment_number,
    used_number,
};
pub use payload::{ack_ranges, encode_ack, put_checksum, put_len, put_parts};
pub use record::{Kind, RECORD_HEADER_LEN, RecordHeader};
pub use segment::{ENDINGS_MAX, Ending, HeaderFault, RECORDS_AT, SegmentHeader};

/// The version of the format this engine writes, and the highest it reads.
pub const VERSION: u32 = 1;

/// Groups begin at multiples of this, and end before one: no sync rewrites a page that has older records.
pub const PAGE: u32 = 4096;

/// Records begin at multiples of this.
pub const RECORD_ALIGN: u32 = 8;

/// No number of an event, a put, a segment or a checkpoint gets so high: bytes that say so are not what they seem to be.
pub const NUMBERS_END: u64 = 1 << 55;

/// A place in the log of one directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    /// The number of a segment; 0 is none, and before all of them.
    pub segment: u64,
    /// A byte in it.
    pub offset: u32,
}

/// CRC-32C, of everything that has a checksum here.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u32 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes) as u32
}
