//! Opening: from the bytes of the directories to a log that can be written and read.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
};

use super::{
    Disk, Lock, Storage, StorageFile, checkpoint,
    layout::{PAGE, Position, RECORDS_AT, checkpoint_log_id, checkpoint_name, segment_name},
    log::{Log, LogOptions, LogStart, Sync},
    maker::Maker,
    reader::{Reader, Source},
    recovery::{Recovered, recover},
    writer::Writer,
};
use crate::{
    channel::{Channel, LaneStart, LedgerOptions, Unread},
    error::{Error, Fault, Result},
};

/// The name of the lock in each directory.
pub const LOCK: &str = "in_use.lock";

/// What a file channel is, besides its limits.
#[derive(Clone, Debug)]
pub struct FileOptions {
    /// Directories of the log.
    pub data_directories: Vec<PathBuf>,
    /// Where checkpoints go.
    pub checkpoint_directory: PathBuf,
    /// Where copies of them go.
    pub backup_directory: Option<PathBuf>,
    /// Bytes of a full-grown segment.
    pub segment_len: u32,
    /// Bytes that must stay free on the disk.
    pub keep_free: u64,
    /// When puts are made durable.
    pub sync: Sync,
    /// A checkpoint is due so many milliseconds after something changed.
    pub checkpoint_ms: u64,
    /// Whether closing writes one.
    pub checkpoint_on_close: bool,
    /// Whether a take is only committed when the log has that.
    pub take_sync: bool,
    /// Bytes of the buffer.
    pub buffer_bytes: u64,
}

/// A log that was opened and is not in use yet.
pub struct Opened<S: Storage> {
    logs: Vec<Log<S>>,
    sources: Vec<Source<S::File>>,
    ledger: LedgerOptions,
    findings: Vec<String>,
    /// Directories to which nothing can be written yet, and why.
    faults: Vec<(usize, Error)>,
    locks: Vec<Lock>,
}

/// What the threads of a log work with.
pub struct Parts<S: Storage> {
    /// One for each directory.
    pub logs: Vec<Log<S>>,
    /// The same for the reader.
    pub sources: Vec<Source<S::File>>,
    /// Bytes that the reader shows at once.
    pub part_bytes: u64,
    locks: Vec<Lock>,
}

/// The threads of a log, and its locks. Dropping it waits for the end of the threads, which comes when their channel is closed.
pub struct Running {
    threads: Vec<JoinHandle<()>>,
    _locks: Vec<Lock>,
}

/// Opens the directories of a channel and locks them.
///
/// # Errors
/// Why they cannot be opened: locked, not ours, of a later version, not readable.
pub fn open_disks(options: &FileOptions, now_ms: u64) -> Result<Opened<Disk>> {
    let mut known: Vec<(PathBuf, Arc<Disk>)> = Vec::new();
    let mut locks = Vec::new();
    let mut disk = |path: &PathBuf| -> Result<Arc<Disk>> {
        let disk = Disk::open(path).map_err(|error| Error::disk("open", path, &error))?;
        let real = path.canonicalize().map_err(|error| Error::disk("open", path, &error))?;
        if let Some((_, disk)) = known.iter().find(|(it, _)| *it == real) {
            return Ok(Arc::clone(disk));
        }
        locks.push(disk.lock(LOCK).map_err(|error| Error::disk("lock", path, &error))?);
        known.push((real, Arc::new(disk)));
        Ok(Arc::clone(&known[known.len() - 1].1))
    };
    let data = options.data_directories.iter().map(&mut disk).collect::<Result<Vec<_>>>()?;
    for (at, one) in data.iter().enumerate() {
        if data[..at].iter().any(|other| Arc::ptr_eq(one, other)) {
            let what = "is the same directory as another of dataDirs: name each once";
            return Err(Error::file(Fault::Foreign, &options.data_directories[at], what));
        }
    }
    let checkpoints = std::iter::once(&options.checkpoint_directory).chain(&options.backup_directory);
    let checkpoints = checkpoints.map(&mut disk).collect::<Result<Vec<_>>>()?;
    let mut opened = open(options, &data, &checkpoints, Maker::in_background, now_ms)?;
    opened.locks = locks;
    Ok(opened)
}

