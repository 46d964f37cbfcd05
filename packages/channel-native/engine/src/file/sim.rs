//! A simulated disk, on which everything goes wrong that can.
//!
//! A [`World`] has any number of directories ([`SimDisk`]) and can be stopped in the middle of any call. [`World::after_crash`]
//! is the disk as the next boot finds it:
//!
//! - bytes that were synced are there; of the others any part may be, torn, reordered, or with what the file had before in their place;
//! - names are as they were when the directory was last synced, with any of the later changes done;
//! - after a failed sync, the bytes and names it should have written still read back well, later syncs say that all is well, and the
//!   disk has none of them, until they are written again.

mod content;
mod inode;
mod loss;
#[cfg(all(test, not(miri)))]
mod model;
mod names;
mod state;
#[cfg(all(test, not(miri)))]
mod tests;

use std::{
    fmt,
    io::{self, IoSlice},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use loss::{Doubt, Grain, Growth, Kept, LossPattern};
use state::{State, Trap};

use super::storage::{Storage, StorageFile};

/// A machine with its disk. Clones are the same machine.
#[derive(Clone, Debug)]
pub struct World(Arc<Mutex<State>>);

/// A directory of a [`World`].
#[derive(Clone, Debug)]
pub struct SimDisk {
    world: World,
    directory: usize,
}

/// An open file of a [`SimDisk`].
#[derive(Debug)]
pub struct SimFile {
    world: World,
    file: usize,
}

/// What a storage can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "they are named like the methods")]
pub enum Call {
    List,
    Create,
    Open,
    Rename,
    Remove,
    SyncNames,
    FreeBytes,
    Len,
    Write,
    Read,
    Sync,
}

/// What a call can fail with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// EIO: the disk does not do it.
    Io,
    /// ENOSPC: there is no space.
    Full,
}

/// The error of every call to a machine that has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerOff;

impl PowerOff {
    /// Whether this is what an error says.
    #[must_use]
    pub fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Self>)
    }
}

impl fmt::Display for PowerOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulated machine is off")
    }
}

impl std::error::Error for PowerOff {}

impl Call {
    /// Whether it changes the disk: only these are counted.
    const fn changes(self) -> bool {
        matches!(self, Self::Create | Self::Rename | Self::Remove | Self::SyncNames | Self::Write | Self::Sync)
    }
}

impl World {
    /// A machine with an empty disk. What is random on it depends on `seed` alone.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State::new(seed))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The directory of this path; it is made, and durable, if there is none.
    #[must_use]
    pub fn directory(&self, path: &str) -> SimDisk {
        let mut state = self.state();
        let directory = state.directory(path);
        SimDisk { world: self.clone(), directory }
    }

    /// How many calls that change something were made so far, also in the worlds that this one comes from.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Stops the machine in the middle of the `nth` call from now that changes something; 1 is the next. This call and
    /// every later one fail with [`PowerOff`].
    pub fn crash_at(&self, nth: u64) {
        let mut state = self.state();
        state.stop_at = Some(state.calls + nth);
    }

    /// Whether the machine has stopped.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.state().off
    }

    /// Makes the `nth` call of a kind from now fail, once; 1 is the next. A write then writes a half; a sync forgets what it should
    /// have written; anything else changes nothing.
    ///
    /// # Panics
    /// When `nth` is 0.
    pub fn fail(&self, call: Call, nth: u32, fault: Fault) {
        assert!(nth > 0, "the next call is the first");
        self.state().traps.push(Trap { call, left: nth, fault });
    }

    /// How many faults of [`World::fail`] have struck so far, also in the worlds that this one comes from.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.state().faults
    }

    /// Takes back every [`World::fail`] that has not struck.
    pub fn mend(&self) {
        self.state().traps.clear();
    }

    /// Sets the size of the disk, which all directories share. Writes that need more fail with `StorageFull` after writing what fits.
    pub fn set_capacity(&self, bytes: u64) {
        self.state().capacity = bytes;
    }

    /// How much a crash now could take.
    #[must_use]
    pub fn doubt(&self) -> Doubt {
        self.state().doubt()
    }

    /// Another machine, with the disk as the next boot finds it. This one stays as it is, also if it has not stopped.
    #[must_use]
    pub fn after_crash(&self, loss: LossPattern) -> Self {
        Self(Arc::new(Mutex::new(self.state().after_crash(loss))))
    }
}

impl SimDisk {
    /// Changes the bytes of a file on the disk and in the cache, as bit rot does.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        self.world.state().damage(self.directory, name, change)
    }

    fn handle(&self, file: usize) -> SimFile {
        SimFile { world: self.world.clone(), file }
    }
}

impl Storage for SimDisk {
    type File = SimFile;

    fn list(&self) -> io::Result<Vec<String>> {
        self.world.state().list(self.directory)
    }

    fn create(&self, name: &str) -> io::Result<SimFile> {
        let file = self.world.state().create(self.directory, name)?;
        Ok(self.handle(file))
    }

    fn open(&self, name: &str) -> io::Result<SimFile> {
        let file = self.world.state().open(self.directory, name)?;
        Ok(self.handle(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.world.state().rename(self.directory, from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.world.state().remove(self.directory, name)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.world.state().sync_names(self.directory)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.world.state().free_bytes()
    }

    fn path(&self) -> PathBuf {
        self.world.state().directories[self.directory].path.clone().into()
    }
}

impl StorageFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        self.world.state().len(self.file)
    }

    fn write_at(&self, offset: u64, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        let bytes = slices.iter().map(|slice| &**slice).collect::<Vec<_>>().concat();
        self.world.state().write(self.file, offset, &bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.world.state().read(self.file, offset, buffer)
    }

    fn sync(&self) -> io::Result<()> {
        self.world.state().sync(self.file)
    }
}
