//! A UDP socket that is read many datagrams at a time, into memory where they lie one behind the other.
#![cfg(unix)]

use std::{
    collections::{HashMap, hash_map::Entry},
    io::{self, ErrorKind},
    net::{SocketAddr, UdpSocket},
    os::fd::{AsRawFd, RawFd},
};

use received::Received;
use rustix::net::sockopt::{set_socket_recv_buffer_size, socket_recv_buffer_size};

mod received;
#[cfg(test)]
mod tests;
pub mod zone;

/// So many are read before others have their turn, or some more.
const IN_A_ROW: usize = 1_024;

/// A bound UDP socket that never blocks.
pub struct Datagrams {
    socket: UdpSocket,
    received: Received,
    /// Of what was received: which is next.
    next: usize,
    /// Who has sent what was staged, where somebody wants to know.
    origins: Option<Origins>,
}

/// Senders in the order of their first datagrams, and their places there.
#[derive(Default)]
struct Origins {
    senders: Vec<SocketAddr>,
    places: HashMap<SocketAddr, u32>,
}

/// Memory for datagrams, and what was put there.
pub struct Stage<'a> {
    /// Datagrams, one behind the other, and behind them room for more.
    pub bytes: &'a mut [u8],
    /// Of each: its length, and who has sent it, as its place in [`Datagrams::take_origins`].
    pub marks: &'a mut [[u32; 2]],
    /// How much of both is in use.
    pub fill: usize,
    /// As `fill`.
    pub count: usize,
    /// What may still be taken, where each datagram costs `cost` bytes more than its own.
    pub budget: usize,
    /// As `budget`.
    pub cost: usize,
    /// Datagrams for which that was too little.
    pub dropped: u32,
}

impl Datagrams {
    /// Binds a socket, with a buffer of the system as large as it may be, at most of so many bytes. It is said where datagrams come from if that is
    /// wanted.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind(address: &str, port: u16, buffer_bytes: usize, origins: bool) -> io::Result<Self> {
        let address = zone::address(address, port).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        set_socket_recv_buffer_size(&socket, buffer_bytes)?;
        Ok(Self { socket, received: Received::new(), next: 0, origins: origins.then(Origins::default) })
    }

    /// The port it is bound to.
    ///
    /// # Errors
    /// What the system says.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }

    /// Bytes of the system's buffer.
    ///
    /// # Errors
    /// What the system says.
    pub fn buffer_bytes(&self) -> io::Result<usize> {
        let bytes = socket_recv_buffer_size(&self.socket)?;
        // Linux doubles what it is asked for, for what it needs itself.
        Ok(if cfg!(target_os = "linux") { bytes / 2 } else { bytes })
    }

    /// Its descriptor, which stays its own.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Stages what there is. Returns whether there may be more: the stage is full, or others should have their turn.
    ///
    /// # Errors
    /// What the system says; what came before is staged.
    pub fn receive(&mut self, stage: &mut Stage<'_>) -> io::Result<bool> {
        let mut came = 0;
        loop {
            while self.next < self.received.count() {
                let (datagram, from) = self.received.get(self.next);
                let origin = || self.origins.as_mut().map_or(0, |origins| origins.place(from));
                if !stage.take(datagram, origin) {
                    return Ok(true);
                }
                self.next += 1;
            }
            if came >= IN_A_ROW {
                return Ok(true);
            }
            self.next = 0;
            match self.received.fill(&self.socket) {
                Ok(()) => came += self.received.count(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    /// Who has sent what was staged since this was asked last.
    pub fn take_origins(&mut self) -> Vec<SocketAddr> {
        self.origins.as_mut().map(std::mem::take).unwrap_or_default().senders
    }
}

impl Origins {
    fn place(&mut self, of: SocketAddr) -> u32 {
        match self.places.entry(of) {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(place) => {
                self.senders.push(of);
                *place.insert(self.senders.len() as u32 - 1)
            }
        }
    }
}

impl Stage<'_> {
    /// Copies a datagram, or drops it; answers false when there is no room to do so. Of what is not copied nobody needs the origin: anybody can make up
    /// any number of them.
    fn take(&mut self, datagram: &[u8], origin: impl FnOnce() -> u32) -> bool {
        let Some(left) = self.budget.checked_sub(datagram.len() + self.cost) else {
            self.dropped += 1;
            return true;
        };
        let end = self.fill + datagram.len();
        let (Some(room), Some(mark)) = (self.bytes.get_mut(self.fill..end), self.marks.get_mut(self.count)) else {
            return false;
        };
        room.copy_from_slice(datagram);
        *mark = [datagram.len() as u32, origin()];
        self.fill = end;
        self.count += 1;
        self.budget = left;
        true
    }
}
