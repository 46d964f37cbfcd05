//! File channels: opening and closing, which take time and so happen outside of the event loop.

use std::path::PathBuf;

use millrace_engine::{
    Error, Excess,
    channel::{Layout, Limits},
    file::{FileOptions, Sync},
    registry,
};
use napi::{
    Env, Task,
    bindgen_prelude::{AsyncTask, Uint8ArraySlice},
};
use napi_derive::napi;

use crate::{
    channels::whole,
    failure::{Result, thrown},
};

/// What a file channel is, besides its buffer.
#[napi(object)]
pub struct FileChannelSettings {
    /// Directories of the log.
    pub data_directories: Vec<String>,
    /// Where checkpoints go.
    pub checkpoint_directory: String,
    /// Where copies of them go.
    pub backup_directory: Option<String>,
    /// Most events in the channel.
    pub capacity: u32,
    /// Most events in one put or take.
    pub transaction_capacity: u32,
    /// Bytes of the buffer.
    pub buffer_bytes: f64,
    /// Bytes of a full-grown segment.
    pub segment_bytes: u32,
    /// Bytes that must stay free on the disk.
    pub keep_free_bytes: f64,
    /// Milliseconds between syncs; below 0: before each put is answered.
    pub sync_interval_ms: f64,
    /// Milliseconds between checkpoints.
    pub checkpoint_interval_ms: f64,
    /// Whether closing writes a checkpoint.
    pub checkpoint_on_close: bool,
    /// Whether a take waits for the log.
    pub take_sync: bool,
}

impl FileChannelSettings {
    const fn limits(&self) -> Limits {
        Limits {
            capacity: self.capacity,
            transaction_capacity: self.transaction_capacity,
            slots: u64::MAX / 200,
            bytes: whole(self.buffer_bytes),
        }
    }

    fn options(self) -> FileOptions {
        let path = PathBuf::from;
        FileOptions {
            data_directories: self.data_directories.into_iter().map(path).collect(),
            checkpoint_directory: path(self.checkpoint_directory),
            backup_directory: self.backup_directory.map(path),
            segment_len: self.segment_bytes,
            keep_free: whole(self.keep_free_bytes),
            sync: if self.sync_interval_ms < 0.0 { Sync::Commit } else { Sync::Interval(whole(self.sync_interval_ms)) },
            checkpoint_ms: whole(self.checkpoint_interval_ms),
            checkpoint_on_close: self.checkpoint_on_close,
            take_sync: self.take_sync,
            buffer_bytes: whole(self.buffer_bytes),
        }
    }
}

/// How opening or closing went: the channel's number, or the code and the words of what went wrong.
#[napi(object)]
pub struct FileOutcome {
    /// The number of the open channel.
    pub channel: Option<u32>,
    /// The engine's stable name of the failure.
    pub code: Option<String>,
    /// What went wrong and what to do.
    pub message: Option<String>,
}

impl From<millrace_engine::Result<u32>> for FileOutcome {
    fn from(outcome: millrace_engine::Result<u32>) -> Self {
        match outcome {
            Ok(channel) => Self { channel: Some(channel), code: None, message: None },
            Err(error) => Self { channel: None, code: Some(error.code().into()), message: Some(error.to_string()) },
        }
    }
}

/// A call that waits for the disk, in a thread of libuv's pool.
pub struct Waiting(Option<Box<dyn FnOnce() -> millrace_engine::Result<u32> + Send>>);

impl Task for Waiting {
    type Output = FileOutcome;
    type JsValue = FileOutcome;

    fn compute(&mut self) -> napi::Result<FileOutcome> {
        let act = self.0.take().ok_or_else(|| napi::Error::from_reason("a call is made once"))?;
        // A panic must not cross into libuv.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
        Ok(outcome.unwrap_or_else(|_| Err(Error::Panic("a panic while a channel was opened or closed".into()))).into())
    }

    fn resolve(&mut self, _env: Env, output: FileOutcome) -> napi::Result<FileOutcome> {
        Ok(output)
    }
}

/// Opens a file channel over a `SharedArrayBuffer` of at least the layout's length, which the caller keeps until `closeFile` has settled and `isOpen` says no.
#[napi(catch_unwind, ts_return_type = "Promise<FileOutcome>")]
pub fn open_file(
    mut buffer: Uint8ArraySlice<'_>,
    settings: FileChannelSettings,
    poisoning: bool,
) -> Result<AsyncTask<Waiting>> {
    let limits = settings.limits();
    let layout = Layout::new(limits.capacity.min(DESCRIPTORS_MAX), limits.bytes);
    // SAFETY: the view is only asked for its address and length.
    let bytes = unsafe { buffer.as_mut() };
    if (bytes.len() as u64) < layout.length() || !bytes.as_ptr().addr().is_multiple_of(8) {
        let length = bytes.len() as u64;
        return Err(thrown(Error::TooLarge(Excess::Bytes {
            is: layout.length(),
            max: length,
            property: "bufferSize",
        })));
    }
    let address = bytes.as_mut_ptr().expose_provenance();
    Ok(AsyncTask::new(Waiting(Some(Box::new(move || {
        let buffer = std::ptr::with_exposed_provenance_mut(address);
        // SAFETY: the buffer is large enough and aligned, and by the contract it stays until the channel is over.
        unsafe { registry::open_file(&settings.options(), limits, &layout, buffer, poisoning) }
    })))))
}

/// More runs than these are left to the log.
const DESCRIPTORS_MAX: u32 = 1 << 16;

/// Writes everything down, ends the threads of a file channel and lets its directories go.
#[napi(catch_unwind, ts_return_type = "Promise<FileOutcome>")]
pub fn close_file(channel: u32) -> AsyncTask<Waiting> {
    AsyncTask::new(Waiting(Some(Box::new(move || registry::close_file(channel).map(|()| channel)))))
}

/// Sentences for the operator that were not fetched yet.
#[napi(catch_unwind)]
pub fn take_findings(channel: u32) -> Vec<String> {
    registry::channel(channel).map(|it| it.take_findings()).unwrap_or_default()
}

/// Why nothing can be put now: `[code, message]`, or nothing.
#[napi(catch_unwind)]
pub fn channel_fault(channel: u32) -> Vec<String> {
    let fault = registry::channel(channel).ok().and_then(|it| it.fault());
    fault.map_or_else(Vec::new, |error| vec![error.code().to_owned(), error.to_string()])
}
