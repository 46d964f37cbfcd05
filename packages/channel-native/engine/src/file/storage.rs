//! The seam between the file channel and the disk.
//!
//! The channel reaches the file system only through these traits, so that a test can stop the world at any call, lose, tear
//! or reorder whatever was not synced, open the channel again, and look at what survived.

use std::{
    io::{self, IoSlice},
    path::PathBuf,
};

/// One directory, whose names can be made durable.
pub trait Storage: Send + Sync + 'static {
    /// An open file of this directory. It stays usable when its name changes or goes.
    type File: StorageFile;

    /// Names of the files in it, in no order.
    ///
    /// # Errors
    /// Whatever the operating system said.
    fn list(&self) -> io::Result<Vec<String>>;

    /// A new empty file. Its name is durable only after [`Storage::sync_names`], whether or not its bytes were synced.
    ///
    /// # Errors
    /// `AlreadyExists`, `StorageFull`, or whatever the operating system said.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Opens a file for reading and writing in place.
    ///
    /// # Errors
    /// `NotFound` when there is none; otherwise whatever the operating system said.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// Renames a file, in place of the one that has the name `to`, if there is one. Durable only after [`Storage::sync_names`].
    ///
    /// # Errors
    /// `NotFound` when there is no `from`; otherwise whatever the operating system said.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a name. Durable only after [`Storage::sync_names`].
    ///
    /// # Errors
    /// `NotFound` when there is none; otherwise whatever the operating system said.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes every creation, renaming and removal in the directory durable.
    ///
    /// # Errors
    /// Whatever the operating system said.
    fn sync_names(&self) -> io::Result<()>;

    /// Bytes that an ordinary user may still write here.
    ///
    /// # Errors
    /// Whatever the operating system said.
    fn free_bytes(&self) -> io::Result<u64>;

    /// Makes the directory anew if somebody has removed it, locked as it was; answers whether that was so. What was in it is gone then,
    /// but for what is open.
    ///
    /// # Errors
    /// `ResourceBusy` when somebody else has it now; otherwise whatever the operating system said.
    fn renew(&self) -> io::Result<bool> {
        Ok(false)
    }

    /// Where it is, for messages.
    fn path(&self) -> PathBuf;
}

/// A file that is written in place.
pub trait StorageFile: Send + Sync + 'static {
    /// How many bytes it has.
    ///
    /// # Errors
    /// Whatever the operating system said.
    fn len(&self) -> io::Result<u64>;

    /// Whether it has no bytes.
    ///
    /// # Errors
    /// Whatever the operating system said.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Writes all of the slices one after the other at `offset`, growing the file where needed. They may be lost, torn or
    /// reordered until [`StorageFile::sync`] returns. The slices are used up.
    ///
    /// # Errors
    /// `StorageFull`, or whatever the operating system said; a part of the bytes may then have been written.
    fn write_at(&self, offset: u64, slices: &mut [IoSlice<'_>]) -> io::Result<()>;

    /// Writes `len` zeros at `offset`, of a file that nobody else uses yet; both are multiples of 4096.
    ///
    /// # Errors
    /// As [`StorageFile::write_at`].
    fn write_zeros(&self, offset: u64, len: usize) -> io::Result<()> {
        self.write_at(offset, &mut [IoSlice::new(&vec![0; len])])
    }

    /// Fills `buffer` from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file ends before; otherwise whatever the operating system said.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Makes every written byte durable, and the length where it changed.
    ///
    /// # Errors
    /// Whatever the operating system said. From then on nothing written since the last success may be believed, not even when it
    /// reads back well or a later sync succeeds: the page cache shows bytes that the disk never got.
    fn sync(&self) -> io::Result<()>;

    /// Whether some name still leads to it. What is written to a file without a name is gone with the process.
    ///
    /// # Errors
    /// Whatever the operating system said.
    fn has_name(&self) -> io::Result<bool> {
        Ok(true)
    }
}