/// Opens directories that are locked already; the first of `checkpoints` counts, the others get copies.
///
/// # Errors
/// As [`open_disks`].
pub fn open<S: Storage>(
    options: &FileOptions,
    data: &[Arc<S>],
    checkpoints: &[Arc<S>],
    maker: impl Fn(Arc<S>) -> io::Result<Maker<S>>,
    now_ms: u64,
) -> Result<Opened<S>> {
    let recovered = data.iter().map(|it| recover(&**it, checkpoints)).collect::<Result<Vec<_>>>()?;
    for (at, one) in recovered.iter().enumerate() {
        if one.log_id.is_some() && recovered[..at].iter().any(|other| other.log_id == one.log_id) {
            let what = "is a copy of another of dataDirs: take one of them out, or its events would come twice";
            return Err(Error::file(Fault::Foreign, &data[at].path(), what));
        }
    }
    let ids: Vec<_> = recovered.iter().filter_map(|it| it.log_id).collect();
    let mut findings =
        recovered.iter().zip(data).flat_map(|(one, storage)| cut_segments(one, &**storage)).collect::<Vec<_>>();
    for storage in checkpoints {
        findings.extend(lost_logs(&**storage, &ids)?);
    }
    let next_sequence = recovered.iter().map(|it| it.next_sequence).max().unwrap_or_default();
    let log_options = LogOptions {
        // Whole pages, and room for a group behind the header.
        segment_len: (options.segment_len & !(PAGE - 1)).max(RECORDS_AT + 2 * PAGE),
        keep_free: options.keep_free,
        sync: options.sync,
        checkpoint_ms: options.checkpoint_ms,
        checkpoint_on_close: options.checkpoint_on_close,
        directories: data.len() as u32,
    };
    let mut opened = Opened {
        logs: Vec::new(),
        sources: Vec::new(),
        ledger: LedgerOptions {
            lanes: Vec::new(),
            next_sequence,
            cache_bytes: options.buffer_bytes / 4,
            put_bytes: options.buffer_bytes / 2,
            take_sync: options.take_sync,
        },
        findings,
        faults: Vec::new(),
        locks: Vec::new(),
    };
    for (lane, (storage, mut recovered)) in data.iter().zip(recovered).enumerate() {
        opened.findings.extend(recovered.findings.iter().map(ToString::to_string));
        if recovered.directories as usize > data.len() {
            opened.findings.push(format!(
                "{}: the channel had {} data directories and has {} now; what the others hold stays there",
                storage.path().display(),
                recovered.directories,
                data.len(),
            ));
        }
        opened.ledger.lanes.push(lane_start(&recovered));
        let id = recovered.log_id.unwrap_or_else(random);
        let refused = |error| Error::disk("write to", &storage.path(), &error);
        if let Some(last) = recovered.segments.back() {
            // What was acknowledged has been synced before; this is for what was not, and changes nothing when it fails.
            let _ = last.file.sync();
        }
        for name in std::mem::take(&mut recovered.leftovers) {
            storage.remove(&name).map_err(refused)?;
        }
        // A process that was killed may have left names that are not durable. Were they changed again before they are, a loss of power could
        // leave two of them to one file.
        storage.sync_names().map_err(refused)?;
        let start = LogStart {
            checkpoints: checkpoints
                .iter()
                .map(|it| Ok((Arc::clone(it), checkpoint_file(&**it, id)?)))
                .collect::<Result<Vec<_>>>()?,
            maker: maker(Arc::clone(storage)).map_err(refused)?,
            data: Arc::clone(storage),
            id,
            lane,
            segments: recovered.segments,
            spares: recovered.unbegun,
            next_number: recovered.next_number,
            next_ordinal: recovered.next_ordinal,
            next_sequence,
            generation: recovered.generation,
        };
        let mut log = Log::new(start, log_options);
        match log.begin(0, now_ms) {
            Err(error) if error.is_shortage() => opened.faults.push((lane, error)),
            begun => begun?,
        }
        opened.sources.push(Source { path: storage.path(), log_id: id, segments: log.segments() });
        opened.logs.push(log);
    }
    Ok(opened)
}

/// Segments that are shorter than any was ever made.
fn cut_segments<S: Storage>(recovered: &Recovered<S::File>, storage: &S) -> Vec<String> {
    let cut = recovered.unbegun.iter().filter(|(_, length)| *length < RECORDS_AT);
    cut.map(|(number, length)| {
        let path = storage.path().join(segment_name(*number));
        format!("{}: has only {length} bytes: it was cut, and what it held is lost", path.display())
    })
    .collect()
}

