//! Step 1: names and headers.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::super::{
    Position, Storage, StorageFile,
    layout::{
        ENDINGS_MAX, HeaderFault, RECORDS_AT, SegmentHeader, is_flume, segment_name, segment_number, used_number,
    },
    maker::FILLING,
    scan::{Extent, Scan, Slab},
};
use crate::{Error, Fault, Result};

/// What stands in a data directory, by its names and the headers of its segments.
pub(super) struct Directory<F> {
    pub path: PathBuf,
    /// What all headers say.
    pub log_id: Option<u64>,
    /// In the order of their numbers.
    pub files: Vec<Candidate<F>>,
    pub leftovers: Vec<String>,
    pub highest_number: u64,
}

/// A file that has the name of a segment.
pub(super) struct Candidate<F> {
    pub number: u64,
    pub file: Arc<F>,
    pub length: u32,
    /// Its header, if it has one of its own.
    pub header: Option<SegmentHeader>,
}

/// A segment that was begun.
pub(super) struct Begun<F> {
    pub number: u64,
    pub file: Arc<F>,
    pub length: u32,
    /// None where it is damaged.
    pub header: Option<SegmentHeader>,
    pub first_ordinal: u64,
}

/// Segments that were begun; numbers and lengths of those that were not.
pub(super) type Sorted<F> = (Vec<Begun<F>>, Vec<(u64, u32)>);

impl<F: StorageFile> Directory<F> {
    pub fn read<S: Storage<File = F>>(data: &S) -> Result<Self> {
        let path = data.path();
        let names = data.list().map_err(|error| Error::disk("list", &path, &error))?;
        if let Some(name) = names.iter().find(|name| is_flume(name)) {
            let what = "belongs to a file channel of Flume: drain it with Flume, and give this channel a directory of its own in dataDirs";
            return Err(Error::file(Fault::Foreign, &path.join(name), what));
        }
        let mut directory = Self {
            log_id: None,
            files: Vec::new(),
            leftovers: names.iter().filter(|name| *name == FILLING).cloned().collect(),
            highest_number: names.iter().filter_map(|name| used_number(name)).max().unwrap_or(0),
            path,
        };
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| segment_number(name)).collect();
        numbers.sort_unstable();
        for &number in &numbers {
            let path = directory.segment_path(number);
            let (file, length, header) =
                read_header(data, number).map_err(|error| Error::disk("read", &path, &error))?;
            let header = match header {
                Ok(header) => Some(header),
                Err(HeaderFault::Unreadable) => None,
                Err(HeaderFault::Version(version)) => return later(&path, &format!("version {version} of the format")),
                Err(HeaderFault::Features(bits)) => return later(&path, &format!("features {bits:#x} of the format")),
            };
            if let Some(SegmentHeader { log_id, number: said, nonce, .. }) = header {
                let known = *directory.log_id.get_or_insert(log_id);
                if known != log_id {
                    let what =
                        format!("belongs to log {log_id:016x}, and this directory to {known:016x}: move it away");
                    return Err(Error::file(Fault::Foreign, &path, what));
                }
                if said > number && numbers.contains(&said) && is_segment(data, said, nonce)? {
                    // A rename that the disk has done by half left its old name, too.
                    directory.leftovers.push(segment_name(number));
                    continue;
                }
                if said > number {
                    let what = format!("was {} once: give it its name again", segment_name(said));
                    return Err(Error::file(Fault::Foreign, &path, what));
                }
            }
            // An older number is that of the segment this file was before.
            let header = header.filter(|header| header.number == number);
            directory.files.push(Candidate { number, file: Arc::new(file), length, header });
        }
        Ok(directory)
    }

    /// Sorts out what was begun, and is needed from the segment `lowest` on.
    pub fn sort(&mut self, lowest: u64) -> Result<Sorted<F>> {
        let (mut begun, mut unbegun) = (Vec::new(), Vec::new());
        let newest = self.files.iter().rev().find_map(|it| it.header.clone());
        for Candidate { number, file, length, header } in std::mem::take(&mut self.files) {
            let path = self.segment_path(number);
            let read = |error| Error::disk("read", &path, &error);
            let first_ordinal = match (&header, self.log_id) {
                _ if number < lowest || newest.as_ref().is_some_and(|newest| has_let_go(newest, number)) => None,
                (Some(header), _) => Some(header.first_ordinal),
                (None, Some(log_id)) => first_record(&*file, log_id, number).map_err(read)?,
                (None, None) if is_blank(&*file).map_err(read)? => None,
                (None, None) => {
                    let what = "has no header that can be read, nor has any other segment here: restore the directory from a copy, or \
                                move its files away to begin anew";
                    return Err(Error::file(Fault::Damaged, &path, what));
                }
            };
            match first_ordinal {
                Some(first_ordinal) => begun.push(Begun { number, file, length, header, first_ordinal }),
                None => unbegun.push((number, length)),
            }
        }
        Ok((begun, unbegun))
    }

    pub fn segment_path(&self, number: u64) -> PathBuf {
        self.path.join(segment_name(number))
    }
}

/// Whether a segment had been freed when this one was begun: the header names all that were needed, unless they were too many.
fn has_let_go(newest: &SegmentHeader, number: u64) -> bool {
    let complete = newest.endings.len() < ENDINGS_MAX;
    complete && number < newest.number && newest.endings.iter().all(|ending| ending.number != number)
}

fn later<T>(path: &Path, what: &str) -> Result<T> {
    let what =
        format!("was written with {what}, which this version of Millrace does not know: run the one that wrote it");
    Err(Error::file(Fault::Version, path, what))
}

type Read<F> = (F, u32, std::result::Result<SegmentHeader, HeaderFault>);

fn read_header<S: Storage>(data: &S, number: u64) -> io::Result<Read<S::File>> {
    let file = data.open(&segment_name(number))?;
    let length = u32::try_from(file.len()?).unwrap_or(u32::MAX);
    let mut bytes = vec![0; length.min(RECORDS_AT) as usize];
    file.read_at(0, &mut bytes)?;
    let header = SegmentHeader::decode(&bytes);
    Ok((file, length, header))
}

/// Whether this very segment stands under its own name.
fn is_segment<S: Storage>(data: &S, number: u64, nonce: u64) -> Result<bool> {
    let path = data.path().join(segment_name(number));
    let (.., header) = read_header(data, number).map_err(|error| Error::disk("read", &path, &error))?;
    Ok(header.is_ok_and(|header| header.number == number && header.nonce == nonce))
}

/// The ordinal of the first record in a segment without a header.
fn first_record<F: StorageFile>(file: &F, log_id: u64, number: u64) -> io::Result<Option<u64>> {
    let from = Position { segment: number, offset: RECORDS_AT };
    let mut scan = Scan::new(file, log_id, from, Extent::Open(0), Slab::default())?;
    Ok(scan.find(RECORDS_AT.into())?.map(|(_, header)| header.ordinal))
}

/// Whether there never was a record in this file.
fn is_blank<F: StorageFile>(file: &F) -> io::Result<bool> {
    const STRIDE: usize = 1 << 16;
    let len = file.len()?;
    let mut bytes = vec![0; STRIDE];
    for at in (u64::from(RECORDS_AT)..len).step_by(STRIDE) {
        let part = &mut bytes[..(len - at).min(STRIDE as u64) as usize];
        file.read_at(at, part)?;
        if part.iter().any(|&byte| byte != 0) {
            return Ok(false);
        }
    }
    Ok(true)
}
