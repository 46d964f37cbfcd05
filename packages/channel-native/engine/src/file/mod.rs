//! The file channel: a write-ahead log in segments.

mod disk;
mod storage;

pub use disk::{Disk, DiskFile, Lock};
pub use storage::{Storage, StorageFile};
