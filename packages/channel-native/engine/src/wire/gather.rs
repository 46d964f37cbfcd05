//! Requests of many connections, gathered so that one put takes all their events.
//!
//! Whoever gathers looks only at bytes: nothing is remembered of a connection, and what is not whole and plain is left to who can decide.

use std::ops::Range;

use super::{Call, ENTRY_BYTES, Outcome, Protocol, Reader, Wire};
use crate::batch::{Entry, Run, Size};

/// Memory for events and their entries.
const BLOCK_ENTRIES: usize = (256 << 10) / ENTRY_BYTES;

/// What an answer is, besides the serial of its request: the bytes in front of that, without a frame's length, and those behind it.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// In front.
    pub before: Vec<u8>,
    /// Behind.
    pub behind: Vec<u8>,
}

/// What the requests of a piece are, when all of them were gathered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gathered {
    /// How many events they have.
    pub events: usize,
    /// How many of them are of one event each.
    pub appends: usize,
    /// How many are of many.
    pub batches: usize,
    /// Where their answers are.
    pub answers: Range<usize>,
}

/// Gathers requests.
pub struct Gatherer {
    wire: Wire,
    bytes_max: usize,
    /// Stands at a border between requests.
    reader: Reader,
    block: Vec<Entry>,
    written: Size,
    answers: Vec<u8>,
    append: Answer,
    batch: Answer,
}

impl Gatherer {
    /// For requests of at most `bytes_max` bytes, which are answered with `append` and `batch` when they are put.
    #[must_use]
    pub fn new(wire: Wire, bytes_max: usize, append: Answer, batch: Answer) -> Self {
        let block = vec![Entry::default(); BLOCK_ENTRIES];
        let reader = reader_of(wire, bytes_max);
        Self { wire, bytes_max, reader, block, written: Size::default(), answers: Vec::new(), append, batch }
    }

    /// Gathers what a connection sent behind a border between requests. `None`, and nothing of it was gathered, when that is anything but whole requests
    /// with events that want an answer, or these are more than `events_max`, or there is no more room.
    pub fn add(&mut self, piece: &[u8], events_max: usize) -> Option<Gathered> {
        // Saves the work on what is cut.
        if !ends_with_a_message(piece, self.wire) {
            return None;
        }
        let before = self.written;
        let gathered = self.requests_of(piece).filter(|gathered| gathered.events <= events_max);
        if gathered.is_none() {
            self.reader = reader_of(self.wire, self.bytes_max);
            self.written = before;
        }
        gathered
    }

    fn requests_of(&mut self, piece: &[u8]) -> Option<Gathered> {
        let start = self.answers.len();
        let mut gathered = Gathered::default();
        let mut at = 0;
        while at < piece.len() {
            let Size { events, bytes } = self.written;
            let block: &mut [u8] = bytemuck::cast_slice_mut(&mut self.block);
            let end = block.len() - events * ENTRY_BYTES;
            let (progress, more) = self.reader.read(piece, at, &mut block[bytes..end], bytes as u32).ok()?;
            let request = self.reader.request();
            if progress.outcome != Outcome::Whole || request.oneway || more.events == 0 {
                return None;
            }
            let answer = match request.call {
                Call::Append => &self.append,
                Call::AppendBatch => &self.batch,
                Call::Ping | Call::Other => return None,
            };
            gathered.appends += usize::from(request.call == Call::Append);
            gathered.batches += usize::from(request.call == Call::AppendBatch);
            push_answer(&mut self.answers, self.wire, answer, request.serial);
            gathered.events += more.events;
            self.written = Size { events: events + more.events, bytes: bytes + more.bytes };
            at = progress.consumed;
        }
        gathered.answers = start..self.answers.len();
        Some(gathered)
    }

    /// All events gathered, in order.
    #[must_use]
    pub fn run(&self) -> Run<'_> {
        let table = &self.block[self.block.len() - self.written.events..];
        Run::trusted(&bytemuck::cast_slice(&self.block)[..self.written.bytes], table, 0)
    }

    /// Answers that were gathered with the requests.
    #[must_use]
    pub fn answers(&self, range: Range<usize>) -> &[u8] {
        &self.answers[range]
    }

    /// How many bytes the events take.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.written.bytes
    }

    /// Forgets everything gathered.
    pub fn clear(&mut self) {
        self.written = Size::default();
        self.answers.clear();
    }
}

