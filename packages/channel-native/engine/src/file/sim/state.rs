//! The machine under the simulated directories: what is called, what goes wrong, and what a crash leaves.

use std::{collections::BTreeSet, io};

use rustix::io::Errno;

use super::{
    Call, Fault, PowerOff,
    content::{Content, PAGE_LEN, Page, parts},
    inode::{Inode, Version},
    loss::{Doubt, Grain, Growth, Kept, LossPattern, mix, noise},
    names::Directory,
};

/// How a call ends.
enum Fate {
    Done,
    /// The machine stops in the middle of it.
    Stop,
    Fail(Fault),
}

impl Fate {
    fn result(self) -> io::Result<()> {
        match self {
            Self::Done => Ok(()),
            Self::Stop => Err(io::Error::other(PowerOff)),
            Self::Fail(fault) => Err(fault.error()),
        }
    }
}

impl Fault {
    fn error(self) -> io::Error {
        match self {
            Self::Io => Errno::IO.into(),
            Self::Full => Errno::NOSPC.into(),
        }
    }
}

/// A fault that strikes when so many calls of this kind were made.
#[derive(Clone, Debug)]
pub(super) struct Trap {
    pub call: Call,
    pub left: u32,
    pub fault: Fault,
}

#[derive(Clone, Debug)]
pub(super) struct State {
    pub seed: u64,
    pub directories: Vec<Directory>,
    /// All files there ever were, by number.
    files: Vec<Inode>,
    /// Calls that change something, in this world and those it comes from.
    pub calls: u64,
    pub stop_at: Option<u64>,
    pub off: bool,
    /// The write in whose middle the machine stopped: its file, and what the cache had of it before.
    interrupted: Option<(usize, Content)>,
    pub traps: Vec<Trap>,
    /// Faults that struck, in this world and those it comes from.
    pub faults: u64,
    pub capacity: u64,
}

