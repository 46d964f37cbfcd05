//! A socket in an event loop: when it is watched, read and written.

use std::{
    ffi::{c_int, c_void},
    io,
    os::fd::OwnedFd,
};

use millrace_engine::socket::Socket;

use crate::uv::{self, Handle};

/// The most that is read at once.
pub const READ_BYTES: usize = 64 << 10;

/// Called when a socket is ready: with its handle, whether that has failed (below 0), and for what.
pub type OnReady = extern "C" fn(*mut c_void, c_int, c_int);

/// What came of a socket that was ready.
pub enum Came {
    /// So many bytes.
    Piece(usize),
    /// The end of what the peer sends.
    End,
    /// Everything was sent behind which this side ends.
    Sent,
}

/// One side of a TCP connection in an event loop.
pub struct Polled {
    /// Before the socket, which may only be closed when it is not polled any more.
    poll: Handle,
    socket: Socket,
    on_ready: OnReady,
    /// What the poll handle watches for.
    watched: c_int,
    /// Whether it may be read.
    reading: bool,
    /// Whether nothing can come any more.
    ended: bool,
    /// What may put its requests, or 0: then everything is told.
    direct: u32,
    /// Whether a piece of it waits to be told, which comes before all that may be put.
    untold: bool,
}

impl Polled {
    /// Takes a connection, and does not read it yet; `None` when that cannot be done.
    ///
    /// # Safety
    /// The loop is that of the calling thread.
    pub unsafe fn new(of: uv::Loop, descriptor: OwnedFd, number: u32, on_ready: OnReady) -> Option<Self> {
        let socket = Socket::new(descriptor).ok()?;
        // SAFETY: passed on to the caller.
        let poll = unsafe { Handle::poll(of, socket.descriptor(), number) }?;
        Some(Self { poll, socket, on_ready, watched: 0, reading: false, ended: false, direct: 0, untold: false })
    }

    /// Says whether it is to be read.
    pub fn read(&mut self, reading: bool) {
        self.reading = reading;
        self.watch();
    }

    /// Sends. A connection that is lost says so later, when it is read.
    pub fn write(&mut self, bytes: &[u8]) {
        let _: io::Result<()> = self.socket.write(bytes);
        self.watch();
    }

    /// Sends what it can, or else reads.
    ///
    /// # Errors
    /// What the connection is lost with.
    pub fn go_on(&mut self, failed: bool, events: c_int, into: &mut [u8]) -> io::Result<Option<Came>> {
        if failed {
            // libuv has stopped watching; what it was is told by the socket.
            self.watched = 0;
        }
        if self.socket.has_unsent() && (failed || events & uv::WRITABLE != 0) {
            self.socket.flush()?;
            self.watch();
            return Ok(self.socket.has_ended().then_some(Came::Sent));
        }
        if !self.reading || self.ended {
            return Ok(None);
        }
        let read = self.socket.read(into)?;
        self.ended = read == Some(0);
        self.watch();
        Ok(read.map(|bytes| if bytes == 0 { Came::End } else { Came::Piece(bytes) }))
    }

    /// Ends this side behind what was sent; answers whether all of that has gone.
    pub fn end(&mut self) -> bool {
        self.socket.end().is_err() || self.socket.has_ended()
    }

    /// Nothing comes or goes any more.
    pub fn lose(&mut self) {
        self.ended = true;
        self.watched = 0;
        self.poll.watch(0, self.on_ready);
    }

    /// What may put what comes next, or 0.
    pub const fn direct(&self) -> u32 {
        self.direct
    }

    /// Lets something put what comes next, unless a piece before it waits to be told.
    pub const fn put_directly(&mut self, direct: u32) {
        self.direct = if self.untold { 0 } else { direct };
    }

    /// Leaves a piece to be told, and all behind it.
    pub const fn tell_first(&mut self) {
        self.direct = 0;
        self.untold = true;
    }

    /// Everything that came is told now.
    pub const fn telling(&mut self) {
        self.untold = false;
    }

    /// Watches for what it needs. Who does not take what it is sent is not read either.
    fn watch(&mut self) {
        let unsent = self.socket.has_unsent();
        let readable = if self.reading && !self.ended && !unsent { uv::READABLE } else { 0 };
        let wanted = readable | if unsent { uv::WRITABLE } else { 0 };
        if wanted != self.watched {
            self.watched = wanted;
            self.poll.watch(wanted, self.on_ready);
        }
    }
}
