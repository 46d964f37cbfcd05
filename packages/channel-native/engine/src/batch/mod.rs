//! The one encoding of events, in memory, on disk and almost on the wire.
//!
//! Events stand one after the other in a block, as `docs/design/memory-channel.md` draws it; a table of
//! 8-byte entries descends from the block's end. Several threads write disjoint ranges of one block, so nothing
//! here ever holds a whole one:
//!
//! - a [`Run`] is read: some events that follow each other, and their entries;
//! - a [`Space`] is written: free bytes, and free entries.
//!
//! ```text
//! event: header map · body length · body
//!   map:    00                                      when empty, else
//!           count (key length · key · value length · value)… 00
//!   count and lengths: Avro longs (zig-zag, 7 bits to a byte, the lowest first)
//! ```
//!
//! The encoding is **canonical**: one block to a map with a positive count, no length longer than it must be, no key twice,
//! all text valid UTF-8. Whoever brings events in ([`scan_events`],
//! [`push_flat`], [`crate::lines`]) makes them so; everything behind relies on it for speed, never for memory safety.
#![forbid(unsafe_code)]

pub(crate) mod canonical;
mod change;
mod flat;
mod headers;
#[cfg(test)]
pub(crate) mod model;
mod run;
mod space;
#[cfg(test)]
mod tests;
pub(crate) mod varint;

pub use canonical::scan_events;
pub use change::{Edit, change, read_edits};
pub use flat::push_flat;
pub use headers::{header_names, headers};
pub use run::{Entry, Event, Run};
pub use space::{Size, Space};
