//! Writes logs for tests as a writer on a healthy disk would, and reads them back as a reader would.

use std::{collections::BTreeMap, io::IoSlice, ops::Range, sync::Arc};

use super::{
    Consumed, Position, Storage, StorageFile,
    checkpoint::{self, Checkpoint},
    layout::*,
    scan::{Extent, Found, Scan, Slab},
    sim::{SimDisk, SimFile, World},
};
use crate::batch::{Entry, Run, Space};

/// The log id of every log that is built.
pub(crate) const LOG_ID: u64 = 0x1090_1d00_feed_beef;

/// A record to be written.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    /// So many events, each of [`body`].
    Put(u32),
    /// The take of these events was committed.
    Ack(Range<u64>),
}

/// Where a record was written.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub work: Work,
    pub at: Position,
    /// Behind its padding.
    pub end: u32,
    pub header: RecordHeader,
}

/// A log under construction. Whoever changes what is public tells what he wants to happen.
pub(crate) struct Build {
    pub world: World,
    pub disk: SimDisk,
    pub checkpoints: Vec<Arc<SimDisk>>,
    pub segment: SegmentHeader,
    pub at: u32,
    pub durable: Position,
    /// Whether each group is synced before the next.
    pub syncs: bool,
    pub next_ordinal: u64,
    pub next_sequence: u64,
    pub generation: u64,
    /// Of all segments but the last, the newest first.
    pub endings: Vec<Ending>,
    pub records: Vec<Written>,
    file: Option<SimFile>,
}

/// The body of an event. Some are long, and some are empty.
pub(crate) fn body(ordinal: u64) -> Vec<u8> {
    let text = format!("event {ordinal} ");
    text.into_bytes().repeat([1, 0, 40, 3][ordinal as usize % 4])
}

impl Build {
    /// An empty directory, and one for checkpoints.
    pub fn new() -> Self {
        let world = World::new(0);
        let segment = SegmentHeader {
            log_id: LOG_ID,
            number: 0,
            nonce: 0,
            first_ordinal: 0,
            first_sequence: 0,
            begun_ms: 1_800_000_000_000,
            length: 0,
            synced_in_intervals: false,
            directories: 1,
            endings: Vec::new(),
        };
        Self {
            world: world.clone(),
            disk: world.directory("/data"),
            checkpoints: vec![Arc::new(world.directory("/checkpoint"))],
            segment,
            at: 0,
            durable: Position::default(),
            syncs: true,
            next_ordinal: 0,
            next_sequence: 0,
            generation: 0,
            endings: Vec::new(),
            records: Vec::new(),
            file: None,
        }
    }

    /// With a segment to write to.
    pub fn begun(length: u32) -> Self {
        let mut build = Self::new();
        build.begin(length);
        build
    }

    /// Ends the segment and begins another.
    pub fn begin(&mut self, length: u32) {
        if self.file.is_some() {
            let ending = Ending { number: self.segment.number, end: self.at, next_ordinal: self.next_ordinal };
            self.endings.insert(0, ending);
        }
        self.segment.number += 1;
        self.segment.nonce = self.segment.number * 1000;
        self.segment.first_ordinal = self.next_ordinal;
        self.segment.first_sequence = self.next_sequence;
        self.segment.length = length;
        self.segment.endings = self.endings.iter().take(ENDINGS_MAX).copied().collect();
        let file = self.disk.create(&segment_name(self.segment.number)).unwrap();
        let zeros = vec![0; length as usize - RECORDS_AT as usize];
        file.write_at(0, &mut [IoSlice::new(&self.segment.encode()), IoSlice::new(&zeros)]).unwrap();
        file.sync().unwrap();
        self.disk.sync_names().unwrap();
        self.at = RECORDS_AT;
        self.durable = Position { segment: self.segment.number, offset: self.at };
        self.file = Some(file);
    }

    /// How many bytes a group would take.
    pub fn len_of(work: &[Work]) -> u32 {
        let len = |work: &Work| match work {
            Work::Put(events) => 64 + events * 1000,
            Work::Ack(_) => 80,
        };
        work.iter().map(len).sum::<u32>().next_multiple_of(PAGE)
    }

    /// Writes a group, which has to fit.
    pub fn group(&mut self, work: &[Work]) -> u32 {
        let mut bytes = Vec::new();
        let start = self.at;
        for (index, one) in work.iter().enumerate() {
            let last = index + 1 == work.len();
            let (header, payload) = self.record(one, last);
            let at = Position { segment: self.segment.number, offset: start + bytes.len() as u32 };
            bytes.extend(header.encode(LOG_ID, at));
            bytes.extend(payload);
            bytes.resize(header.next(at.offset) as usize - start as usize, 0);
            self.records.push(Written { work: one.clone(), at, end: start + bytes.len() as u32, header });
        }
        self.write(start, &bytes);
        self.at += bytes.len() as u32;
        if self.syncs {
            self.durable.offset = self.at;
        }
        start
    }

