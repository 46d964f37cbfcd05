//! Skipping values, whatever they are and wherever they are cut.

use std::marker::PhantomData;

use super::protocol::{Field, Grammar, Kind};
use crate::wire::cursor::{Cursor, Read, Stop};

/// How deep structs and containers may be nested: what Thrift's own readers allow.
const DEPTH_MAX: usize = 64;

/// Something that is not at its end yet.
enum Level {
    /// Fields; the number of the last one.
    Struct(i16),
    /// So many values, of two kinds by turns.
    Many([Kind; 2], usize),
}

/// Walks over one value.
pub(super) struct Skipper<G> {
    levels: Vec<Level>,
    /// A value of which nothing was read yet.
    next: Option<Kind>,
    /// Bytes to come of a value.
    skip: usize,
    /// In how many levels the value itself lies.
    outer: usize,
    grammar: PhantomData<G>,
}

impl<G> Default for Skipper<G> {
    fn default() -> Self {
        Self { levels: Vec::new(), next: None, skip: 0, outer: 0, grammar: PhantomData }
    }
}

impl<G: Grammar> Skipper<G> {
    /// Begins with a value that lies in `outer` others.
    pub(super) fn begin(&mut self, kind: Kind, outer: usize) {
        self.outer = outer;
        self.levels.clear();
        self.next = Some(kind);
        self.skip = 0;
    }

    /// Walks on, and answers over how many bytes. What is cut is walked over when it comes again, whole.
    pub(super) fn walk(&mut self, input: &[u8], reach: usize) -> Read<usize> {
        let mut cursor = Cursor::new(input, reach);
        loop {
            let skipped = self.skip.min(input.len() - cursor.at);
            cursor.at += skipped;
            self.skip -= skipped;
            let at = cursor.at;
            if self.lacks() == 0 || self.skip > 0 {
                return Ok(at);
            }
            match self.step(&mut cursor) {
                Ok(()) => {}
                Err(Stop::More(_)) => return Ok(at),
                Err(stop) => return Err(stop),
            }
        }
    }

    /// How many bytes there are at least between here and the end of the value; 0 at the end.
    pub(super) fn lacks(&self) -> usize {
        self.skip + usize::from(self.next.is_some() || !self.levels.is_empty())
    }

    fn step(&mut self, cursor: &mut Cursor<'_>) -> Read<()> {
        if let Some(kind) = self.next {
            self.enter(kind, cursor)?;
            self.next = None;
            return Ok(());
        }
        match self.levels.last_mut() {
            Some(Level::Struct(last)) => match G::field(cursor, last)? {
                Some(Field { kind, .. }) => self.next = Some(kind),
                None => {
                    self.levels.pop();
                }
            },
            Some(Level::Many(_, 0)) => {
                self.levels.pop();
            }
            Some(Level::Many(kinds, left)) => {
                self.next = Some(kinds[*left % 2]);
                *left -= 1;
            }
            None => {}
        }
        Ok(())
    }

    fn enter(&mut self, kind: Kind, cursor: &mut Cursor<'_>) -> Read<()> {
        if self.outer + self.levels.len() == DEPTH_MAX {
            return Err(cursor.wrong("a value is nested too deep"));
        }
        match kind {
            Kind::Fixed(bytes) => self.skip = bytes,
            Kind::Varint => drop(cursor.varint()?),
            Kind::Binary => self.skip = G::length(cursor)?,
            Kind::Struct => self.levels.push(Level::Struct(0)),
            Kind::List => {
                let (kind, count) = G::list(cursor)?;
                self.levels.push(Level::Many([kind; 2], count));
            }
            Kind::Map => {
                let (kinds, count) = G::map(cursor)?;
                // The first of an even number is a key.
                self.levels.push(Level::Many(kinds, 2 * count));
            }
        }
        Ok(())
    }
}
