//! The file channel: a write-ahead log in segments.

pub mod consumed;
mod disk;
pub mod layout;
mod storage;

pub use disk::{Disk, DiskFile, Lock};
pub use storage::{Storage, StorageFile};
