//! The engine's functions for Node: free functions, numbers in, numbers out. No logic lives here; what they mean is said in the engine.
//!
//! A batch crosses as `memory, base, size, first, count, start, end`: the block is `memory[base .. base + size]`, and of it the run of `count`
//! events from entry `first`, whose bytes are `start .. end` of the block. Every function catches panics: one that unwound into Node
//! would end the process.

#![allow(
    clippy::needless_pass_by_value,
    clippy::too_many_arguments,
    clippy::cast_precision_loss,
    reason = "arguments come from JavaScript: numbers are doubles, and a batch crosses as several"
)]
#![cfg_attr(test, allow(dead_code, reason = "an addon has no callers of its own"))]

mod batches;
mod channels;
#[cfg(unix)]
mod datagrams;
#[cfg(unix)]
mod direct;
mod failure;
mod files;
mod inspect;
mod owners;
#[cfg(unix)]
mod polled;
#[cfg(unix)]
mod sockets;
mod syslog;
mod text;
#[cfg(unix)]
mod uv;
mod wire;
