//! Segments that are not this channel's, and headers that can be read no more.

use std::{collections::BTreeMap, io, sync::Arc};

use super::{
    super::{
        Position, Segment, Storage, StorageFile, checkpoint,
        layout::{
            ENDINGS_MAX, Ending, HeaderFault, RECORDS_AT, RecordHeader, SegmentHeader, checkpoint_log_id,
            checkpoint_name, segment_name, segment_number,
        },
        opening::random,
        recovery::recover,
        scan::{Extent, Scan, Slab},
    },
    Act, Step, quarantine,
};
use crate::error::{Error, Result};

/// A segment, and the two copies of its header.
struct Sight<F> {
    number: u64,
    file: F,
    length: u32,
    copies: [std::result::Result<SegmentHeader, HeaderFault>; 2],
}

/// Moves segments out of the way that opening refuses because they are not of this log, or not to be read by this version.
pub(super) fn strangers<S: Storage>(data: &Arc<S>, checkpoints: &[Arc<S>]) -> Result<Vec<Step<S>>> {
    let sights = see(&**data)?;
    let id = log_id(&sights, checkpoints)?;
    let mut steps = Vec::new();
    for sight in &sights {
        let name = segment_name(sight.number);
        let later =
            sight.copies.iter().find_map(|copy| copy.as_ref().err().filter(|fault| **fault != HeaderFault::Unreadable));
        let why = match (sight.header(), id) {
            _ if later.is_some() => {
                "was written by a later version of Millrace, and its events are out of reach of this one: rather run that version, if you can"
            }
            (Some(header), _) if header.number > sight.number => {
                let to = segment_name(header.number);
                if sights.iter().any(|other| other.number == header.number) {
                    "says that it is another segment, which is there as well"
                } else {
                    let why = "says that this is its name".into();
                    steps.push(Step::new(data, Act::Rename { from: name, to, why }));
                    continue;
                }
            }
            (Some(header), Some(id)) if header.log_id != id => {
                "belongs to another channel, or to another data directory of this one"
            }
            (None, None) if sight.is_in_use().map_err(|error| failed(&**data, sight.number, &error))? => {
                "has no header, and no checkpoint says to which channel it belongs, so that nothing in it can be read"
            }
            _ => continue,
        };
        steps.push(quarantine(data, &name, why.into())?);
    }
    Ok(steps)
}

/// Makes headers where both copies are lost, of what the records behind them say, the checkpoints and the other headers.
pub(super) fn lost<S: Storage>(data: &Arc<S>, checkpoints: &[Arc<S>]) -> Result<Vec<Step<S>>> {
    let sights = see(&**data)?;
    let Some(log_id) = log_id(&sights, checkpoints)? else { return Ok(Vec::new()) };
    let is_known = sights.iter().any(|sight| sight.header().is_some());
    let mut headers = Vec::new();
    for sight in sights.iter().filter(|sight| sight.own_header().is_none()) {
        headers.extend(sight.rebuilt(&**data, log_id, checkpoints)?);
        if !is_known && !headers.is_empty() {
            // Opening knows the log by this one, and with its help the others are made next: each names those before it that are needed.
            break;
        }
    }
    if is_known && !headers.is_empty() {
        let recovered = recover(&**data, checkpoints)?;
        let ending = |it: &Segment<S::File>| Ending { number: it.number, end: it.end, next_ordinal: it.next_ordinal };
        for header in &mut headers {
            let before = recovered.segments.iter().rev().filter(|it| it.number < header.number);
            header.endings = before.map(ending).take(ENDINGS_MAX).collect();
            header.directories = recovered.directories;
        }
    }
    let steps = headers.into_iter().flat_map(|header| {
        let keep = Act::Keep { number: header.number };
        [keep, Act::Header { header: Box::new(header), of: "what its records and its neighbours say" }]
    });
    Ok(steps.map(|act| Step::new(data, act)).collect())
}

/// Writes the header of a segment again from its other copy.
pub(super) fn restored<S: Storage>(data: &Arc<S>, number: u64) -> Result<Option<Step<S>>> {
    let sight = Sight::read(&**data, number).map_err(|error| failed(&**data, number, &error))?;
    let write = |copy: &SegmentHeader| Act::Header { header: Box::new(copy.clone()), of: "its other copy" };
    Ok(sight.own_header().map(|copy| Step::new(data, write(copy))))
}

fn see<S: Storage>(data: &S) -> Result<Vec<Sight<S::File>>> {
    let names = data.list().map_err(|error| Error::disk("list", &data.path(), &error))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| segment_number(name)).collect();
    numbers.sort_unstable();
    let sight = |number| Sight::read(data, number).map_err(|error| failed(data, number, &error));
    numbers.into_iter().map(sight).collect()
}

