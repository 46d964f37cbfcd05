//! How outcomes and errors cross: outcomes that are expected as negative numbers, all others as thrown errors with the engine's code.

use millrace_engine::{Error, Shortage, registry};
use napi_derive::napi;

/// What functions throw: `code` is the engine's stable name of it.
pub type Thrown = napi::Error<String>;

/// The result of every export.
pub type Result<T> = std::result::Result<T, Thrown>;

/// The doorbell will say.
#[napi]
pub const LATER: i32 = -1;
/// Nothing to take, and the caller did not want to wait.
#[napi]
pub const NOTHING: i32 = -2;
const FULL_EVENTS: i32 = -3;
const FULL_BYTES: i32 = -4;
const CLOSED: i32 = -5;
const BROKEN: i32 = -6;
const REFUSED: i32 = -7;

/// An engine error as something to throw.
#[expect(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
pub fn thrown(error: Error) -> Thrown {
    Thrown::new(error.code().to_owned(), error.to_string())
}

/// An engine error as a number, for outcomes that are not worth an exception.
pub const fn number(error: &Error) -> i32 {
    match error {
        Error::Full(Shortage::Events | Shortage::LoggedEvents) => FULL_EVENTS,
        Error::Full(_) => FULL_BYTES,
        Error::Closed => CLOSED,
        Error::Disk { .. } => REFUSED,
        _ => BROKEN,
    }
}

/// The code and the words of a negative outcome of a channel: `[code, message]`.
#[napi(catch_unwind)]
pub fn describe_outcome(channel: u32, outcome: i32) -> Vec<String> {
    let channel = registry::channel(channel);
    let limit = channel.as_ref().map_or(0, |it| it.byte_limit());
    let durable = channel.as_ref().is_ok_and(|it| it.is_durable());
    let fault = channel.ok().filter(|_| outcome == REFUSED).and_then(|it| it.last_fault());
    let error = match outcome {
        REFUSED if let Some(fault) = fault => fault,
        FULL_EVENTS if durable => Error::Full(Shortage::LoggedEvents),
        FULL_EVENTS => Error::Full(Shortage::Events),
        FULL_BYTES if durable => Error::Full(Shortage::Buffer { bytes: limit }),
        FULL_BYTES => Error::Full(Shortage::Bytes { limit }),
        CLOSED => Error::Closed,
        _ => Error::Panic("a wait ended without a reason".into()),
    };
    vec![error.code().to_owned(), error.to_string()]
}
