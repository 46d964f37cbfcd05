//! Events as the elements of a Thrift list, for servers of Flume's.

use super::Protocol;
use crate::batch::{Event, Run, headers};

/// Writes the events of a run to the front of `target`, as the elements of a list without its head, and answers how many bytes that takes; when these
/// are more than `target` has, it must be tried again with so many.
#[must_use]
pub fn encode(run: &Run<'_>, protocol: Protocol, target: &mut [u8]) -> usize {
    let mut out = Target { bytes: target, at: 0 };
    for event in run.iter() {
        match protocol {
            Protocol::Compact => out.compact(event),
            Protocol::Binary => out.binary(event),
        }
    }
    out.at
}

struct Target<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl Target<'_> {
    fn compact(&mut self, event: Event<'_>) {
        let count = headers(event.headers).count();
        self.put(&[0x1b]);
        self.varint(count);
        if count > 0 {
            self.put(&[0x88]);
        }
        for (key, value) in headers(event.headers) {
            for text in [key, value] {
                self.varint(text.len());
                self.put(text.as_bytes());
            }
        }
        self.put(&[0x18]);
        self.varint(event.body.len());
        self.put(event.body);
        self.put(&[0]);
    }

    fn binary(&mut self, event: Event<'_>) {
        self.put(&[13, 0, 1, 11, 11]);
        self.int(headers(event.headers).count());
        for (key, value) in headers(event.headers) {
            for text in [key, value] {
                self.int(text.len());
                self.put(text.as_bytes());
            }
        }
        self.put(&[11, 0, 2]);
        self.int(event.body.len());
        self.put(event.body);
        self.put(&[0]);
    }

    /// What does not fit is only counted.
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        if let Some(target) = self.bytes.get_mut(self.at..end) {
            target.copy_from_slice(bytes);
        }
        self.at = end;
    }

    fn int(&mut self, number: usize) {
        self.put(&(number as u32).to_be_bytes());
    }

    fn varint(&mut self, number: usize) {
        let mut rest = number;
        while rest >= 0x80 {
            self.put(&[rest as u8 | 0x80]);
            rest >>= 7;
        }
        self.put(&[rest as u8]);
    }
}