/// What checkpoints tell of logs that are not there: perhaps a disk is not mounted.
fn lost_logs<S: Storage>(storage: &S, ids: &[u64]) -> Result<Vec<String>> {
    let refused = |error| Error::disk("read the checkpoints in", &storage.path(), &error);
    let mut findings = Vec::new();
    for name in storage.list().map_err(refused)? {
        let Some(id) = checkpoint_log_id(&name).filter(|id| !ids.contains(id)) else { continue };
        let slots = checkpoint::read(&storage.open(&name).map_err(refused)?).map_err(refused)?;
        // A file that never became durable may show what another one has.
        let newest = slots.checkpoints.iter().find(|it| it.log_id == id);
        let queued = newest.map_or(0, |it| it.next_ordinal - it.consumed.count_below(it.next_ordinal));
        if queued > 0 {
            let path = storage.path().join(&name);
            findings.push(format!(
                "{}: tells of {queued} events in a log that is in none of dataDirs: is a disk not mounted, or a directory renamed?",
                path.display()
            ));
        }
    }
    Ok(findings)
}

/// What the channel must know of a directory.
fn lane_start<F>(recovered: &Recovered<F>) -> LaneStart {
    let Recovered { consumed, next_ordinal, segments, .. } = recovered;
    let watermark = consumed.watermark();
    let oldest = segments.iter().find(|it| it.next_ordinal > watermark);
    let unread = oldest
        .filter(|_| consumed.count_below(*next_ordinal) < *next_ordinal)
        .map(|it| Unread { from: Position { segment: it.number, offset: RECORDS_AT }, ordinal: it.first_ordinal });
    let end = segments.back().map(|it| Position { segment: it.number, offset: it.end });
    LaneStart { consumed: consumed.clone(), unread, shown_to: end.unwrap_or_default(), next_ordinal: *next_ordinal }
}

/// The file of a log's checkpoints, made where there is none.
pub(super) fn checkpoint_file<S: Storage>(storage: &S, log_id: u64) -> Result<S::File> {
    let name = checkpoint_name(log_id);
    let refused = |error| Error::disk("write a checkpoint to", &storage.path(), &error);
    match storage.open(&name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => {
            let file = opened.map_err(refused)?;
            // The next checkpoint takes the place of the one before this, which may be the only durable one. When this fails, it costs duplicates.
            let _ = file.sync();
            return Ok(file);
        }
    }
    let make = || {
        let file = storage.create(&name)?;
        file.write_at(0, &mut [io::IoSlice::new(&vec![0; checkpoint::FILE_LEN])])?;
        file.sync()?;
        storage.sync_names()?;
        Ok(file)
    };
    make().map_err(refused)
}

/// A number that nobody else has.
pub(super) fn random() -> u64 {
    // Each hasher's keys are the system's random numbers, and differ from each other's.
    RandomState::new().hash_one(std::process::id())
}

impl<S: Storage> Opened<S> {
    /// Puts the log underneath a channel that nobody has yet.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn attach_to(self, channel: &mut Channel, now_ms: u64) -> Result<Parts<S>> {
        let Self { logs, sources, ledger, findings, faults, locks } = self;
        let part_bytes = ledger.cache_bytes / 8;
        channel.attach(ledger)?;
        for finding in findings {
            channel.report(finding);
        }
        for (lane, fault) in faults {
            channel.set_fault(lane, Some(fault), now_ms)?;
        }
        Ok(Parts { logs, sources, part_bytes, locks })
    }
}

impl<S: Storage> Parts<S> {
    /// Starts the threads of the log.
    ///
    /// # Errors
    /// When the system refuses a thread; the channel is closed then.
    pub fn start(self, channel: &Arc<Channel>, clock: fn() -> u64) -> Result<Running> {
        let Self { logs, sources, part_bytes, locks } = self;
        let mut running = Running { threads: Vec::new(), _locks: locks };
        for (lane, log) in logs.into_iter().enumerate() {
            let writer = move |channel: &Channel| Writer::new(channel, log, lane, &clock).run();
            running.spawn("millrace-writer", channel, writer)?;
        }
        let reader = move |channel: &Channel| Reader::new(channel, sources, part_bytes, &clock).run();
        running.spawn("millrace-reader", channel, reader)?;
        Ok(running)
    }
}

impl Running {
    fn spawn(
        &mut self,
        name: &str,
        channel: &Arc<Channel>,
        work: impl FnOnce(&Channel) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let used = Arc::clone(channel);
        // A panic ends this channel, not the agent.
        let body = move || {
            let ended = catch_unwind(AssertUnwindSafe(|| work(&used)));
            if !matches!(ended, Ok(Ok(()))) {
                let _ = used.give_up(&Error::Panic("a thread of the log has ended".into()));
            }
        };
        let spawned = thread::Builder::new().name(name.into()).spawn(body);
        let thread = spawned.map_err(|error| {
            let _ = channel.close();
            Error::disk("start a thread for", Path::new(name), &error)
        })?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for thread in self.threads.drain(..) {
            // What it had to say it has told the channel.
            let _ = thread.join();
        }
    }
}
