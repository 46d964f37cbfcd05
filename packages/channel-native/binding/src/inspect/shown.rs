//! What JavaScript is shown of the files of a channel.

use millrace_engine::{
    Error,
    file::{
        Finding, Position,
        inspect::{Block, SegmentStatus, Status, Verified},
    },
};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

/// What went wrong.
#[napi(object)]
pub struct FileFailure {
    /// The engine's stable name of the failure.
    pub code: String,
    /// What went wrong and what to do.
    pub message: String,
}

/// Something that is not as it should be.
#[napi(object)]
pub struct FileFinding {
    /// The path of the file.
    pub file: String,
    /// Where in it.
    pub offset: Option<u32>,
    /// What it is.
    pub what: String,
    /// Events that are lost by it.
    pub events_lost: f64,
    /// All of that in one sentence.
    pub text: String,
}

/// What is in a segment.
#[napi(object)]
pub struct FileSegment {
    /// Its number.
    pub number: f64,
    /// Bytes of the file.
    pub bytes: f64,
    /// Events that were put there.
    pub events: f64,
    /// How many of them are still queued.
    pub queued: f64,
    /// Whether something was found that cannot be read.
    pub damaged: bool,
}

/// A file that holds no events.
#[napi(object)]
pub struct OtherFile {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: f64,
}

/// A place in the log.
#[napi(object)]
pub struct FilePosition {
    /// The number of the segment.
    pub segment: f64,
    /// A byte in it.
    pub offset: u32,
}

/// What is in a data directory.
#[napi(object)]
pub struct FileStatus {
    /// Where it is.
    pub path: String,
    /// The id of its log, as the name of its checkpoints has it; none where no segment was ever begun.
    pub log_id: Option<String>,
    /// How many data directories the channel had last.
    pub directories: u32,
    /// Whether puts were answered before they were synced.
    pub synced_in_intervals: bool,
    /// Events that the next opening will find.
    pub queued: f64,
    /// When the oldest of them was put, milliseconds since 1970.
    pub oldest_ms: Option<f64>,
    /// Bytes of the log in which they stand.
    pub queued_bytes: f64,
    /// Bytes of all files in the directory.
    pub disk_bytes: f64,
    /// The segments, the oldest first.
    pub segments: Vec<FileSegment>,
    /// The other files.
    pub others: Vec<OtherFile>,
    /// Up to where the checkpoint speaks.
    pub checkpoint: Option<FilePosition>,
    /// Bytes of the log that the next opening will read.
    pub unread_bytes: f64,
    /// What is not as it should be.
    pub findings: Vec<FileFinding>,
}

/// What was compared in a segment.
#[napi(object)]
pub struct VerifiedSegment {
    /// Whether there was none left.
    pub done: bool,
    /// Bytes that were read.
    pub bytes: f64,
    /// Records that verify.
    pub records: f64,
    /// Events in them.
    pub events: f64,
    /// How many of them are still queued.
    pub queued: f64,
    /// Bytes of those that are queued.
    pub queued_bytes: f64,
    /// What is not as it should be.
    pub findings: Vec<FileFinding>,
}

/// Events, as a batch has them; none at the end.
#[napi(object, object_from_js = false)]
pub struct DumpedBlock {
    /// The whole block.
    pub memory: Uint8Array,
    /// How many events.
    pub events: u32,
    /// Bytes of the events.
    pub bytes: u32,
}

impl From<Error> for FileFailure {
    fn from(error: Error) -> Self {
        Self { code: error.code().into(), message: error.to_string() }
    }
}

impl From<&Finding> for FileFinding {
    fn from(finding: &Finding) -> Self {
        Self {
            file: finding.file.clone(),
            offset: finding.offset,
            what: finding.what.clone(),
            events_lost: finding.events_lost as f64,
            text: finding.to_string(),
        }
    }
}

impl From<SegmentStatus> for FileSegment {
    fn from(segment: SegmentStatus) -> Self {
        Self {
            number: segment.number as f64,
            bytes: segment.bytes as f64,
            events: segment.events as f64,
            queued: segment.queued as f64,
            damaged: segment.damaged,
        }
    }
}

impl From<Status> for FileStatus {
    fn from(status: Status) -> Self {
        let Position { segment, offset } = status.checkpoint;
        let other = |(name, bytes)| OtherFile { name, bytes: bytes as f64 };
        Self {
            path: status.path,
            log_id: status.log_id.map(|id| format!("{id:016x}")),
            directories: status.directories,
            synced_in_intervals: status.synced_in_intervals,
            queued: status.queued as f64,
            oldest_ms: status.oldest_ms.map(|ms| ms as f64),
            queued_bytes: status.queued_bytes as f64,
            disk_bytes: status.disk_bytes as f64,
            segments: status.segments.into_iter().map(FileSegment::from).collect(),
            others: status.others.into_iter().map(other).collect(),
            checkpoint: (segment > 0).then_some(FilePosition { segment: segment as f64, offset }),
            unread_bytes: status.unread_bytes as f64,
            findings: status.findings.iter().map(FileFinding::from).collect(),
        }
    }
}

impl From<Option<Verified>> for VerifiedSegment {
    fn from(verified: Option<Verified>) -> Self {
        let done = verified.is_none();
        let verified = verified.unwrap_or_default();
        Self {
            done,
            bytes: verified.bytes as f64,
            records: verified.records as f64,
            events: verified.events as f64,
            queued: verified.queued as f64,
            queued_bytes: verified.queued_bytes as f64,
            findings: verified.findings.iter().map(FileFinding::from).collect(),
        }
    }
}

impl From<Option<Block>> for DumpedBlock {
    fn from(block: Option<Block>) -> Self {
        let Block { memory, events, bytes } = block.unwrap_or_default();
        Self { memory: memory.into(), events, bytes }
    }
}
