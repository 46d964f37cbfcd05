//! Flume's calls as Avro carries them over a connection.
//!
//! ```text
//! frame:     int32 serial · int32 count · count × (int32 length · bytes)      the bytes of all buffers are one message
//! message:   [handshake] · map<bytes> metadata · string name · parameters
//! handshake: fixed(16) clientHash · union[null,string] clientProtocol · fixed(16) serverHash · union[null,map<bytes>] meta
//! append:      event                    appendBatch: array<event>             name "": nothing, a ping
//! event:       map<string> headers · bytes body
//! map, array:  (long count · items | long -count · long bytes · items)… · 0
//! ```
//!
//! What stands behind the parameters is skipped, as Java does, and so are the parameters of unknown messages.

use super::{
    Call, Handshake, Request,
    cursor::{Cursor, Read, Stop},
    events::{Encoding, Events},
    stream::{Codec, Step},
};
use crate::{
    Error,
    batch::{
        Space,
        canonical::{Front, front},
        scan_events,
    },
};

/// The smallest event: an empty map and an empty body.
const EVENT_BYTES_MIN: usize = 2;

/// What comes next in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Handshake,
    HandshakeMeta,
    Metadata,
    Name,
    BlockCount,
    BlockBytes,
    Events,
    /// Nothing that matters.
    Rest,
}

/// The codec of one connection.
#[derive(Default)]
pub(super) struct Avro {
    /// Whether messages begin without a handshake.
    pub(super) matched: bool,
    stage: Stage,
    /// Over metadata, which nobody needs.
    walker: Walker,
    events: Events<Walker>,
    array: bool,
}

impl Codec for Avro {
    const BUFFERS: bool = true;

    fn step(&mut self, input: &[u8], reach: usize, request: &mut Request, space: &mut Space<'_>) -> Read<Step> {
        let mut cursor = Cursor::new(input, reach);
        match self.stage {
            Stage::Events => {
                let step = self.events.step(input, reach, space);
                if self.events.left() == 0 {
                    self.stage = if self.array { Stage::BlockCount } else { Stage::Rest };
                }
                return step;
            }
            Stage::Rest => return Ok(Step::Took(input.len())),
            Stage::HandshakeMeta | Stage::Metadata => return self.skip_map(input, reach),
            Stage::Handshake => self.handshake(&mut cursor, request)?,
            Stage::Name => self.name(&mut cursor, request)?,
            Stage::BlockCount => self.block(&mut cursor)?,
            Stage::BlockBytes => {
                // For readers that skip the block.
                cursor.long()?;
                self.stage = Stage::Events;
            }
        }
        Ok(Step::Took(cursor.at))
    }

    fn in_head(&self) -> bool {
        matches!(self.stage, Stage::Handshake | Stage::HandshakeMeta | Stage::Metadata | Stage::Name)
    }

    fn may_end(&self) -> bool {
        self.stage == Stage::Rest
    }

    fn begin(&mut self) {
        self.stage = if self.matched { Stage::Metadata } else { Stage::Handshake };
        self.walker = Walker::of(Phase::Count);
    }
}

impl Avro {
    fn handshake(&mut self, cursor: &mut Cursor<'_>, request: &mut Request) -> Read<()> {
        let client_hash = cursor.array()?;
        let has_protocol = union(cursor)?;
        let client_protocol = has_protocol.then(|| cursor.text()).transpose()?;
        let client_protocol = client_protocol.map(|json| String::from_utf8_lossy(json).into_owned());
        let server_hash = cursor.array()?;
        self.stage = if union(cursor)? { Stage::HandshakeMeta } else { Stage::Metadata };
        request.handshake = Some(Handshake { client_hash, client_protocol, server_hash });
        Ok(())
    }

    fn skip_map(&mut self, input: &[u8], reach: usize) -> Read<Step> {
        let walked = self.walker.walk(input, reach)?;
        if self.walker.lacks() == 0 {
            self.walker = Walker::of(Phase::Count);
            self.stage = if self.stage == Stage::HandshakeMeta { Stage::Metadata } else { Stage::Name };
        }
        if walked == 0 { Err(Stop::More(input.len() + 1)) } else { Ok(Step::Took(walked)) }
    }

