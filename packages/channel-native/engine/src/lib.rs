//! Batches of encoded events, and the channels that pass them between threads.
//!
//! - [`batch`] is the one encoding of events: reading, writing, splitting, changing headers;
//! - [`lines`] makes events of text that arrives in pieces;
//! - [`numbers`] makes events that count;
//! - [`socket`] is a connection that never blocks;
//! - [`syslog`] makes events of syslog messages;
//! - [`memory`] is the channel that lives in shared memory;
//! - [`datagrams`] is a UDP socket that is read many at a time;
//! - [`doorbell`] is how a channel tells a worker that its wait is over;
//! - [`registry`] has the channels and owners of a process under numbers;
//! - [`file`] is the channel that lives on disk;
//! - [`text`] makes events of the text that a command writes;
//! - [`wire`] makes events of the requests of Flume's clients;
//! - [`error`] names what can go wrong.

pub mod batch;
pub mod channel;
#[cfg(not(loom))]
pub mod datagrams;
mod defect;
pub mod doorbell;
pub mod error;
pub mod file;
pub mod lines;
pub mod numbers;
#[cfg(not(loom))]
pub mod registry;
#[cfg(not(loom))]
pub mod socket;
mod sync;
pub mod syslog;
pub mod text;
pub mod wire;

pub use error::{Error, Excess, Fault, Result, Shortage};
