//! Syslog messages.

use millrace_engine::syslog::{self, EVENT_BYTES_MIN, Encoding, Keep, Parser, Rules};
use napi::bindgen_prelude::{Uint8ArraySlice, Uint32ArraySlice};
use napi_derive::napi;

use crate::{
    batches::{report, space, table_third},
    failure::Result,
};

/// `rules` as a number: the parser (0 classic, 1 multiport, 2 plain), and bits for what there is besides.
const PARSER: u32 = 3;
const KEEP_PRIORITY: u32 = 1 << 2;
const KEEP_VERSION: u32 = 1 << 3;
const KEEP_TIMESTAMP: u32 = 1 << 4;
const KEEP_HOSTNAME: u32 = 1 << 5;
const KEEP_ALL: u32 = 1 << 6;
const COUNTED: u32 = 1 << 7;

/// `readSyslog` or `readDatagrams` had no more room in the block.
const BLOCK_FULL: u32 = 2;

/// Makes an event of every syslog message that is complete in `tail` + `data`. Writes to `did`: events, bytes, bytes of `data` consumed, 2 for a full
/// block, bytes of a counted message that are still to come.
#[napi(catch_unwind)]
pub fn read_syslog(
    mut block: Uint8ArraySlice<'_>,
    fill: u32,
    entries: u32,
    tail: Uint8ArraySlice<'_>,
    data: Uint8ArraySlice<'_>,
    left: u32,
    rules: u32,
    event_bytes_max: u32,
    charset: Option<String>,
    extras: Uint8ArraySlice<'_>,
    mut did: Uint32ArraySlice<'_>,
) -> Result<()> {
    let third = table_third(&block);
    let mut space = space(&mut block, fill, entries, third)?;
    let rules = decoded(rules, event_bytes_max, charset.as_deref());
    let read = syslog::read_stream(&tail, &data, left as usize, &rules, &extras, &mut space);
    report(&mut did, &space, &[read.consumed as u32, u32::from(read.full) * BLOCK_FULL, read.left as u32]);
    Ok(())
}

/// Makes an event of every one of `count` datagrams in `staged`, each with two numbers in `marks`: its length, and which of `origins` it has, each of
/// them with two numbers: where in `maps` its headers begin and end. Writes to `did`: events, bytes, datagrams read, 2 for a full block.
#[napi(catch_unwind)]
pub fn read_datagrams(
    mut block: Uint8ArraySlice<'_>,
    fill: u32,
    entries: u32,
    staged: Uint8ArraySlice<'_>,
    marks: Uint32ArraySlice<'_>,
    count: u32,
    origins: Uint32ArraySlice<'_>,
    maps: Uint8ArraySlice<'_>,
    rules: u32,
    mut did: Uint32ArraySlice<'_>,
) -> Result<()> {
    // A table for all of them could leave no room for a single event, in this block and in every further one.
    let table = count.min(table_third(&block));
    let mut space = space(&mut block, fill, entries, table)?;
    let (marks, _) = marks.as_chunks();
    let marks = marks.get(..count as usize).unwrap_or(marks);
    let (origins, _) = origins.as_chunks();
    let read = syslog::read_datagrams(&staged, marks, origins, &maps, &decoded(rules, 0, None), &mut space);
    report(&mut did, &space, &[read as u32, u32::from(read < marks.len()) * BLOCK_FULL]);
    Ok(())
}

/// Whether messages may be in a character set: it is known, and its line ends, blanks and digits are those of ASCII.
#[napi(catch_unwind)]
pub fn is_syslog_charset(label: String) -> bool {
    charset(&label).is_some()
}

fn charset(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label(label.as_bytes()).filter(|charset| charset.is_ascii_compatible())
}

fn decoded(rules: u32, event_bytes_max: u32, label: Option<&str>) -> Rules {
    let has = |bit| rules & bit != 0;
    Rules {
        parser: [Parser::Classic, Parser::Multiport, Parser::Plain, Parser::Plain][(rules & PARSER) as usize],
        keep: Keep {
            priority: has(KEEP_PRIORITY),
            version: has(KEEP_VERSION),
            timestamp: has(KEEP_TIMESTAMP),
            hostname: has(KEEP_HOSTNAME),
            all: has(KEEP_ALL),
        },
        event_bytes_max: (event_bytes_max as usize).max(EVENT_BYTES_MIN),
        counted: has(COUNTED),
        charset: label.and_then(charset),
    }
}
