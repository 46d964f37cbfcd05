//! The real disk.

mod place;

use std::{
    fs::File,
    io::{self, ErrorKind, IoSlice},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock, RwLockReadGuard},
};

use rustix::{
    fs::{
        AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, fcntl_getfl, fcntl_setfl, flock, fstatvfs, openat,
        renameat, statat, unlinkat,
    },
    io::{Errno, pwritev, retry_on_intr},
};

use self::place::{Held, Place, holder};
use super::storage::{Storage, StorageFile};

/// A directory of the file system, held open: when another takes its place under the same path, this one stays meant, until it is gone itself.
#[derive(Debug)]
pub struct Disk {
    place: RwLock<Place>,
    path: PathBuf,
    /// How files are opened.
    access: OFlags,
}

/// Aligned as writing past the page cache wants it.
#[repr(align(4096))]
struct Zeros([u8; 1 << 20]);

static ZEROS: Zeros = Zeros([0; 1 << 20]);

/// An open file of a [`Disk`].
#[derive(Debug)]
pub struct DiskFile(File);

/// Keeps everybody else out, in this process and in others, until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _held: Held,
}

impl Disk {
    /// Opens a directory, making it and what leads there where it is missing. Its own name is durable then.
    ///
    /// # Errors
    /// Whatever the operating system said.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        place::make_durably(&path)?;
        Self::existing(path, OFlags::RDWR)
    }

    /// Opens a directory that is there, to change what is in it.
    ///
    /// # Errors
    /// `NotFound` when there is none; otherwise whatever the operating system said.
    pub fn open_existing(path: &Path) -> io::Result<Self> {
        Self::existing(std::path::absolute(path)?, OFlags::RDWR)
    }

    /// Opens a directory that is there, to read what is in it: nothing can be changed, and no right to do so is needed.
    ///
    /// # Errors
    /// `NotFound` when there is none; otherwise whatever the operating system said.
    pub fn look_at(path: &Path) -> io::Result<Self> {
        Self::existing(std::path::absolute(path)?, OFlags::RDONLY)
    }

    fn existing(path: PathBuf, access: OFlags) -> io::Result<Self> {
        Ok(Self { place: RwLock::new(Place::open(&path)?), path, access })
    }

    fn place(&self) -> RwLockReadGuard<'_, Place> {
        self.place.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock file of this name, and writes into it who has it and since when. The file stays behind when the lock is let go.
    ///
    /// # Errors
    /// `ResourceBusy`, telling who has it; otherwise whatever the operating system said.
    pub fn lock(&self, name: &str) -> io::Result<Lock> {
        let mut place = self.place.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Lock { _held: place.lock(&self.path, name)? })
    }

    /// Who has the lock file of this name locked, if anybody has.
    ///
    /// # Errors
    /// Whatever the operating system said.
    pub fn holder(&self, name: &str) -> io::Result<Option<String>> {
        let is_locked = place::is_locked(&self.place().directory)?;
        let file = match self.open_at(name, OFlags::empty()) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(is_locked.then(|| "another process".into())),
            opened => opened?,
        };
        if is_locked {
            return Ok(Some(holder(file)));
        }
        match retry_on_intr(|| flock(&file, FlockOperation::NonBlockingLockShared)) {
            Err(Errno::WOULDBLOCK) => Ok(Some(holder(file))),
            taken => Ok(taken.map(|()| None)?),
        }
    }

    fn open_at(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let flags = flags | self.access | OFlags::CLOEXEC;
        Ok(retry_on_intr(|| openat(&self.place().directory, name, flags, Mode::from_raw_mode(0o666)))?.into())
    }

    fn is_file(&self, entry: &rustix::fs::DirEntry) -> io::Result<bool> {
        let kind = match entry.file_type() {
            FileType::Unknown => match statat(&self.place().directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(status) => FileType::from_raw_mode(status.st_mode),
                Err(Errno::NOENT) => return Ok(false),
                Err(error) => return Err(error.into()),
            },
            known => known,
        };
        Ok(kind == FileType::RegularFile)
    }
}

