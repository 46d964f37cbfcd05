//! What one call of the system brings.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
};

/// The longest datagram there is.
const DATAGRAM_BYTES: usize = 64 << 10;
/// How many one call brings at most.
const AT_ONCE: usize = if cfg!(target_os = "linux") { 64 } else { 1 };

/// Datagrams, each with room for the longest. Of memory that no datagram has reached the system gives none.
pub struct Received {
    memory: Vec<u8>,
    datagrams: Vec<(usize, SocketAddr)>,
}

impl Received {
    pub fn new() -> Self {
        Self { memory: vec![0; AT_ONCE * DATAGRAM_BYTES], datagrams: Vec::with_capacity(AT_ONCE) }
    }

    pub fn count(&self) -> usize {
        self.datagrams.len()
    }

    pub fn get(&self, index: usize) -> (&[u8], SocketAddr) {
        let (len, from) = self.datagrams[index];
        (&self.memory[index * DATAGRAM_BYTES..][..len], from)
    }

    /// Receives what is there, at least one, in place of what came before.
    #[cfg(not(target_os = "linux"))]
    pub fn fill(&mut self, socket: &UdpSocket) -> io::Result<()> {
        self.datagrams.clear();
        self.datagrams.push(socket.recv_from(&mut self.memory)?);
        Ok(())
    }

    /// Receives what is there, at least one, in place of what came before.
    #[cfg(target_os = "linux")]
    pub fn fill(&mut self, socket: &UdpSocket) -> io::Result<()> {
        use std::{mem::zeroed, os::fd::AsRawFd, ptr};

        self.datagrams.clear();
        // SAFETY: plain data, for which zeros are a value.
        let mut from: [libc::sockaddr_storage; AT_ONCE] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut headers: [libc::mmsghdr; AT_ONCE] = unsafe { zeroed() };
        let mut pieces = self
            .memory
            .chunks_exact_mut(DATAGRAM_BYTES)
            .map(|room| libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() });
        let mut pieces: [libc::iovec; AT_ONCE] = std::array::from_fn(|_| pieces.next().expect("one for each"));
        for ((header, piece), from) in headers.iter_mut().zip(&mut pieces).zip(&mut from) {
            header.msg_hdr.msg_iov = piece;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = ptr::from_mut(from).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as u32;
        }
        // SAFETY: each header points to room of its own, which lives longer than the call.
        let came =
            unsafe { libc::recvmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), AT_ONCE as u32, 0, ptr::null_mut()) };
        let came = usize::try_from(came).map_err(|_| io::Error::last_os_error())?;
        let came = headers[..came].iter().zip(&from);
        self.datagrams.extend(came.map(|(header, from)| (header.msg_len as usize, address(from))));
        Ok(())
    }
}

/// An address as the system has it.
#[cfg(target_os = "linux")]
fn address(of: &libc::sockaddr_storage) -> SocketAddr {
    use std::{
        net::{SocketAddrV4, SocketAddrV6},
        ptr,
    };

    if i32::from(of.ss_family) == libc::AF_INET {
        // SAFETY: what such an address is, in memory that is large enough and aligned for each kind.
        let v4 = unsafe { *ptr::from_ref(of).cast::<libc::sockaddr_in>() };
        SocketAddrV4::new(u32::from_be(v4.sin_addr.s_addr).into(), u16::from_be(v4.sin_port)).into()
    } else {
        // SAFETY: as above; a UDP socket has no third kind.
        let v6 = unsafe { *ptr::from_ref(of).cast::<libc::sockaddr_in6>() };
        SocketAddrV6::new(v6.sin6_addr.s6_addr.into(), u16::from_be(v6.sin6_port), 0, v6.sin6_scope_id).into()
    }
}
