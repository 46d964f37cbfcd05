//! One write: the puts and acknowledgements that were waiting, as records one behind the other.

use std::{
    io::{self, IoSlice},
    ops::Range,
};

use super::{
    StorageFile,
    layout::{Kind, PAGE, Position, RECORD_ALIGN, RECORD_HEADER_LEN, RecordHeader, checksum, encode_ack, put_len},
};
use crate::{
    batch::Run,
    channel::{Gathered, Placed, Staged},
};

/// Payloads up to this length are copied together; larger ones are written from where they are.
const COPIED_MAX: usize = 4096;
const ZEROS: [u8; PAGE as usize] = [0; PAGE as usize];

enum Piece<'a> {
    /// Headers and small payloads, in `Group::copied`.
    Copied(Range<usize>),
    Bytes(&'a [u8]),
}

/// A group that is about to be written.
pub(super) struct Group<'a> {
    start: u32,
    copied: Vec<u8>,
    pieces: Vec<Piece<'a>>,
    pub placed: Vec<Placed>,
    pub next_ordinal: u64,
    pub next_sequence: u64,
}

const fn record_len(payload_len: u64) -> u64 {
    (RECORD_HEADER_LEN as u64 + payload_len).next_multiple_of(RECORD_ALIGN as u64)
}

const fn payload_len(run: &Run<'_>) -> u64 {
    put_len(run.byte_len() as u32, run.len() as u32)
}

impl<'a> Group<'a> {
    /// How many bytes a group of this work has, whole pages.
    pub fn len_of(work: &Gathered<'_>) -> u64 {
        let puts: u64 = work.puts().map(|put| record_len(payload_len(&put.run))).sum();
        let acks = if work.acks().is_empty() { 0 } else { record_len(work.acks().len() as u64 * 16) };
        (puts + acks).next_multiple_of(u64::from(PAGE))
    }

    /// Lays the work out from `at` on, with the next ordinals of the directory.
    pub fn new(
        work: &'a Gathered<'_>,
        lane: usize,
        log_id: u64,
        at: Position,
        durable: Position,
        (next_ordinal, next_sequence): (u64, u64),
        now_ms: u64,
    ) -> Self {
        let mut group = Self {
            start: at.offset,
            copied: Vec::new(),
            pieces: Vec::new(),
            placed: Vec::new(),
            next_ordinal,
            next_sequence,
        };
        let mut offset = at.offset;
        let mut left = work.puts().len() + usize::from(!work.acks().is_empty());
        for put in work.puts() {
            left -= 1;
            let header = RecordHeader {
                kind: Kind::Put,
                last: left == 0,
                payload_len: payload_len(&put.run) as u32,
                payload_crc: put.crc,
                sequence: put.sequence,
                ordinal: group.next_ordinal,
                events: put.run.len() as u32,
                base: put.run.base(),
                time_ms: put.time_ms,
                durable,
                bytes: put.run.byte_len() as u32,
            };
            let record_at = Position { offset, ..at };
            group.copy(&header.encode(log_id, record_at));
            group.push_put(&put);
            // Reading goes on here, so that behind a group it is not in what pads it.
            let end = Position { offset: header.next(offset) as u32, ..at };
            offset += record_len(header.payload_len.into()) as u32;
            group.placed.push(Placed { lane, ordinal: header.ordinal, at: record_at, end });
            group.next_ordinal += u64::from(header.events);
            group.next_sequence = put.sequence + 1;
        }
        if left > 0 {
            group.push_acks(work.acks(), log_id, Position { offset, ..at }, durable, now_ms);
        }
        group
    }

    fn push_put(&mut self, put: &Staged<'a>) {
        let events = put.run.bytes();
        let table: &[u8] = bytemuck::cast_slice(put.run.table());
        let gap = &ZEROS[..events.len().next_multiple_of(RECORD_ALIGN as usize) - events.len()];
        for part in [events, gap, table] {
            if events.len() + table.len() <= COPIED_MAX {
                self.copy(part);
            } else {
                self.pieces.push(Piece::Bytes(part));
            }
        }
    }

    fn push_acks(&mut self, acks: &[Range<u64>], log_id: u64, at: Position, durable: Position, now_ms: u64) {
        let payload = encode_ack(acks.iter().cloned());
        let header = RecordHeader {
            kind: Kind::Ack,
            last: true,
            payload_len: payload.len() as u32,
            payload_crc: checksum(&payload),
            sequence: self.next_sequence,
            ordinal: self.next_ordinal,
            events: 0,
            base: 0,
            time_ms: now_ms,
            durable,
            bytes: 0,
        };
        self.copy(&header.encode(log_id, at));
        self.copy(&payload);
    }

    fn copy(&mut self, bytes: &[u8]) {
        let from = self.copied.len();
        self.copied.extend_from_slice(bytes);
        match self.pieces.last_mut() {
            Some(Piece::Copied(last)) => last.end += bytes.len(),
            _ => self.pieces.push(Piece::Copied(from..from + bytes.len())),
        }
    }

    /// Writes it, padded to whole pages.
    pub fn write<F: StorageFile>(&self, file: &F) -> io::Result<()> {
        let mut slices: Vec<_> = self
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Copied(range) => IoSlice::new(&self.copied[range.clone()]),
                Piece::Bytes(bytes) => IoSlice::new(bytes),
            })
            .collect();
        let len: usize = slices.iter().map(|it| it.len()).sum();
        slices.push(IoSlice::new(&ZEROS[..len.next_multiple_of(PAGE as usize) - len]));
        file.write_at(u64::from(self.start), &mut slices)
    }
}
