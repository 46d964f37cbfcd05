//! What a program may rely on, as naively as can be.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::super::sim::LossPattern;

/// What something has been promised to survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Survives {
    /// It may be undone already.
    Unsure,
    /// It is so as long as the process lives.
    Nothing,
    /// The end of the process.
    Kill,
    /// A loss of power.
    Power,
}

/// Puts, in the order of staging, and what has left.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Model {
    pub puts: Vec<(Range<u64>, Survives)>,
    /// Events whose take was committed, and those that were voided.
    pub gone: BTreeMap<u64, Survives>,
    pub next_id: u64,
}

impl Model {
    /// Numbers for the events of a put.
    pub fn stage(&mut self, events: u64) -> Vec<u64> {
        let ids = self.next_id..self.next_id + events;
        self.next_id = ids.end;
        self.puts.push((ids.clone(), Survives::Nothing));
        ids.collect()
    }

    /// The put that begins with this event was answered.
    pub fn answered(&mut self, first: u64, survives: Survives) {
        let put = self.puts.iter_mut().rev().find(|(ids, _)| ids.start == first);
        put.expect("an answer to a put that was staged").1 = survives;
    }

    /// These events are to come no more.
    pub fn leave(&mut self, ids: &[u64], survives: Survives) {
        self.gone.extend(ids.iter().map(|id| (*id, survives)));
    }

    /// What has been promised at least so much is promised more. A put that was not answered is promised nothing.
    pub fn strengthen(&mut self, from: Survives, to: Survives) {
        let answered = self.puts.iter_mut().map(|(_, it)| it).filter(|it| **it > Survives::Nothing);
        answered.chain(self.gone.values_mut()).filter(|it| **it >= from).for_each(|it| *it = to.max(*it));
    }

    /// A crash has taken what it may take.
    pub fn crash(&mut self, loss: LossPattern) {
        self.weaken(|it| it < needed(loss));
    }

    /// The process has ended.
    pub fn end(&mut self) {
        self.weaken(|it| it < Survives::Kill);
    }

    /// A sync has failed: what it should have written is not to be had back.
    pub fn distrust(&mut self) {
        self.weaken(|it| it == Survives::Kill);
    }

    fn weaken(&mut self, which: impl Fn(Survives) -> bool) {
        let answered = self.puts.iter_mut().map(|(_, it)| it);
        answered.chain(self.gone.values_mut()).filter(|it| which(**it)).for_each(|it| *it = Survives::Unsure);
    }

    /// Whether a channel that was opened after a crash may deliver these events.
    pub fn check(&self, delivered: &[u64], loss: LossPattern) -> Result<(), String> {
        let needed = needed(loss);
        if let Some((one, next)) =
            delivered.iter().zip(&delivered[1.min(delivered.len())..]).find(|(one, next)| one >= next)
        {
            return Err(format!("{one} comes before {next}"));
        }
        let there: BTreeSet<u64> = delivered.iter().copied().collect();
        let mut known = 0;
        for (ids, survives) in &self.puts {
            known += there.range(ids.clone()).count();
            let left = || ids.clone().filter(|id| !self.gone.contains_key(id));
            let missing = left().filter(|id| !there.contains(id)).count();
            if missing > 0 && (*survives >= needed || missing < left().count()) {
                return Err(format!("{missing} events of the put {ids:?}, which survives {survives:?}, are not there"));
            }
        }
        if known < there.len() {
            return Err(format!("{} events come that were never put", there.len() - known));
        }
        match there.iter().find(|id| self.gone.get(id).is_some_and(|survives| *survives >= needed)) {
            Some(id) => Err(format!("{id} comes again, whose take was committed for good")),
            None => Ok(()),
        }
    }
}

/// What something must have been promised so that this loss does not take it.
const fn needed(loss: LossPattern) -> Survives {
    if matches!(loss, LossPattern::Kill { .. }) { Survives::Kill } else { Survives::Power }
}
