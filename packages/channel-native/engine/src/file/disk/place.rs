//! Where a directory is, whom it belongs to, and what to do when somebody removes it.

use std::{
    fs::File,
    io::{self, ErrorKind, Read, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::SystemTime,
};

use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, fstat, open, openat},
    io::{Errno, retry_on_intr},
};

use crate::defect::Defect;

/// A lock that is held: its files change when it is taken anew.
pub type Held = Arc<Mutex<Locked>>;

/// The files by which a directory is locked.
#[derive(Debug)]
pub struct Locked {
    /// Tells people who has it.
    file: File,
    /// The directory itself, where the system can lock that: a lock file may be removed.
    directory: File,
}

/// A directory that is open, and the lock in it.
#[derive(Debug)]
pub struct Place {
    /// The directory.
    pub directory: File,
    lock: Option<(String, Weak<Mutex<Locked>>)>,
}

impl Place {
    /// Opens a directory that is there.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { directory: open_directory(path)?, lock: None })
    }

    /// Takes a lock file in it.
    pub fn lock(&mut self, path: &Path, name: &str) -> io::Result<Held> {
        let held = Arc::new(Mutex::new(take_lock(&self.directory, path, name)?));
        self.lock = Some((name.to_owned(), Arc::downgrade(&held)));
        Ok(held)
    }

    /// Makes the directory anew if somebody has removed it, and takes its lock again if somebody has removed that; answers whether it was so.
    pub fn renew(&mut self, path: &Path) -> io::Result<bool> {
        let is_gone = !has_name(&self.directory)?;
        if is_gone {
            make_durably(path)?;
            self.directory = open_directory(path)?;
        }
        let held = self.lock.as_ref().and_then(|(name, held)| Some((name, held.upgrade()?)));
        let Some((name, held)) = held else { return Ok(is_gone) };
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        let is_held = has_name(&held.file)?;
        if !is_held {
            // Its own lock on the directory would be in its way.
            retry_on_intr(|| flock(&held.directory, FlockOperation::Unlock))?;
            *held = take_lock(&self.directory, path, name)?;
        }
        Ok(is_gone || !is_held)
    }
}

fn take_lock(directory: &File, path: &Path, name: &str) -> io::Result<Locked> {
    let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC;
    let mut file: File = retry_on_intr(|| openat(directory, name, flags, Mode::from_raw_mode(0o666)))?.into();
    let directory = again(directory)?;
    let exclusive = FlockOperation::NonBlockingLockExclusive;
    // Systems that cannot lock directories have the file.
    let taken = match retry_on_intr(|| flock(&directory, exclusive)) {
        Err(Errno::WOULDBLOCK) => Err(Errno::WOULDBLOCK),
        _ => retry_on_intr(|| flock(&file, exclusive)),
    };
    match taken {
        Err(Errno::WOULDBLOCK) if !Defect::DirectoryShared.is_made() => {
            let what = format!("{} is locked by {}", path.join(name).display(), holder(file));
            return Err(io::Error::new(ErrorKind::ResourceBusy, what));
        }
        _ if Defect::DirectoryShared.is_made() => {}
        taken => taken?,
    }
    file.set_len(0)?;
    writeln!(file, "process {} since {}", std::process::id(), humantime::format_rfc3339_seconds(SystemTime::now()))?;
    Ok(Locked { file, directory })
}

/// The same directory, opened once more: a lock belongs to what was opened.
fn again(directory: &File) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(retry_on_intr(|| openat(directory, ".", flags, Mode::empty()))?.into())
}

/// Whether somebody has a directory locked.
pub fn is_locked(directory: &File) -> io::Result<bool> {
    let directory = again(directory)?;
    Ok(matches!(retry_on_intr(|| flock(&directory, FlockOperation::NonBlockingLockShared)), Err(Errno::WOULDBLOCK)))
}

fn open_directory(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(retry_on_intr(|| open(path, flags, Mode::empty()))?.into())
}

/// Whether a file or a directory is still to be found somewhere.
pub fn has_name(file: &File) -> io::Result<bool> {
    Ok(fstat(file)?.st_nlink > 0)
}

/// What the holder of a lock wrote into its file.
pub fn holder(file: File) -> String {
    let mut holder = String::new();
    // Who cannot be told is still in the way.
    let _ = file.take(100).read_to_string(&mut holder);
    let holder = holder.trim();
    if holder.is_empty() { "another process".into() } else { holder.into() }
}

/// Makes a directory and syncs the one it stands in. A name that was made before a crash may not be durable yet, so it is synced again.
pub fn make_durably(path: &Path) -> io::Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    if path.is_dir() {
        return match File::open(parent).and_then(|parent| parent.sync_all()) {
            // Somebody else made it there, and keeps it.
            Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::InvalidInput) => Ok(()),
            synced => synced,
        };
    }
    make_durably(parent)?;
    match std::fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(io::Error::new(ErrorKind::NotADirectory, format!("{} is not a directory", path.display())));
        }
        made => made?,
    }
    File::open(parent)?.sync_all()
}