    /// A group of one put.
    pub fn put(&mut self, events: u32) -> Written {
        self.group(&[Work::Put(events)]);
        self.records.last().unwrap().clone()
    }

    fn record(&mut self, work: &Work, last: bool) -> (RecordHeader, Vec<u8>) {
        let header = RecordHeader {
            kind: Kind::Put,
            last,
            payload_len: 0,
            payload_crc: 0,
            sequence: self.next_sequence,
            ordinal: self.next_ordinal,
            events: 0,
            base: 16,
            time_ms: 1_800_000_000_000 + self.next_sequence,
            durable: self.durable,
            bytes: 0,
        };
        match work {
            Work::Put(events) => {
                self.next_sequence += 1;
                self.next_ordinal += u64::from(*events);
                let (bytes, payload) = encode_put(header.ordinal..self.next_ordinal);
                let payload_len = payload.len() as u32;
                (
                    RecordHeader { payload_len, payload_crc: checksum(&payload), events: *events, bytes, ..header },
                    payload,
                )
            }
            Work::Ack(range) => {
                let payload = encode_ack([range.clone()]);
                let payload_crc = checksum(&payload);
                (RecordHeader { kind: Kind::Ack, payload_len: 16, payload_crc, base: 0, ..header }, payload)
            }
        }
    }

    /// Writes a checkpoint of the end of the log.
    pub fn checkpoint(&mut self, consumed: Consumed) -> Checkpoint {
        self.generation += 1;
        let checkpoint = Checkpoint {
            log_id: LOG_ID,
            generation: self.generation,
            position: self.durable,
            nonce: self.segment.nonce,
            next_ordinal: self.next_ordinal,
            next_sequence: self.next_sequence,
            lowest_segment: 1,
            consumed,
        };
        self.write_checkpoint(&checkpoint);
        checkpoint
    }

    pub fn write_checkpoint(&self, checkpoint: &Checkpoint) {
        for directory in &self.checkpoints {
            let name = checkpoint_name(LOG_ID);
            let file = directory.open(&name).or_else(|_| directory.create(&name)).unwrap();
            checkpoint::write(&file, checkpoint).unwrap();
        }
    }

    /// Writes anything into the last segment.
    pub fn write(&self, offset: u32, bytes: &[u8]) {
        let file = self.file.as_ref().unwrap();
        assert!(u64::from(offset) + bytes.len() as u64 <= u64::from(self.segment.length), "the group does not fit");
        file.write_at(offset.into(), &mut [IoSlice::new(bytes)]).unwrap();
        file.sync().unwrap();
    }

    /// Changes bytes of a segment.
    pub fn damage(&self, number: u64, change: impl FnOnce(&mut Vec<u8>)) {
        self.disk.damage(&segment_name(number), change).unwrap();
    }

    /// Inverts a byte of a segment.
    pub fn flip(&self, number: u64, offset: u32) {
        self.damage(number, |bytes| bytes[offset as usize] ^= 0xff);
    }

    /// The file of a segment.
    pub fn open(&self, number: u64) -> SimFile {
        self.disk.open(&segment_name(number)).unwrap()
    }
}

/// The bytes of the events, and the payload.
fn encode_put(ordinals: Range<u64>) -> (u32, Vec<u8>) {
    let events = (ordinals.end - ordinals.start) as usize;
    let (mut bytes, mut table) = (vec![0; events * 1000], vec![Entry::default(); events]);
    let mut space = Space::new(&mut bytes, &mut table, 16);
    for ordinal in ordinals {
        space.push(&[0], &body(ordinal)).unwrap();
    }
    let run = space.run();
    let zeros = vec![0; run.byte_len().next_multiple_of(8) - run.byte_len()];
    (run.byte_len() as u32, [run.bytes(), &zeros, bytemuck::cast_slice(run.table())].concat())
}

/// The bodies of a segment's events by their ordinals. Each must be what was written under its ordinal.
pub(crate) fn events<F: StorageFile>(file: &F, number: u64, end: u32) -> BTreeMap<u64, Vec<u8>> {
    let from = Position { segment: number, offset: RECORDS_AT };
    let mut scan = Scan::new(file, LOG_ID, from, Extent::Stated(end), Slab::default()).unwrap();
    let mut events = BTreeMap::new();
    loop {
        match scan.next().unwrap() {
            Found::Record(record) if record.header.kind == Kind::Put => {
                let (bytes, table) = put_parts(&record.header, record.payload).unwrap();
                let run = Run::new(bytes, &table, record.header.base).unwrap();
                for (ordinal, event) in (record.header.ordinal..).zip(run.iter()) {
                    assert_eq!(event.body, body(ordinal));
                    events.insert(ordinal, event.body.to_vec());
                }
            }
            Found::End(_) => return events,
            Found::Record(_) | Found::Damage(_) => {}
        }
    }
}
