//! The log of one data directory: which segment is written, which are kept, and when a checkpoint says so.

mod keeping;

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    Consumed, Storage, StorageFile,
    checkpoint::{self, Checkpoint},
    group::Group,
    layout::{ENDINGS_MAX, Ending, Position, RECORDS_AT, SegmentHeader, damaged_name, segment_name},
    maker::{Maker, Order},
};
use crate::{
    channel::{Gathered, Placed},
    defect::Defect,
    error::{Error, Result},
};

/// A checkpoint is due after so many bytes of log.
const CHECKPOINT_BYTES: u64 = 64 << 20;
/// A checkpoint is due so many milliseconds after a change while nothing can be written.
const UNWRITABLE_CHECKPOINT_MS: u64 = 1_000;
/// Length of the first segment: an agent starts quickly.
const FIRST_LEN: u32 = 4 << 20;
/// Free segments that are kept for the next changes.
const SPARES: usize = 2;

/// When bytes are made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Before a put is answered.
    Commit,
    /// So many milliseconds after they were written, at the latest.
    Interval(u64),
}

/// How a log is kept.
#[derive(Clone, Copy, Debug)]
pub struct LogOptions {
    /// Bytes of a full-grown segment.
    pub segment_len: u32,
    /// Bytes that must stay free on the disk.
    pub keep_free: u64,
    /// When bytes are made durable.
    pub sync: Sync,
    /// A checkpoint is due so many milliseconds after something changed.
    pub checkpoint_ms: u64,
    /// Whether closing writes one.
    pub checkpoint_on_close: bool,
    /// Data directories of the channel.
    pub directories: u32,
}

/// A segment that holds, or will hold, records.
#[derive(Debug)]
pub struct Segment<F> {
    /// Its number.
    pub number: u64,
    /// Tells it from another segment of this number.
    pub nonce: u64,
    /// The file.
    pub file: Arc<F>,
    /// Bytes of the file.
    pub length: u32,
    /// Where its records end; of the one being written, where they ended when it was begun.
    pub end: u32,
    /// The ordinal of the first event that can be in it.
    pub first_ordinal: u64,
    /// The ordinal after its last event.
    pub next_ordinal: u64,
    /// Something in it could not be read: it is kept when nobody needs it any more.
    pub damaged: bool,
}

/// The segments of a log, oldest first: the writer changes them, the reader finds them.
pub type Segments<F> = Arc<Mutex<VecDeque<Segment<F>>>>;

struct Active<F> {
    file: Arc<F>,
    number: u64,
    nonce: u64,
    length: u32,
    at: u32,
}

/// What a log begins with.
pub struct LogStart<S: Storage> {
    pub data: Arc<S>,
    /// Where checkpoints go: the first is read at opening, the others are copies.
    pub checkpoints: Vec<(Arc<S>, S::File)>,
    pub maker: Maker<S>,
    pub id: u64,
    pub lane: usize,
    pub segments: VecDeque<Segment<S::File>>,
    /// Segments that were never begun: number and length.
    pub spares: Vec<(u64, u32)>,
    pub next_number: u64,
    pub next_ordinal: u64,
    pub next_sequence: u64,
    pub generation: u64,
}

/// The log of one data directory, used by its one writer.
pub struct Log<S: Storage> {
    data: Arc<S>,
    checkpoints: Vec<(Arc<S>, S::File)>,
    maker: Maker<S>,
    id: u64,
    lane: usize,
    options: LogOptions,
    segments: Segments<S::File>,
    spares: Vec<(u64, u32)>,
    /// The length of the segment that was begun last.
    last_length: u32,
    active: Option<Active<S::File>>,
    next_number: u64,
    next_ordinal: u64,
    next_sequence: u64,
    written: Position,
    durable: Position,
    generation: u64,
    checkpointed: Position,
    bytes_since: u64,
    changed_ms: Option<u64>,
    written_ms: Option<u64>,
    /// Ordinals of a group that failed.
    burnt: Range<u64>,
    finding: Option<String>,
}

