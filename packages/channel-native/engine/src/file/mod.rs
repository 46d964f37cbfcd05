//! The file channel: a write-ahead log in segments.

#[cfg(all(test, not(loom)))]
pub(crate) mod build;
mod checkpoint;
pub mod consumed;
#[cfg(all(test, not(any(loom, miri))))]
mod crash;
mod disk;
#[cfg(all(test, not(any(loom, miri))))]
mod fixture;
#[cfg(all(test, not(any(loom, miri))))]
mod fuzz;
mod group;
pub mod inspect;
pub mod layout;
mod log;
mod maker;
mod opening;
mod reader;
mod recovery;
pub mod repair;
#[cfg(all(test, not(loom)))]
mod rig;
mod scan;
#[cfg(any(all(test, not(loom)), feature = "sim"))]
pub mod sim;
mod storage;
#[cfg(all(test, not(loom)))]
mod tests;
mod writer;

pub use consumed::Consumed;
pub use disk::{Disk, DiskFile, Lock};
pub use layout::Position;
pub use log::{Log, LogOptions, Segment, Segments, Sync};
pub use opening::{FileOptions, LOCK, Opened, Parts, Running, open, open_disks};
pub use recovery::Finding;
pub use storage::{Storage, StorageFile};

use crate::batch::Run;

/// The checksum of a put's payload.
#[must_use]
pub fn payload_crc(run: &Run<'_>) -> u32 {
    layout::put_checksum(run.bytes(), run.table())
}
