//! Events that stand one after the other, in the encoding of a protocol.

use super::{
    cursor::{Read, Stop},
    stream::Step,
};
use crate::batch::Space;

/// One protocol's way with one event.
pub(super) trait Encoding: Default {
    /// Puts the event at the front of `input` into the space: the way for an event that is there as a whole. `More` when it is cut, or cannot be taken
    /// this way.
    fn take(input: &[u8], reach: usize, space: &mut Space<'_>) -> Read<Step>;

    /// As `take`, of an event that is known to be exactly `input`.
    fn take_whole(input: &[u8], space: &mut Space<'_>) -> Read<Step>;

    /// Begins to look for the end of an event.
    fn begin(&mut self);

    /// Walks on to the end of the event, and answers how many bytes that were. What is cut is walked over when it comes again, whole.
    fn walk(&mut self, input: &[u8], reach: usize) -> Read<usize>;

    /// How many bytes there are at least between here and the end; 0 at the end.
    fn lacks(&self) -> usize;
}

/// The events that are still to come.
///
/// An event that is whole is taken from where it lies. One that is cut is walked over, from where the last attempt ended: so the work is the same
/// in however many pieces it comes.
#[derive(Default)]
pub(super) struct Events<E> {
    left: usize,
    encoding: E,
    /// Bytes of a cut event that were walked over.
    walked: usize,
}

impl<E: Encoding> Events<E> {
    /// Begins with `count` events.
    pub(super) fn begin(&mut self, count: usize) {
        self.left = count;
        self.encoding.begin();
        self.walked = 0;
    }

    pub(super) const fn left(&self) -> usize {
        self.left
    }

    /// Takes as many events as are whole.
    #[inline]
    pub(super) fn step(&mut self, input: &[u8], reach: usize, space: &mut Space<'_>) -> Read<Step> {
        let mut taken = 0;
        if self.walked == 0 {
            while self.left > 0 {
                match E::take(&input[taken..], reach - taken, space) {
                    Ok(Step::Took(bytes)) => taken += bytes,
                    Err(Stop::Wrong { .. }) | Ok(Step::Full(_)) if taken > 0 => break,
                    Err(Stop::More(_)) => break,
                    other => return other,
                }
                self.left -= 1;
            }
            if taken > 0 {
                return Ok(Step::Took(taken));
            }
        }
        self.cut(input, reach, space)
    }

    fn cut(&mut self, input: &[u8], reach: usize, space: &mut Space<'_>) -> Read<Step> {
        let walked = self.walked;
        self.walked += self.encoding.walk(&input[walked..], reach - walked).map_err(|stop| stop.behind(walked))?;
        let lacks = self.encoding.lacks();
        if lacks > 0 {
            return Err(Stop::More((self.walked + lacks).max(input.len() + 1)));
        }
        let step = E::take_whole(&input[..self.walked], space)?;
        if let Step::Took(_) = step {
            self.left -= 1;
            self.encoding.begin();
            self.walked = 0;
        }
        Ok(step)
    }
}