impl<S: Storage> Log<S> {
    /// Takes over what opening found. Nothing is written before [`Log::begin`].
    #[must_use]
    pub fn new(start: LogStart<S>, options: LogOptions) -> Self {
        let end =
            start.segments.back().map_or_else(Position::default, |it| Position { segment: it.number, offset: it.end });
        Self {
            data: start.data,
            checkpoints: start.checkpoints,
            maker: start.maker,
            id: start.id,
            lane: start.lane,
            options,
            segments: Arc::new(Mutex::new(start.segments)),
            spares: start.spares,
            last_length: 0,
            active: None,
            next_number: start.next_number,
            next_ordinal: start.next_ordinal,
            next_sequence: start.next_sequence,
            written: end,
            durable: end,
            generation: start.generation,
            checkpointed: Position::default(),
            bytes_since: 0,
            changed_ms: None,
            written_ms: None,
            burnt: 0..0,
            finding: None,
        }
    }

    /// The segments, for the reader.
    #[must_use]
    pub fn segments(&self) -> Segments<S::File> {
        Arc::clone(&self.segments)
    }

    /// Bytes that one group should not exceed.
    #[must_use]
    pub fn group_max(&self) -> u64 {
        u64::from(self.options.segment_len / 8).min(8 << 20)
    }

    /// Whether there is a segment to write to.
    #[must_use]
    pub const fn is_writable(&self) -> bool {
        self.active.is_some()
    }

    /// Writes what was gathered as one group, and says where each put of it is now durable.
    ///
    /// # Errors
    /// Why it is not; nothing can be written then before [`Log::begin`].
    pub fn append(&mut self, work: &Gathered<'_>, now_ms: u64) -> Result<Vec<Placed>> {
        let len = Group::len_of(work);
        if Defect::OversizeNeverFits.is_made() && len > u64::from(self.options.segment_len - RECORDS_AT) {
            return Err(self.give_up("write to", &io::ErrorKind::FileTooLarge.into()));
        }
        if self.active.as_ref().is_none_or(|it| u64::from(it.length - it.at) < len) {
            self.begin(len, now_ms)?;
        }
        let Some(active) = &mut self.active else {
            return Err(self.failed("write to", &io::Error::other("no segment")));
        };
        let at = Position { segment: active.number, offset: active.at };
        let group =
            Group::new(work, self.lane, self.id, at, self.durable, (self.next_ordinal, self.next_sequence), now_ms);
        // Before anything is written: an ordinal that may be on the disk is never given out again.
        let ordinals = std::mem::replace(&mut self.next_ordinal, group.next_ordinal)..group.next_ordinal;
        self.next_sequence = self.next_sequence.max(group.next_sequence);
        self.burnt = ordinals;
        if let Err(error) = group.write(&*active.file) {
            // In intervals, puts before this one were answered, and are to be durable in time all the same.
            self.sync()?;
            return Err(self.give_up("write to", &error));
        }
        active.at += len as u32;
        self.written = Position { segment: active.number, offset: active.at };
        self.bytes_since += len;
        self.changed_ms.get_or_insert(now_ms);
        self.written_ms.get_or_insert(now_ms);
        if self.options.sync == Sync::Commit {
            self.sync()?;
        } else if let Some(Err(error)) = self.active.as_ref().map(|it| named(&*it.file)) {
            return Err(self.give_up("write to", &error));
        }
        self.burnt = 0..0;
        self.order_next();
        Ok(group.placed)
    }

    /// The ordinals that a failure has used up, once.
    pub fn take_burnt(&mut self) -> Range<u64> {
        std::mem::take(&mut self.burnt)
    }

    /// Whether closing writes a checkpoint.
    #[must_use]
    pub const fn checkpoints_at_close(&self) -> bool {
        self.options.checkpoint_on_close
    }

    /// Makes everything durable that was written.
    ///
    /// # Errors
    /// Why it is not; the segment ends then where it was durable, or, where puts were answered before, where it was written.
    pub fn sync(&mut self) -> Result<()> {
        self.written_ms = None;
        let Some(active) = &self.active else { return Ok(()) };
        if self.durable == self.written {
            return Ok(());
        }
        let synced = active
            .file
            .sync()
            .or_else(|error| if Defect::FailedSyncRetried.is_made() { active.file.sync() } else { Err(error) })
            .and_then(|()| named(&*active.file));
        match synced {
            Ok(()) => {
                self.durable = self.written;
                Ok(())
            }
            Err(error) => Err(self.give_up("sync", &error)),
        }
    }

