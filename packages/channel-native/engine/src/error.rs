//! What can go wrong, in terms an operator can act on.

use std::{fmt, io, path::Path};

/// The result of every fallible call in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Each variant names what failed and where; `code` is what TypeScript and the manual call it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// There is no room now; the caller may try again later, or go on in another block.
    Full(Shortage),
    /// What was asked for can never fit, however long the caller waits.
    TooLarge(Excess),
    /// The channel is closed.
    Closed,
    /// The caller's worker life is over, or the handle was already used.
    Stale,
    /// The wait was cancelled.
    Cancelled,
    /// The bytes are not events.
    InvalidBatch {
        /// What is wrong there.
        what: &'static str,
        /// The offset of the bad byte in what was read.
        offset: usize,
    },
    /// The bytes of a connection are not requests.
    InvalidRequest {
        /// What is wrong there.
        what: &'static str,
        /// Where: how many bytes of its request stand in front of it, without those of frames.
        offset: usize,
    },
    /// A file of a channel is not what it should be.
    File {
        /// In which way.
        fault: Fault,
        /// Where it is.
        path: String,
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// The operating system refused something.
    Disk {
        /// What was tried, with the preposition that leads to the path.
        doing: &'static str,
        /// With what.
        path: String,
        /// What it answered.
        kind: io::ErrorKind,
        /// The same in its words.
        answer: String,
    },
    /// The engine met a state it holds to be impossible; what it touched must not be used any more.
    Panic(String),
}

/// In which way a file of a channel is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be understood.
    Damaged,
    /// A later version wrote it.
    Version,
    /// It is somebody else's.
    Foreign,
}

/// What can never fit. The first three are told in Flume's words, because clients see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// More events than a put may hold.
    Put {
        /// What Flume calls it.
        transaction: &'static str,
        /// How many it may.
        max: u32,
    },
    /// More events than a take may hold.
    Take {
        /// What Flume calls it.
        transaction: &'static str,
        /// How many it may.
        max: u32,
    },
    /// Larger bodies than the channel may hold.
    Bodies {
        /// How many bytes of bodies it may.
        limit: u64,
    },
    /// More bytes, headers and all, than the channel may hold.
    Bytes {
        /// How many there are.
        is: u64,
        /// How many there may be.
        max: u64,
        /// What sets that.
        property: &'static str,
    },
}

/// What there is no room for. The first three are told in Flume's words, because clients see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    /// The channel holds as many events as it may.
    Events,
    /// The same of a channel over a log.
    LoggedEvents,
    /// The buffer of a channel over a log is full of events that the log does not have yet, or that are being taken.
    Buffer {
        /// Bytes of the buffer.
        bytes: u64,
    },
    /// The bodies in the channel take as many bytes as they may, or all of its chunks are in use.
    Bytes {
        /// How many that is.
        limit: u64,
    },
    /// The block that is written has too few free bytes or entries; another one has more.
    Block,
}

impl Error {
    /// The operating system answered `error` when the engine tried `doing` with the file or directory at `path`.
    #[must_use]
    pub fn disk(doing: &'static str, path: &Path, error: &io::Error) -> Self {
        Self::Disk { doing, path: path.display().to_string(), kind: error.kind(), answer: error.to_string() }
    }

    /// The file at `path` is not what it should be.
    pub fn file(fault: Fault, path: &Path, what: impl Into<String>) -> Self {
        Self::File { fault, path: path.display().to_string(), what: what.into() }
    }

    /// Whether there may be room, or space on the disk, later.
    #[must_use]
    pub const fn is_shortage(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::Full(_) | Self::Disk { kind: StorageFull | QuotaExceeded, .. })
    }

    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Full(_) => "MR_CHANNEL_FULL",
            Self::TooLarge(_) => "MR_CHANNEL_TOO_LARGE",
            Self::Closed => "MR_CHANNEL_CLOSED",
            Self::Stale => "MR_CHANNEL_STALE",
            Self::Cancelled => "MR_CHANNEL_CANCELLED",
            Self::InvalidBatch { .. } => "MR_BATCH_INVALID",
            Self::InvalidRequest { .. } => "MR_WIRE_INVALID",
            Self::File { fault: Fault::Damaged, .. } => "MR_FILE_DAMAGED",
            Self::File { fault: Fault::Version, .. } => "MR_FILE_VERSION",
            Self::File { fault: Fault::Foreign, .. } => "MR_FILE_FOREIGN",
            Self::Disk { .. } => "MR_DISK",
            Self::Panic(_) => "MR_ENGINE_PANIC",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(shortage) => shortage.fmt(f),
            Self::TooLarge(excess) => excess.fmt(f),
            Self::Closed => f.write_str("the channel is closed"),
            Self::Stale => f.write_str("the worker life is over, or the handle was already used"),
            Self::Cancelled => f.write_str("the wait was cancelled"),
            Self::InvalidBatch { what, offset } => write!(f, "{what}, at byte {offset}"),
            Self::InvalidRequest { what, offset } => write!(f, "{what}, at byte {offset} of the request"),
            Self::File { path, what, .. } => write!(f, "{path}: {what}"),
            Self::Disk { doing, path, answer, .. } => write!(f, "cannot {doing} {path}: {answer}"),
            Self::Panic(what) => write!(f, "impossible state: {what}"),
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events => f.write_str(
                "Space for commit to queue couldn't be acquired. Sinks are likely not keeping up with sources, or the \
                 buffer size is too tight",
            ),
            Self::LoggedEvents => f.write_str(
                "The channel has reached it's capacity. This might be the result of a sink on the channel having too low of \
                 batch size, a downstream system running slower than normal, or that the channel capacity is just too low.",
            ),
            Self::Buffer { bytes } => write!(
                f,
                "the channel's buffer of {bytes} bytes is full of events that the disk does not have yet, or that sinks hold: use \
                 smaller transactions, or raise the channel's bufferSize"
            ),
            Self::Bytes { limit } => bytes_exhausted(f, *limit),
            Self::Block => f.write_str("the block that is written has no room left for these events"),
        }
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ADVICE: &str = "consider committing more frequently, increasing capacity or increasing thread count";
        match self {
            Self::Put { transaction, max } => write!(f, "Put queue for {transaction} of capacity {max} full, {ADVICE}"),
            Self::Take { transaction, max } => write!(f, "Take list for {transaction}, capacity {max} full, {ADVICE}"),
            Self::Bodies { limit } => bytes_exhausted(f, *limit),
            Self::Bytes { is, max, property } => {
                write!(f, "the events take {is} bytes, but the channel has {max} for them: raise its {property}")
            }
        }
    }
}

/// Flume's sentence, with the number as Java prints a double.
fn bytes_exhausted(f: &mut fmt::Formatter<'_>, limit: u64) -> fmt::Result {
    let number = if limit < 10_000_000 {
        format!("{limit}.0")
    } else {
        #[expect(clippy::cast_precision_loss, reason = "Java loses it too")]
        let scientific = format!("{:E}", limit as f64);
        if scientific.contains('.') { scientific } else { scientific.replace('E', ".0E") }
    };
    write!(
        f,
        "Cannot commit transaction. Byte capacity allocated to store event body {number}reached. Please increase \
         heap space/byte capacity allocated to the channel as the sinks may not be keeping up with the sources"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exhausted_bytes_are_told_as_java_tells_a_double() {
        let text = |limit| Error::Full(Shortage::Bytes { limit }).to_string();
        assert!(text(800).contains("event body 800.0reached"));
        assert!(text(80_000_000).contains("event body 8.0E7reached"));
        assert!(text(123_456_700).contains("event body 1.234567E8reached"));
    }
}