/// The log that a directory is of: what most of its headers say, above all those of which there are checkpoints. Where there is no
/// header, the one of which there are checkpoints by which records can be read.
fn log_id<S: Storage>(sights: &[Sight<S::File>], checkpoints: &[Arc<S>]) -> Result<Option<u64>> {
    let mut known = Vec::new();
    for storage in checkpoints {
        let names = storage.list().map_err(|error| Error::disk("list", &storage.path(), &error))?;
        known.extend(names.iter().filter_map(|name| checkpoint_log_id(name)));
    }
    let mut votes: BTreeMap<u64, (bool, u32, u64)> = BTreeMap::new();
    for header in sights.iter().filter_map(Sight::header) {
        let (_, count, newest) = votes.get(&header.log_id).copied().unwrap_or_default();
        let vote = (known.contains(&header.log_id), count + 1, newest.max(header.begun_ms));
        votes.insert(header.log_id, vote);
    }
    if let Some((id, _)) = votes.into_iter().max_by_key(|(_, vote)| *vote) {
        return Ok(Some(id));
    }
    for id in known {
        for sight in sights {
            if matches!(sight.first_record(id), Ok(Some(_))) {
                return Ok(Some(id));
            }
        }
    }
    Ok(None)
}

/// Of the segments that checkpoints of this log name, the nonces.
fn nonces<S: Storage>(storages: &[Arc<S>], log_id: u64) -> Result<BTreeMap<u64, u64>> {
    let name = checkpoint_name(log_id);
    let mut nonces = BTreeMap::new();
    for storage in storages {
        let slots = match storage.open(&name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened.and_then(|file| checkpoint::read(&file)),
        };
        let slots = slots.map_err(|error| Error::disk("read", &storage.path().join(&name), &error))?;
        nonces.extend(slots.checkpoints.iter().map(|checkpoint| (checkpoint.position.segment, checkpoint.nonce)));
    }
    Ok(nonces)
}

fn failed<S: Storage>(data: &S, number: u64, error: &io::Error) -> Error {
    Error::disk("read", &data.path().join(segment_name(number)), error)
}

impl<F: StorageFile> Sight<F> {
    /// A header as its first record and the checkpoints know it; none without records.
    fn rebuilt<S: Storage>(&self, data: &S, log_id: u64, checkpoints: &[Arc<S>]) -> Result<Option<SegmentHeader>> {
        let Some(first) = self.first_record(log_id).map_err(|error| failed(data, self.number, &error))? else {
            return Ok(None);
        };
        let nonces = nonces(checkpoints, log_id)?;
        Ok(Some(SegmentHeader {
            log_id,
            number: self.number,
            nonce: nonces.get(&self.number).copied().unwrap_or_else(random),
            first_ordinal: first.ordinal,
            first_sequence: first.sequence,
            begun_ms: first.time_ms,
            length: self.length,
            synced_in_intervals: false,
            directories: 1,
            endings: Vec::new(),
        }))
    }

    fn read<S: Storage<File = F>>(data: &S, number: u64) -> io::Result<Self> {
        let file = data.open(&segment_name(number))?;
        let length = u32::try_from(file.len()?).unwrap_or(u32::MAX);
        let mut bytes = vec![0; length.min(RECORDS_AT) as usize];
        file.read_at(0, &mut bytes)?;
        let copies = SegmentHeader::decode_copies(&bytes);
        Ok(Self { number, file, length, copies })
    }

    /// The newer copy of the header.
    fn header(&self) -> Option<&SegmentHeader> {
        self.copies.iter().flatten().max_by_key(|header| header.number)
    }

    /// A copy of the header that is this segment's.
    fn own_header(&self) -> Option<&SegmentHeader> {
        self.header().filter(|header| header.number == self.number)
    }

    /// The first record that can be read.
    fn first_record(&self, log_id: u64) -> io::Result<Option<RecordHeader>> {
        let from = Position { segment: self.number, offset: RECORDS_AT };
        let mut scan = Scan::new(&self.file, log_id, from, Extent::Open(0), Slab::default())?;
        Ok(scan.find(RECORDS_AT.into())?.map(|(_, header)| header))
    }

    /// Whether anything was ever written behind the header.
    fn is_in_use(&self) -> io::Result<bool> {
        let mut bytes = vec![0; super::PIECE];
        for at in (RECORDS_AT..self.length).step_by(bytes.len()) {
            let part = &mut bytes[..((self.length - at) as usize).min(super::PIECE)];
            self.file.read_at(at.into(), part)?;
            if part.iter().any(|&byte| byte != 0) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
