use std::{
    net::UdpSocket,
    thread::sleep,
    time::{Duration, Instant},
};

use super::*;

/// What is read of a socket in this test, with room for some at a time.
struct Reading {
    datagrams: Datagrams,
    bytes: Vec<u8>,
    marks: Vec<[u32; 2]>,
}

impl Reading {
    fn open(origins: bool, bytes: usize, count: usize) -> (Self, UdpSocket) {
        let datagrams = Datagrams::bind("127.0.0.1", 0, 1 << 20, origins).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.connect(("127.0.0.1", datagrams.port().unwrap())).unwrap();
        (Self { datagrams, bytes: vec![0; bytes], marks: vec![[0; 2]; count] }, sender)
    }

    /// Reads once: the datagrams with the places of their senders, whether there may be more, and how many were dropped.
    fn read(&mut self, budget: usize) -> (Vec<(String, u32)>, bool, u32) {
        let Self { datagrams, bytes, marks } = self;
        let mut stage = Stage { bytes, marks, fill: 0, count: 0, budget, cost: 10, dropped: 0 };
        let more = datagrams.receive(&mut stage).unwrap();
        let (count, dropped) = (stage.count, stage.dropped);
        let mut at = 0;
        let read = self.marks[..count].iter().map(|&[len, origin]| {
            at += len as usize;
            (String::from_utf8(self.bytes[at - len as usize..at].to_vec()).unwrap(), origin)
        });
        (read.collect(), more, dropped)
    }

    /// Reads until there have been so many.
    fn read_all(&mut self, count: usize) -> Vec<String> {
        let (mut all, begun) = (Vec::new(), Instant::now());
        while all.len() < count && begun.elapsed() < Duration::from_secs(10) {
            all.extend(self.read(usize::MAX).0.into_iter().map(|(text, _)| text));
            sleep(Duration::from_millis(1));
        }
        all
    }
}

#[test]
fn what_is_sent_is_staged_in_order_also_empty_ones_and_the_longest() {
    let (mut reading, sender) = Reading::open(false, 256 << 10, 100);
    let sent = ["a".into(), String::new(), "x".repeat(65_507), "b".into()];
    for text in &sent {
        sender.send(text.as_bytes()).unwrap();
    }
    assert_eq!(reading.read_all(4), sent);
    assert_eq!(reading.read(usize::MAX), (vec![], false, 0));
}

#[test]
fn what_does_not_fit_now_is_there_the_next_time() {
    for (bytes, count) in [(256 << 10, 3), (10, 100)] {
        let (mut reading, sender) = Reading::open(false, bytes, count);
        let sent: Vec<_> = (0..100).map(|number| format!("{number:03}")).collect();
        for text in &sent {
            sender.send(text.as_bytes()).unwrap();
        }
        sleep(Duration::from_millis(50));
        let (first, more, _) = reading.read(usize::MAX);
        assert_eq!((first.len(), more), (3, true));
        assert_eq!(reading.read_all(97), sent[3..]);
    }
}

#[test]
fn others_have_their_turn_though_more_comes_than_is_read() {
    let (mut reading, sender) = Reading::open(false, 256 << 10, 10_000);
    for _ in 0..IN_A_ROW {
        sender.send(b"a").unwrap();
    }
    sleep(Duration::from_millis(50));
    let (read, more, _) = reading.read(usize::MAX);
    // As many as the system has kept.
    assert_eq!(more, read.len() >= IN_A_ROW);
}

#[test]
fn what_costs_too_much_is_dropped_and_counted() {
    let (mut reading, sender) = Reading::open(false, 256 << 10, 100);
    for text in ["12345", "too long for what is left", "12", "3"] {
        sender.send(text.as_bytes()).unwrap();
    }
    sleep(Duration::from_millis(50));
    let (read, _, dropped) = reading.read(30);
    assert_eq!((read, dropped), (vec![("12345".into(), 0), ("12".into(), 0)], 2));
}

#[test]
fn senders_are_told_apart_and_begin_anew_when_they_were_asked_for() {
    let (mut reading, one) = Reading::open(true, 256 << 10, 100);
    let two = UdpSocket::bind("127.0.0.1:0").unwrap();
    two.connect(one.peer_addr().unwrap()).unwrap();
    let mut read = |senders: [&UdpSocket; 3]| {
        for sender in senders {
            sender.send(b"").unwrap();
        }
        sleep(Duration::from_millis(50));
        let places: Vec<_> = reading.read(usize::MAX).0.into_iter().map(|(_, origin)| origin).collect();
        (places, reading.datagrams.take_origins())
    };
    let [first, second] = [&one, &two].map(|sender| sender.local_addr().unwrap());
    assert_eq!(read([&one, &two, &one]), (vec![0, 1, 0], vec![first, second]));
    assert_eq!(read([&two, &two, &one]), (vec![0, 0, 1], vec![second, first]));
}

#[test]
fn an_address_may_name_its_zone() {
    let local = zone::address("fe80::1%lo", 5).unwrap();
    assert_eq!(zone::text(local), "fe80::1%lo");
    assert_eq!(zone::address("fe80::1%1", 5), Some(local), "the first interface is the loopback");
    for (text, plain) in [("127.0.0.1", "127.0.0.1"), ("::ffff:127.0.0.1", "127.0.0.1"), ("::1", "::1")] {
        assert_eq!(zone::text(zone::address(text, 5).unwrap()), plain);
    }
    for wrong in ["nowhere", "127.0.0.1%lo", "fe80::1%nowhere", "fe80::1%", "fe80::1%l\0o"] {
        assert_eq!(zone::address(wrong, 5), None);
    }
}

#[test]
fn who_has_sent_what_is_dropped_is_not_remembered() {
    let (mut reading, sender) = Reading::open(true, 256 << 10, 100);
    sender.send(b"a").unwrap();
    sleep(Duration::from_millis(50));
    assert_eq!(reading.read(0), (vec![], false, 1));
    assert_eq!(reading.datagrams.take_origins(), []);
}

#[test]
fn senders_over_ipv6_have_their_address() {
    let Ok(socket) = UdpSocket::bind("[::1]:0") else { return };
    socket.set_nonblocking(true).unwrap();
    let sender = UdpSocket::bind("[::1]:0").unwrap();
    sender.send_to(b"a", socket.local_addr().unwrap()).unwrap();
    let mut received = Received::new();
    sleep(Duration::from_millis(50));
    received.fill(&socket).unwrap();
    assert_eq!(received.get(0), (&b"a"[..], sender.local_addr().unwrap()));
}