impl State {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            directories: Vec::new(),
            files: Vec::new(),
            calls: 0,
            stop_at: None,
            off: false,
            interrupted: None,
            traps: Vec::new(),
            faults: 0,
            capacity: 1 << 50,
        }
    }

    /// The number of the directory of this path.
    pub fn directory(&mut self, path: &str) -> usize {
        self.directories.iter().position(|it| it.path == path).unwrap_or_else(|| {
            self.directories.push(Directory::new(path));
            self.directories.len() - 1
        })
    }

    fn begin(&mut self, call: Call) -> io::Result<Fate> {
        if self.off {
            return Err(io::Error::other(PowerOff));
        }
        if call.changes() {
            self.calls += 1;
            if self.stop_at == Some(self.calls) {
                self.off = true;
                return Ok(Fate::Stop);
            }
        }
        let mut fate = Fate::Done;
        self.traps.retain_mut(|trap| {
            trap.left -= u32::from(trap.call == call);
            if trap.left == 0 {
                fate = Fate::Fail(trap.fault);
                self.faults += 1;
            }
            trap.left > 0
        });
        Ok(fate)
    }

    /// Begins a call that changes nothing.
    fn look(&mut self, call: Call) -> io::Result<()> {
        self.begin(call)?.result()
    }

    fn find(&self, directory: usize, name: &str) -> io::Result<usize> {
        self.directories[directory].cached.get(name).copied().ok_or_else(|| Errno::NOENT.into())
    }

    pub fn list(&mut self, directory: usize) -> io::Result<Vec<String>> {
        self.look(Call::List)?;
        Ok(self.directories[directory].cached.keys().cloned().collect())
    }

    pub fn open(&mut self, directory: usize, name: &str) -> io::Result<usize> {
        self.look(Call::Open)?;
        self.find(directory, name)
    }

    pub fn create(&mut self, directory: usize, name: &str) -> io::Result<usize> {
        let fate = self.begin(Call::Create)?;
        if self.find(directory, name).is_ok() {
            return Err(Errno::EXIST.into());
        }
        if !matches!(fate, Fate::Fail(_)) {
            self.files.push(Inode::default());
            self.directories[directory].change(None, Some((name, self.files.len() - 1)));
        }
        fate.result().map(|()| self.files.len() - 1)
    }

    pub fn rename(&mut self, directory: usize, from: &str, to: &str) -> io::Result<()> {
        let fate = self.begin(Call::Rename)?;
        let file = self.find(directory, from)?;
        if !matches!(fate, Fate::Fail(_)) {
            self.directories[directory].change(Some(from), Some((to, file)));
        }
        fate.result()
    }

    pub fn remove(&mut self, directory: usize, name: &str) -> io::Result<()> {
        let fate = self.begin(Call::Remove)?;
        self.find(directory, name)?;
        if !matches!(fate, Fate::Fail(_)) {
            self.directories[directory].change(Some(name), None);
        }
        fate.result()
    }

    pub fn sync_names(&mut self, directory: usize) -> io::Result<()> {
        let fate = self.begin(Call::SyncNames)?;
        match fate {
            Fate::Done => self.directories[directory].sync(),
            Fate::Stop => {}
            Fate::Fail(_) => self.directories[directory].fail_sync(),
        }
        fate.result()
    }

    pub fn free_bytes(&mut self) -> io::Result<u64> {
        self.look(Call::FreeBytes)?;
        Ok(self.free())
    }

    /// What is left of the capacity; a removed file takes nothing.
    fn free(&self) -> u64 {
        self.capacity.saturating_sub(self.named().into_iter().map(|file| self.files[file].cached.allocated()).sum())
    }

    /// The files that have a name.
    fn named(&self) -> BTreeSet<usize> {
        self.directories.iter().flat_map(|it| it.cached.values().copied()).collect()
    }

    pub fn len(&mut self, file: usize) -> io::Result<u64> {
        self.look(Call::Len)?;
        Ok(self.files[file].cached.len())
    }

    pub fn read(&mut self, file: usize, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.look(Call::Read)?;
        if self.files[file].cached.read(offset, buffer) { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    pub fn write(&mut self, file: usize, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let fate = self.begin(Call::Write)?;
        let fitting = self.fitting(file, offset, bytes.len());
        let (bytes, result) = match fate {
            // A part is written before it fails.
            Fate::Fail(_) => (&bytes[..fitting.min(bytes.len() / 2)], fate.result()),
            Fate::Done if fitting < bytes.len() => (&bytes[..fitting], Err(Errno::NOSPC.into())),
            Fate::Done | Fate::Stop => (&bytes[..fitting], fate.result()),
        };
        if self.off {
            self.interrupted = Some((file, self.files[file].cached.clone()));
        }
        self.files[file].write(self.calls, offset, bytes);
        result
    }

    /// How many of `len` bytes can be written before the space ends.
    fn fitting(&self, file: usize, offset: u64, len: usize) -> usize {
        let cached = &self.files[file].cached;
        let mut holes =
            parts(offset, len).filter(|(page, ..)| cached.page(*page).is_none()).map(|(.., part)| part.start);
        // Looking for space is slow, and most writes need none.
        let Some(first) = holes.next() else { return len };
        match usize::try_from(self.free() / PAGE_LEN).unwrap_or(usize::MAX) {
            0 => first,
            pages => holes.nth(pages - 1).unwrap_or(len),
        }
    }

    pub fn sync(&mut self, file: usize) -> io::Result<()> {
        let fate = self.begin(Call::Sync)?;
        match fate {
            Fate::Done => self.files[file].sync(),
            Fate::Stop => {}
            Fate::Fail(_) => self.files[file].fail_sync(),
        }
        fate.result()
    }

    /// Changes what the disk and the cache have of a file.
    pub fn damage(&mut self, directory: usize, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let file = self.find(directory, name)?;
        let cached = &self.files[file].cached;
        let mut bytes = vec![0; cached.len() as usize];
        cached.read(0, &mut bytes);
        change(&mut bytes);
        self.files[file] = Inode::durable(Content::of(&bytes));
        Ok(())
    }

    pub fn doubt(&self) -> Doubt {
        let names = self.directories.iter().map(Directory::doubt).max();
        Doubt::of(&self.pending().1, names.unwrap_or(0), self.files.iter().filter(|it| it.has_grown()).count())
    }

    /// What may or may not be on the disk, in the order of writing; before it, the file of each.
    fn pending(&self) -> (Vec<usize>, Vec<&Version>) {
        let files = self.files.iter().enumerate();
        let mut versions: Vec<_> =
            files.flat_map(|(file, inode)| inode.pending.iter().map(move |version| (file, version))).collect();
        versions.sort_by_key(|(_, version)| version.call);
        versions.into_iter().unzip()
    }

    /// The world as the next boot finds it.
    pub fn after_crash(&self, loss: LossPattern) -> Self {
        let mut next = match loss {
            LossPattern::Kill { pages } => self.killed(usize::from(pages)),
            LossPattern::Power { grain, bytes, growth, names } => self.stopped(grain, bytes, growth, names),
        };
        next.stop_at = None;
        next.off = false;
        next.interrupted = None;
        next.traps.clear();
        next
    }

    fn killed(&self, pages: usize) -> Self {
        let mut next = self.clone();
        if let Some((file, before)) = &self.interrupted {
            next.files[*file].shorten(before, self.calls, pages);
        }
        next
    }

    fn stopped(&self, grain: Grain, bytes: Kept, growth: Growth, names: Kept) -> Self {
        let settle = |(salt, directory): (u64, &Directory)| directory.settle(names, mix(self.seed ^ salt));
        let mut next = Self {
            directories: (0..).zip(&self.directories).map(settle).collect(),
            files: vec![Inode::default(); self.files.len()],
            traps: Vec::new(),
            interrupted: None,
            ..*self
        };
        let (files, versions) = self.pending();
        let kept = bytes.sectors(grain, &versions, self.seed);
        for file in next.named() {
            let of_file = files.iter().zip(&kept).filter(|(of, _)| **of == file).map(|(_, sectors)| *sectors);
            let settled =
                self.files[file].settle(&of_file.collect::<Vec<_>>(), growth, |page| self.stale(file, page, growth));
            next.files[file] = Inode::durable(settled);
        }
        next
    }

    /// What the disk shows where the file's page was never written.
    fn stale(&self, file: usize, page: u64, growth: Growth) -> Page {
        let mut others = self.files.iter().enumerate().rev().filter(|(other, _)| *other != file);
        let found = others.find_map(|(_, other)| other.cached.page(page)).filter(|_| growth == Growth::Stale);
        found.cloned().unwrap_or_else(|| noise(self.seed ^ mix(file as u64) ^ page))
    }
}
