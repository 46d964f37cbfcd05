//! UDP sockets of a thread. A row of the turn says that there is something; it is read when JavaScript asks for it, many datagrams at a time.

use std::{io, net::SocketAddr};

use millrace_engine::datagrams::{Datagrams, Stage, zone};
use napi::bindgen_prelude::{Uint8ArraySlice, Uint32ArraySlice};
use napi_derive::napi;

use crate::{
    sockets::{on_ready, with_reactor},
    uv::{self, Handle},
};

/// A UDP socket in an event loop.
pub struct Receiver {
    /// Before the socket, which may only be closed when it is not polled any more.
    poll: Handle,
    datagrams: Datagrams,
}

impl Receiver {
    /// Says whether it is told that there is something to read.
    pub fn watch(&self, watching: bool) {
        self.poll.watch(if watching { uv::READABLE } else { 0 }, on_ready);
    }
}

/// Binds a UDP socket to an address, with a buffer of the system of so many bytes if it may be so large; answers its number, or 0. With `origins`,
/// [`take_datagram_origins`] says where datagrams come from. Writes to `did`: the port, the bytes of the buffer, the system's number of an error.
/// Nothing is told before [`watch_datagrams`].
#[napi(catch_unwind)]
pub fn open_datagrams(
    address: String,
    port: u16,
    buffer_bytes: u32,
    origins: bool,
    mut did: Uint32ArraySlice<'_>,
) -> u32 {
    // SAFETY: JavaScript does nothing with it before this call is back.
    let did = unsafe { did.as_mut() };
    let open = || {
        let datagrams = Datagrams::bind(&address, port, buffer_bytes as usize, origins)?;
        Ok((u32::from(datagrams.port()?), datagrams.buffer_bytes()?, datagrams))
    };
    let datagrams = match open() {
        Ok((port, bytes, datagrams)) => {
            did[..3].copy_from_slice(&[port, bytes as u32, 0]);
            datagrams
        }
        Err(error) => {
            did[2] = errno(&error);
            return 0;
        }
    };
    let open = |uv, number| {
        // SAFETY: the loop is that of this thread.
        let poll = unsafe { Handle::poll(uv, datagrams.descriptor(), number) }?;
        Some(Receiver { poll, datagrams })
    };
    with_reactor(|reactor| reactor.begin(|reactor| &mut reactor.receivers, open)).flatten().unwrap_or_default()
}

fn errno(error: &io::Error) -> u32 {
    error.raw_os_error().unwrap_or_default().unsigned_abs()
}

/// Lets a row say, once, that there is something to read.
#[napi(catch_unwind)]
pub fn watch_datagrams(socket: u32) {
    with_reactor(|reactor| reactor.receivers.get(&socket).map(|receiver| receiver.watch(true)));
}

/// Reads what there is behind what is staged: `fill` bytes, and two numbers in `marks` for each of `count` datagrams: its length, and the place of
/// where it comes from. Each costs its bytes and `cost`; what costs more than is left of `budget` is dropped. Writes to `did`: bytes, datagrams, how many
/// were dropped, 1 where there may be more, the system's number of an error.
#[napi(catch_unwind)]
pub fn receive_datagrams(
    socket: u32,
    mut bytes: Uint8ArraySlice<'_>,
    fill: u32,
    mut marks: Uint32ArraySlice<'_>,
    count: u32,
    budget: f64,
    cost: u32,
    mut did: Uint32ArraySlice<'_>,
) {
    // SAFETY: JavaScript does nothing with them before this call is back.
    let (bytes, marks, did) = unsafe { (bytes.as_mut(), marks.as_mut(), did.as_mut()) };
    let (marks, _) = marks.as_chunks_mut();
    let [fill, count, cost] = [fill, count, cost].map(|number| number as usize);
    #[expect(clippy::cast_sign_loss, reason = "negative numbers saturate to 0")]
    let mut stage = Stage { bytes, marks, fill, count, budget: budget as usize, cost, dropped: 0 };
    let received = with_reactor(|reactor| Some(reactor.receivers.get_mut(&socket)?.datagrams.receive(&mut stage)));
    let (more, error) = match received.flatten() {
        Some(Ok(more)) => (more, 0),
        Some(Err(error)) => (false, errno(&error)),
        None => (false, 0),
    };
    let told = [stage.fill as u32, stage.count as u32, stage.dropped, more.into(), error];
    did[..told.len()].copy_from_slice(&told);
}

/// Where the datagrams come from that were read since this was asked last: addresses, each followed by its port.
#[napi(catch_unwind)]
pub fn take_datagram_origins(socket: u32) -> Vec<String> {
    let origins =
        with_reactor(|reactor| reactor.receivers.get_mut(&socket).map(|receiver| receiver.datagrams.take_origins()));
    let texts = |origin: SocketAddr| [zone::text(origin), origin.port().to_string()];
    origins.flatten().unwrap_or_default().into_iter().flat_map(texts).collect()
}

/// Closes a socket at once. Rows that were told before may still name it.
#[napi(catch_unwind)]
pub fn close_datagrams(socket: u32) {
    with_reactor(|reactor| reactor.receivers.remove(&socket));
}