impl Storage for Disk {
    type File = DiskFile;

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.place().directory)? {
            let entry = entry?;
            // A name that is not UTF-8 is none that a channel gave.
            let Ok(name) = entry.file_name().to_str() else { continue };
            if self.is_file(&entry)? {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<DiskFile> {
        self.open_at(name, OFlags::CREATE | OFlags::EXCL).map(DiskFile)
    }

    fn open(&self, name: &str) -> io::Result<DiskFile> {
        self.open_at(name, OFlags::empty()).map(DiskFile)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let directory = &self.place().directory;
        Ok(retry_on_intr(|| renameat(directory, from, directory, to))?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        Ok(retry_on_intr(|| unlinkat(&self.place().directory, name, AtFlags::empty()))?)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.place().directory.sync_all()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let status = retry_on_intr(|| fstatvfs(&self.place().directory))?;
        Ok(status.f_bavail.saturating_mul(status.f_frsize))
    }

    fn renew(&self) -> io::Result<bool> {
        self.place.write().unwrap_or_else(PoisonError::into_inner).renew(&self.path)
    }

    fn path(&self) -> PathBuf {
        self.path.clone()
    }
}

impl StorageFile for DiskFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn write_at(&self, mut offset: u64, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        IoSlice::advance_slices(&mut slices, 0);
        // One call takes as many slices as the system allows, and may end early.
        while !slices.is_empty() {
            match retry_on_intr(|| pwritev(&self.0, slices, offset))? {
                0 => return Err(ErrorKind::WriteZero.into()),
                written => {
                    IoSlice::advance_slices(&mut slices, written);
                    offset += written as u64;
                }
            }
        }
        Ok(())
    }

    /// Past the page cache, where the system allows it: the zeros are not read again, and copying them would cost more than what replaces them.
    #[cfg(target_os = "linux")]
    fn write_zeros(&self, offset: u64, len: usize) -> io::Result<()> {
        let direct = fcntl_getfl(&self.0).and_then(|flags| {
            fcntl_setfl(&self.0, flags | OFlags::DIRECT)?;
            Ok(flags)
        });
        let write = || {
            let mut written = 0;
            while written < len {
                let zeros = &ZEROS.0[..ZEROS.0.len().min(len - written)];
                self.0.write_all_at(zeros, offset + written as u64)?;
                written += zeros.len();
            }
            Ok(())
        };
        let outcome = write();
        let Ok(flags) = direct else { return outcome };
        fcntl_setfl(&self.0, flags)?;
        match outcome {
            Err(error) if error.kind() == ErrorKind::InvalidInput => write(),
            outcome => outcome,
        }
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn sync(&self) -> io::Result<()> {
        // On macOS this is F_FULLFSYNC: its fsync stops at the cache of the drive.
        self.0.sync_data()
    }

    fn has_name(&self) -> io::Result<bool> {
        place::has_name(&self.0)
    }
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;

    fn scratch() -> (tempfile::TempDir, Disk) {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::open(directory.path()).unwrap();
        (directory, disk)
    }

    fn kind<T: std::fmt::Debug>(result: io::Result<T>) -> ErrorKind {
        result.unwrap_err().kind()
    }

    #[test]
    fn what_was_written_is_read_back_in_place() {
        let (_directory, disk) = scratch();
        let file = disk.create("log").unwrap();
        file.write_at(3, &mut [IoSlice::new(b"one"), IoSlice::new(b""), IoSlice::new(b"two")]).unwrap();
        disk.open("log").unwrap().write_at(5, &mut [IoSlice::new(b"!")]).unwrap();
        file.sync().unwrap();
        let mut bytes = [9; 9];
        file.read_at(0, &mut bytes).unwrap();
        assert_eq!(&bytes, b"\0\0\0on!two");
        assert_eq!(kind(file.read_at(1, &mut bytes)), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn more_slices_than_one_call_takes_are_all_written() {
        let (_directory, disk) = scratch();
        let file = disk.create("log").unwrap();
        let numbers: Vec<[u8; 4]> = (0..5_000_u32).map(u32::to_le_bytes).collect();
        let mut slices: Vec<_> = numbers.iter().map(|number| IoSlice::new(number)).collect();
        file.write_at(0, &mut slices).unwrap();
        let mut bytes = vec![0; 20_000];
        file.read_at(0, &mut bytes).unwrap();
        assert_eq!(bytes, numbers.concat());
        assert_eq!(file.len().unwrap(), 20_000);
    }

    #[test]
    fn names_are_made_replaced_and_removed() {
        let (_directory, disk) = scratch();
        disk.create("a").unwrap().write_at(0, &mut [IoSlice::new(b"a")]).unwrap();
        disk.create("b").unwrap();
        assert_eq!(kind(disk.create("a")), ErrorKind::AlreadyExists);
        disk.rename("a", "b").unwrap();
        std::fs::create_dir(disk.path().join("directory")).unwrap();
        assert_eq!(disk.list().unwrap(), ["b"]);
        assert_eq!(disk.open("b").unwrap().len().unwrap(), 1);
        disk.remove("b").unwrap();
        disk.sync_names().unwrap();
        assert_eq!(kind(disk.open("b")), ErrorKind::NotFound);
        assert!(disk.free_bytes().unwrap() > 0);
    }

    #[test]
    fn a_directory_that_was_moved_away_is_still_the_one_that_was_opened() {
        let (parent, _) = scratch();
        let path = parent.path().join("data");
        let disk = Disk::open(&path).unwrap();
        std::fs::rename(&path, parent.path().join("old")).unwrap();
        std::fs::create_dir(&path).unwrap();
        disk.create("log").unwrap();
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);
        std::fs::remove_dir_all(parent.path().join("old")).unwrap();
        assert_eq!(kind(disk.create("log")), ErrorKind::NotFound);
    }

    #[test]
    fn a_directory_that_was_removed_is_made_anew_and_locked() {
        let (parent, _) = scratch();
        let path = parent.path().join("data");
        let disk = Disk::open(&path).unwrap();
        let _lock = disk.lock("in_use.lock").unwrap();
        assert!(!disk.renew().unwrap());
        std::fs::remove_file(path.join("in_use.lock")).unwrap();
        assert!(disk.renew().unwrap());
        std::fs::remove_dir_all(&path).unwrap();
        assert!(disk.renew().unwrap());
        disk.create("log").unwrap();
        assert!(path.join("log").exists());
        let other = Disk::open(&path).unwrap();
        assert_eq!(kind(other.lock("in_use.lock")), ErrorKind::ResourceBusy);
        assert!(!disk.renew().unwrap());
    }

    #[test]
    fn a_missing_path_is_made() {
        let (parent, _) = scratch();
        let path = parent.path().join("agent/channel/data");
        assert_eq!(Disk::open(&path).unwrap().path(), path);
        assert!(path.is_dir());
        std::fs::write(parent.path().join("file"), "").unwrap();
        let error = Disk::open(&parent.path().join("file/channel")).unwrap_err();
        assert!(error.to_string().ends_with("file is not a directory"), "{error}");
    }

    #[test]
    fn only_one_has_the_lock_and_the_others_are_told_who() {
        let (_directory, disk) = scratch();
        let lock = disk.lock("in_use.lock").unwrap();
        let error = Disk::open(&disk.path()).unwrap().lock("in_use.lock").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        let holder = format!("in_use.lock is locked by process {} since 2", std::process::id());
        assert!(error.to_string().contains(&holder), "{error}");
        let held = format!("process {} since 2", std::process::id());
        assert!(disk.holder("in_use.lock").unwrap().is_some_and(|holder| holder.starts_with(&held)));
        drop(lock);
        assert_eq!(disk.holder("in_use.lock").unwrap(), None);
        disk.lock("in_use.lock").unwrap();
    }

    #[test]
    fn who_looks_at_a_directory_changes_nothing() {
        let (parent, disk) = scratch();
        disk.create("log").unwrap().write_at(0, &mut [IoSlice::new(b"one")]).unwrap();
        let look = Disk::look_at(parent.path()).unwrap();
        let file = look.open("log").unwrap();
        assert_eq!(file.len().unwrap(), 3);
        file.write_at(0, &mut [IoSlice::new(b"two")]).unwrap_err();
        assert_eq!(look.holder("in_use.lock").unwrap(), None);
        assert_eq!(look.list().unwrap(), ["log"]);
        let missing = parent.path().join("missing");
        assert_eq!(kind(Disk::look_at(&missing)), ErrorKind::NotFound);
        assert_eq!(kind(Disk::open_existing(&missing)), ErrorKind::NotFound);
        assert_eq!(kind(Disk::look_at(&parent.path().join("log"))), ErrorKind::NotADirectory);
        assert!(!missing.exists());
    }
}
