//! Flume's calls as Thrift carries them in frames.
//!
//! ```text
//! frame:       int32 length · message
//! message:     type, name, sequence id · struct arguments
//! append:      1: event                 appendBatch: 1: list<event>
//! event:       struct { 1: map<string, string> headers, 2: binary body }     both required
//! ```
//!
//! [`protocol`] says how that is written in bytes. Fields may come in any order, and others than these are skipped. What stands behind the
//! arguments is skipped, as Java does, and so are the arguments of unknown methods.

mod encode;
mod event;
mod protocol;
mod skip;

pub use encode::encode;
pub(super) use protocol::{Binary, Compact};

use self::{
    event::EventOf,
    protocol::{Field, Grammar, Kind, Message},
    skip::Skipper,
};
use super::{
    Call, Request,
    cursor::{Cursor, Read, Stop},
    events::Events,
    stream::{Codec, Step},
};
use crate::batch::Space;

/// How Thrift writes values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `TCompactProtocol`.
    Compact,
    /// `TBinaryProtocol`, with or without its version in front.
    Binary,
}

/// What comes next in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Head,
    Field,
    Skip,
    List,
    Events,
    /// Nothing that matters.
    Rest,
}

/// The codec of one connection.
#[derive(Default)]
pub(in crate::wire) struct Thrift<G> {
    stage: Stage,
    call: Call,
    /// The number of the last field.
    field: i16,
    /// The argument has come.
    complete: bool,
    /// Over fields that nobody knows.
    skipper: Skipper<G>,
    events: Events<EventOf<G>>,
}

impl<G: Grammar> Codec for Thrift<G> {
    const BUFFERS: bool = false;

    fn step(&mut self, input: &[u8], reach: usize, request: &mut Request, space: &mut Space<'_>) -> Read<Step> {
        let mut cursor = Cursor::new(input, reach);
        match self.stage {
            Stage::Events => {
                let step = self.events.step(input, reach, space);
                if self.events.left() == 0 {
                    self.stage = Stage::Field;
                }
                return step;
            }
            Stage::Rest => return Ok(Step::Took(input.len())),
            Stage::Skip => return self.skip(input, reach),
            Stage::Head => self.head(&mut cursor, request)?,
            Stage::Field => self.field(&mut cursor)?,
            Stage::List => self.list(&mut cursor)?,
        }
        Ok(Step::Took(cursor.at))
    }

    fn in_head(&self) -> bool {
        self.stage == Stage::Head
    }

    fn may_end(&self) -> bool {
        self.stage == Stage::Rest
    }

    fn begin(&mut self) {
        self.stage = Stage::Head;
        self.field = 0;
        self.complete = false;
    }
}

impl<G: Grammar> Thrift<G> {
    fn head(&mut self, cursor: &mut Cursor<'_>, request: &mut Request) -> Read<()> {
        let Message { kind, name, sequence } = G::message(cursor)?;
        request.oneway = match kind {
            1 => false,
            4 => true,
            _ => return Err(Stop::Wrong { what: "a message is not a call", at: 0 }),
        };
        request.serial = sequence;
        self.call = Call::of(name);
        request.call = self.call;
        self.stage = Stage::Field;
        if self.call == Call::Other {
            request.name = String::from_utf8_lossy(name).into_owned();
            self.stage = Stage::Rest;
        }
        Ok(())
    }

    fn field(&mut self, cursor: &mut Cursor<'_>) -> Read<()> {
        let field = G::field(cursor, &mut self.field)?;
        self.stage = match (field, self.call) {
            (None, _) if self.complete => Stage::Rest,
            (None, _) => return Err(cursor.wrong("the argument of a call is missing")),
            (Some(Field { id: 1, .. }), _) if self.complete => return Err(cursor.wrong("an argument comes twice")),
            (Some(Field { id: 1, kind: Kind::List }), Call::AppendBatch) => Stage::List,
            (Some(Field { id: 1, kind: Kind::Struct }), Call::Append) => {
                self.complete = true;
                self.events.begin(1);
                Stage::Events
            }
            (Some(Field { kind, .. }), _) => {
                self.skipper.begin(kind, 0);
                Stage::Skip
            }
        };
        Ok(())
    }

    fn skip(&mut self, input: &[u8], reach: usize) -> Read<Step> {
        let walked = self.skipper.walk(input, reach)?;
        if self.skipper.lacks() == 0 {
            self.stage = Stage::Field;
        } else if walked == 0 {
            return Err(Stop::More(input.len() + 1));
        }
        Ok(Step::Took(walked))
    }

    fn list(&mut self, cursor: &mut Cursor<'_>) -> Read<()> {
        let (kind, count) = G::list(cursor)?;
        if count > 0 && kind != Kind::Struct {
            return Err(cursor.wrong("a batch is not a list of events"));
        }
        cursor.believe((count as u64).saturating_mul(G::EVENT_BYTES_MIN))?;
        self.complete = true;
        self.events.begin(count);
        self.stage = if count == 0 { Stage::Field } else { Stage::Events };
        Ok(())
    }
}
