//! The file channel: a write-ahead log in segments.

#[cfg(test)]
mod build;
pub mod checkpoint;
pub mod consumed;
mod disk;
pub mod layout;
pub mod scan;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
mod storage;

pub use consumed::Consumed;
pub use disk::{Disk, DiskFile, Lock};
pub use layout::Position;
pub use storage::{Storage, StorageFile};

use crate::batch::Run;

/// The checksum of a put's payload.
#[must_use]
pub fn payload_crc(run: &Run<'_>) -> u32 {
    layout::put_checksum(run.bytes(), run.table())
}