    fn name(&mut self, cursor: &mut Cursor<'_>, request: &mut Request) -> Read<()> {
        let name = cursor.text()?;
        request.call = if name.is_empty() { Call::Ping } else { Call::of(name) };
        self.array = request.call == Call::AppendBatch;
        self.stage = match request.call {
            Call::Append => {
                self.events.begin(1);
                Stage::Events
            }
            Call::AppendBatch => Stage::BlockCount,
            Call::Ping => Stage::Rest,
            Call::Other => {
                request.name = String::from_utf8_lossy(name).into_owned();
                Stage::Rest
            }
        };
        Ok(())
    }

    fn block(&mut self, cursor: &mut Cursor<'_>) -> Read<()> {
        let count = cursor.long()?;
        let events = cursor.believe(count.unsigned_abs().saturating_mul(EVENT_BYTES_MIN as u64))? / EVENT_BYTES_MIN;
        self.events.begin(events);
        self.stage = match count {
            0 => Stage::Rest,
            1.. => Stage::Events,
            _ => Stage::BlockBytes,
        };
        Ok(())
    }
}

/// Which of null and something.
fn union(cursor: &mut Cursor<'_>) -> Read<bool> {
    match cursor.long()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(cursor.wrong("a union has no such branch")),
    }
}

/// Looks for the end of a map, or of an event: a map and a body.
#[derive(Default)]
struct Walker {
    phase: Phase,
    body: bool,
    /// Texts to come in this block.
    texts: u64,
    /// Bytes to come of a text or a body.
    skip: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Count,
    Bytes,
    Text,
    Body,
    Done,
}

impl Walker {
    fn of(phase: Phase) -> Self {
        Self { phase, ..Self::default() }
    }

    /// Reads one number, and what it says.
    fn number(&mut self, cursor: &mut Cursor<'_>) -> Read<()> {
        let number = cursor.long()?;
        match self.phase {
            Phase::Count if number == 0 => self.phase = if self.body { Phase::Body } else { Phase::Done },
            Phase::Count => {
                self.texts = cursor.believe(number.unsigned_abs().saturating_mul(2))? as u64;
                self.phase = if number < 0 { Phase::Bytes } else { Phase::Text };
            }
            Phase::Bytes => self.phase = Phase::Text,
            Phase::Text | Phase::Body | Phase::Done => {
                let length = u64::try_from(number).map_err(|_| cursor.wrong("a length is negative"))?;
                self.skip = cursor.believe(length)?;
                self.texts = self.texts.saturating_sub(1);
                self.phase = match self.phase {
                    Phase::Text if self.texts > 0 => Phase::Text,
                    Phase::Text => Phase::Count,
                    _ => Phase::Done,
                };
            }
        }
        Ok(())
    }
}

impl Encoding for Walker {
    #[inline]
    fn take(input: &[u8], _reach: usize, space: &mut Space<'_>) -> Read<Step> {
        match front(input) {
            Front::Canonical { body_at, end } => match space.push_encoded(&input[..end], body_at) {
                Ok(()) => Ok(Step::Took(end)),
                Err(_) => Ok(Step::Full(end)),
            },
            Front::Cut | Front::Wild => Err(Stop::More(input.len() + 1)),
        }
    }

    fn take_whole(input: &[u8], space: &mut Space<'_>) -> Read<Step> {
        match scan_events(input, 1, space) {
            Ok(scanned) if scanned.events == 1 => Ok(Step::Took(scanned.bytes)),
            Ok(_) => Ok(Step::Full(input.len())),
            Err(Error::InvalidBatch { what, offset }) => Err(Stop::Wrong { what, at: offset }),
            Err(_) => Err(Stop::Wrong { what: "an event cannot be read", at: 0 }),
        }
    }

    fn begin(&mut self) {
        *self = Self { body: true, ..Self::default() };
    }

    fn walk(&mut self, input: &[u8], reach: usize) -> Read<usize> {
        let mut cursor = Cursor::new(input, reach);
        loop {
            let skipped = self.skip.min(input.len() - cursor.at);
            cursor.at += skipped;
            self.skip -= skipped;
            if self.skip > 0 || self.phase == Phase::Done {
                return Ok(cursor.at);
            }
            match self.number(&mut cursor) {
                Ok(()) => {}
                Err(Stop::More(_)) => return Ok(cursor.at),
                Err(stop) => return Err(stop),
            }
        }
    }

    fn lacks(&self) -> usize {
        if self.phase == Phase::Done { self.skip } else { self.skip + 1 }
    }
}