    /// Changes to a new segment with room for a group of `len` bytes: the old one is durable to its end, the new one's header says so.
    ///
    /// # Errors
    /// Why there is none; it may be tried again.
    pub fn begin(&mut self, len: u64, now_ms: u64) -> Result<()> {
        if !Defect::ChangeNotSynced.is_made() {
            self.sync()?;
        }
        self.close_active();
        if self.data.renew().map_err(|error| self.failed("open", &error))? {
            self.forget_names();
        }
        self.tidy_spares();
        let length = self.next_length().max(u32::try_from(len + u64::from(RECORDS_AT)).unwrap_or(u32::MAX));
        let made = loop {
            if !self.maker.has_order() {
                self.order(length);
            }
            match self.maker.fetch() {
                Ok(made) if made.length >= length || u64::from(made.length - RECORDS_AT) >= len => break made,
                // Made for smaller groups: another time.
                Ok(made) => self.spares.push((made.number, made.length)),
                Err(error) => return Err(self.failed("make a segment in", &error)),
            }
        };
        let nonce = super::opening::random();
        let header = SegmentHeader {
            log_id: self.id,
            number: made.number,
            nonce,
            first_ordinal: self.next_ordinal,
            first_sequence: self.next_sequence,
            begun_ms: now_ms,
            length: made.length,
            synced_in_intervals: self.options.sync != Sync::Commit,
            directories: self.options.directories,
            endings: self.endings(),
        };
        let sync = || if Defect::ChangeNotSynced.is_made() { Ok(()) } else { made.file.sync() };
        if let Err(error) = made.file.write_at(0, &mut [IoSlice::new(&header.encode())]).and_then(|()| sync()) {
            let _ = self.data.remove(&segment_name(made.number));
            return Err(self.failed("begin a segment in", &error));
        }
        let (number, length, file) = (made.number, made.length, made.file);
        lock(&self.segments).push_back(Segment {
            number,
            nonce,
            file: Arc::clone(&file),
            length,
            end: RECORDS_AT,
            first_ordinal: self.next_ordinal,
            next_ordinal: self.next_ordinal,
            damaged: false,
        });
        self.last_length = length;
        self.active = Some(Active { file, number, nonce, length, at: RECORDS_AT });
        self.written = Position { segment: number, offset: RECORDS_AT };
        self.durable = self.written;
        Ok(())
    }

    /// The endings of all segments that a new header has room for, the newest first.
    fn endings(&self) -> Vec<Ending> {
        let ending = |it: &Segment<S::File>| Ending { number: it.number, end: it.end, next_ordinal: it.next_ordinal };
        lock(&self.segments).iter().rev().map(ending).take(ENDINGS_MAX).collect()
    }

    /// Ends the segment that is being written, at what is durable of it; where puts were answered before that, at what was written.
    fn close_active(&mut self) {
        let Some(active) = self.active.take() else { return };
        let end = if self.options.sync == Sync::Commit { self.durable } else { self.written };
        if let Some(segment) = lock(&self.segments).iter_mut().find(|it| it.number == active.number) {
            debug_assert_eq!(segment.nonce, active.nonce);
            segment.end = end.offset;
            segment.next_ordinal = self.next_ordinal;
        }
        self.written = end;
        self.durable = end;
    }

    fn give_up(&mut self, doing: &'static str, error: &io::Error) -> Error {
        self.close_active();
        self.failed(doing, error)
    }

    fn failed(&self, doing: &'static str, error: &io::Error) -> Error {
        Error::disk(doing, &self.data.path(), error)
    }
}

/// What is written to a file without a name is gone when it is closed.
fn named<F: StorageFile>(file: &F) -> io::Result<()> {
    let removed = || io::Error::new(io::ErrorKind::NotFound, "the file of the log was removed while it was written");
    file.has_name()?.then_some(()).ok_or_else(removed)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