/// Whether a piece that begins with a message ends with one, as far as the lengths tell.
fn ends_with_a_message(piece: &[u8], wire: Wire) -> bool {
    let mut rest = piece;
    while !rest.is_empty() {
        let Some(behind) = behind_message(rest, wire) else { return false };
        rest = behind;
    }
    true
}

fn behind_message(message: &[u8], wire: Wire) -> Option<&[u8]> {
    let number = |rest: &mut &[u8]| {
        let (number, behind) = rest.split_first_chunk()?;
        *rest = behind;
        Some(u32::from_be_bytes(*number))
    };
    let mut rest = message;
    let buffers = if wire == Wire::Avro { number(&mut rest).and_then(|_serial| number(&mut rest))? } else { 1 };
    for _ in 0..buffers {
        let length = number(&mut rest)?;
        rest = rest.get(length as usize..)?;
    }
    Some(rest)
}

/// A reader behind every handshake.
fn reader_of(wire: Wire, bytes_max: usize) -> Reader {
    let mut reader = Reader::new(wire, bytes_max);
    reader.matched();
    reader
}

/// An Avro message has its frames in the answer; those of Thrift have their length in front.
fn push_answer(answers: &mut Vec<u8>, wire: Wire, Answer { before, behind }: &Answer, serial: u32) {
    let start = answers.len();
    if wire != Wire::Avro {
        answers.extend([0; 4]);
    }
    answers.extend(before);
    if wire == Wire::Thrift(Protocol::Compact) {
        let mut rest = serial;
        while rest >= 0x80 {
            answers.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        answers.push(rest as u8);
    } else {
        answers.extend(serial.to_be_bytes());
    }
    answers.extend(behind);
    if wire != Wire::Avro {
        let length = (answers.len() - start - 4) as u32;
        answers[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::Index};

    use super::{
        super::model::{Got, Sent, WIRES, read_all, sent},
        *,
    };
    use crate::batch::model::{Plain, cases, read};

    const LIMIT: usize = 1 << 20;
    /// What no protocol has, and shows where answers begin and end.
    const ANSWERS: [&[u8]; 4] = [b"<append ", b" append>", b"<batch ", b" batch>"];

    fn new(wire: Wire) -> Gatherer {
        let [append, batch] =
            [0, 2].map(|at| Answer { before: ANSWERS[at].to_vec(), behind: ANSWERS[at + 1].to_vec() });
        Gatherer::new(wire, LIMIT, append, batch)
    }

    fn stream(wire: Wire, sent: &[Sent]) -> Vec<u8> {
        let frame = |sent: &Sent| match wire {
            Wire::Avro => sent.avro(None).0,
            Wire::Thrift(protocol) => sent.thrift(protocol).0,
        };
        sent.iter().flat_map(frame).collect()
    }

    /// What whoever decides about requests one by one would make of these bytes, if there is nothing to decide.
    fn expected(wire: Wire, stream: &[u8]) -> Option<(Gathered, Vec<Plain>, Vec<u8>)> {
        let mut reader = reader_of(wire, LIMIT);
        let (requests, result) = read_all(&mut reader, stream, &[], 1 << 16);
        let plain = |(request, events): &Got| {
            !request.oneway && !events.is_empty() && matches!(request.call, Call::Append | Call::AppendBatch)
        };
        if result.is_err() || reader.unfinished_bytes() > 0 || !requests.iter().all(plain) {
            return None;
        }
        let of = |call| requests.iter().filter(|(request, _)| request.call == call).count();
        let answers: Vec<u8> =
            requests.iter().flat_map(|(request, _)| answer(wire, request.call, request.serial)).collect();
        let events: Vec<Plain> = requests.iter().flat_map(|(_, events)| events.clone()).collect();
        let (appends, batches) = (of(Call::Append), of(Call::AppendBatch));
        Some((Gathered { events: events.len(), appends, batches, answers: 0..answers.len() }, events, answers))
    }

    fn answer(wire: Wire, call: Call, serial: u32) -> Vec<u8> {
        let at = if call == Call::Append { 0 } else { 2 };
        let serial = match wire {
            Wire::Thrift(Protocol::Compact) => (0..5)
                .map(|index| (serial >> (7 * index), serial.checked_shr(7 * (index + 1)).unwrap_or(0)))
                .take_while(|(rest, _)| *rest > 0)
                .map(|(rest, more)| rest as u8 & 0x7f | if more > 0 { 0x80 } else { 0 })
                .collect(),
            _ => serial.to_be_bytes().to_vec(),
        };
        let serial = if serial.is_empty() { vec![0] } else { serial };
        let content = [ANSWERS[at], &serial, ANSWERS[at + 1]].concat();
        let length = (content.len() as u32).to_be_bytes();
        [if wire == Wire::Avro { &[] } else { length.as_slice() }, &content].concat()
    }

    #[test]
    fn requests_that_leave_nothing_to_decide_are_gathered_with_their_answers() {
        let call = b"\x00\x00\x00\x19\x82\x21\x01\x06append\x1c\x1b\x01\x88\x01k\x01v\x18\x03abc\x00\x00";
        let mut gatherer = new(Wire::Thrift(Protocol::Compact));
        for times in 1..=2 {
            let piece = call.repeat(times);
            let added = gatherer.add(&piece, usize::MAX).unwrap();
            assert_eq!((added.events, added.appends, added.batches), (times, times, 0));
            let one = b"\x00\x00\x00\x11<append \x01 append>";
            assert_eq!(gatherer.answers(added.answers), one.repeat(times));
        }
        assert_eq!(gatherer.run().len(), 3);
        gatherer.clear();
        assert_eq!(gatherer.add(call, usize::MAX).unwrap().answers.start, 0);
    }

    #[test]
    fn a_block_that_is_full_takes_nothing_more_until_it_is_cleared() {
        let body = [b"\0\x0cappend\0\x80\x80\x02".as_slice(), &[b'x'; 16 << 10]].concat();
        let piece = [b"\0\0\0\x07\0\0\0\x01".as_slice(), &(body.len() as u32).to_be_bytes(), &body].concat();
        let mut gatherer = new(Wire::Avro);
        let fitted = (0..100).take_while(|_| gatherer.add(&piece, usize::MAX).is_some()).count();
        assert_eq!((fitted, gatherer.run().len()), (15, 15));
        assert!(gatherer.run().iter().all(|event| event.body == [b'x'; 16 << 10]));
        gatherer.clear();
        assert!(gatherer.add(&piece, usize::MAX).is_some());
    }

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn a_piece_is_gathered_exactly_when_there_is_nothing_to_decide_and_as_it_would_be_read(
            sent in vec(vec(sent(), 1..3), 1..4),
            damage in vec((any::<Index>(), any::<u8>()), 0..2),
            cut in any::<Index>(),
            events_max in 1_usize..30,
        ) {
            for wire in WIRES {
                let mut pieces: Vec<_> = sent.iter().map(|sent| stream(wire, sent)).collect();
                let (whole, mut damaged) = (pieces[0].clone(), pieces[0].clone());
                pieces.push(whole[..cut.index(whole.len())].to_vec());
                for (at, byte) in &damage {
                    *at.get_mut(&mut damaged) = *byte;
                }
                pieces.insert(1, damaged);

                let mut gatherer = new(wire);
                let mut all = vec![];
                for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
                    let added = gatherer.add(piece, events_max);
                    let expected = expected(wire, piece).filter(|(gathered, ..)| gathered.events <= events_max);
                    prop_assert_eq!(added.is_some(), expected.is_some(), "{:02x?}", piece);
                    if let (Some(added), Some((numbers, events, answers))) = (added, expected) {
                        prop_assert_eq!(gatherer.answers(added.answers.clone()), answers);
                        prop_assert_eq!(Gathered { answers: numbers.answers.clone(), ..added }, numbers);
                        all.extend(events);
                    }
                }
                prop_assert_eq!(read(&gatherer.run()), all);
            }
        }
    }
}
