//! A connection that is read and written when its event loop says that it can be.
#![forbid(unsafe_code)]
#![cfg(unix)]

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    os::fd::{AsRawFd, OwnedFd, RawFd},
};

/// One side of a TCP connection that never blocks.
pub struct Socket {
    stream: TcpStream,
    /// What the peer has not taken yet, and whether that is the last of it.
    unsent: Vec<u8>,
    ending: bool,
}

impl Socket {
    /// The connection behind a descriptor.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(descriptor: OwnedFd) -> io::Result<Self> {
        let stream = TcpStream::from(descriptor);
        stream.set_nonblocking(true)?;
        Ok(Self { stream, unsent: Vec::new(), ending: false })
    }

    /// Its descriptor, which stays its own.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    /// Reads what is there: 0 at the end, `None` when nothing is there now.
    ///
    /// # Errors
    /// What the connection is lost with.
    pub fn read(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        now(self.stream.read(into))
    }

    /// Sends, and keeps what the peer does not take now.
    ///
    /// # Errors
    /// What the connection is lost with.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = if self.unsent.is_empty() { now(self.stream.write(bytes))?.unwrap_or(0) } else { 0 };
        self.unsent.extend_from_slice(&bytes[sent..]);
        Ok(())
    }

    /// Sends what was kept, as far as the peer takes it.
    ///
    /// # Errors
    /// What the connection is lost with.
    pub fn flush(&mut self) -> io::Result<()> {
        if !self.unsent.is_empty() {
            let sent = now(self.stream.write(&self.unsent))?.unwrap_or(0);
            self.unsent.drain(..sent);
        }
        self.finish()
    }

    /// Ends this side of the connection, behind all that was written.
    ///
    /// # Errors
    /// What the connection is lost with.
    pub fn end(&mut self) -> io::Result<()> {
        self.ending = true;
        self.finish()
    }

    /// Whether something waits for the peer to take it.
    #[must_use]
    pub const fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Whether this side has ended, and all of it was sent.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ending && self.unsent.is_empty()
    }

    fn finish(&self) -> io::Result<()> {
        if self.has_ended() { self.stream.shutdown(Shutdown::Write) } else { Ok(()) }
    }
}

/// What could be done at once.
fn now(done: io::Result<usize>) -> io::Result<Option<usize>> {
    match done {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        net::TcpListener,
        time::{Duration, Instant},
    };

    const PATIENCE: Duration = Duration::from_secs(10);

    fn pair() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        let (stream, _) = listener.accept().unwrap();
        (Socket::new(stream.into()).unwrap(), peer)
    }

    #[test]
    fn what_the_peer_does_not_take_is_kept_and_follows_in_order_before_the_end() {
        let write = |socket: &mut Socket, bytes: &[u8]| {
            bytes.chunks(100_000).for_each(|piece| socket.write(piece).unwrap());
        };
        let (mut socket, mut peer) = pair();
        let sent: Vec<u8> = (0..16 << 20).map(|at: u32| (at / 1_000) as u8).collect();
        let (sooner, later) = sent.split_at(sent.len() / 2);
        write(&mut socket, sooner);
        assert!(socket.has_unsent());
        // Now there is room again, in which nothing may overtake what was kept.
        let mut received = vec![0; sooner.len() - socket.unsent.len()];
        peer.read_exact(&mut received).unwrap();
        write(&mut socket, later);
        socket.end().unwrap();
        assert!(socket.has_unsent() && !socket.has_ended());
        let reading = std::thread::spawn(move || {
            peer.read_to_end(&mut received).unwrap();
            received
        });
        while !socket.has_ended() {
            socket.flush().unwrap();
            std::thread::yield_now();
        }
        assert!(reading.join().unwrap() == sent);
    }

    #[test]
    fn nothing_there_is_not_the_end() {
        let (mut socket, peer) = pair();
        assert_eq!(socket.read(&mut [0; 8]).unwrap(), None);
        drop(peer);
        let began = Instant::now();
        while socket.read(&mut [0; 8]).unwrap() != Some(0) {
            assert!(began.elapsed() < PATIENCE, "the end is never told");
        }
    }
}
