//! A program that uses a channel, and notes what it may rely on.

use std::collections::HashMap;

use super::{
    super::{
        Sync,
        rig::{Rig, Settings, with_rig},
        sim::{LossPattern, World},
    },
    model::{Model, Survives},
};
use crate::{Error, channel::Grant};

/// What left is in the log after so long.
pub(in super::super) const ACK_MS: u64 = 100;

/// What is in the log is synced after so long.
pub(in super::super) const fn sync_ms(settings: &Settings) -> u64 {
    match settings.sync {
        Sync::Commit => 0,
        Sync::Interval(ms) => ms,
    }
}

/// What that survives which was answered.
const fn answered(settings: &Settings) -> Survives {
    if sync_ms(settings) == 0 { Survives::Power } else { Survives::Kill }
}

/// A program that can be started more than once.
pub(in super::super) struct Program {
    pub world: World,
    pub settings: Settings,
    pub model: Model,
    /// Why the channel could not be opened, though the machine runs.
    pub refused: Option<Error>,
    /// The call at which the machine stops for good.
    stop_at: u64,
}

/// One life of a program, from the opening of the channel to the end of the process.
pub(in super::super) struct Life<'p, 'c> {
    pub world: &'p World,
    pub rig: &'p mut Rig<'c>,
    settings: &'p Settings,
    model: &'p mut Model,
    /// The first event of each put that waits for its answer, by the token of that.
    puts: HashMap<u32, u64>,
    /// The events of each take whose commit waits for its answer.
    commits: HashMap<u64, Vec<u64>>,
    /// Hidden puts: what is behind them is decided after them.
    undecided: u32,
}

/// A put that was committed and not shown.
pub(in super::super) struct Hidden {
    handle: u64,
    ids: Vec<u64>,
}

/// Events that were taken.
pub(in super::super) struct Taken {
    lease: u64,
    pub ids: Vec<u64>,
}

impl Program {
    /// On a machine that stops for good in the middle of this call.
    pub fn new(settings: Settings, stop_at: u64) -> Self {
        let world = World::new(stop_at);
        world.crash_at(stop_at);
        Self { world, settings, model: Model::default(), refused: None, stop_at }
    }

    /// Starts the program; nothing happens when the machine is off. The process ends as with `kill -9`.
    pub fn live(&mut self, act: impl FnOnce(&mut Life<'_, '_>)) {
        let Self { world, settings, model, .. } = self;
        let (puts, commits, undecided) = (HashMap::new(), HashMap::new(), 0);
        let faults = world.faults();
        // What an opening should have synced, and could not, is not to be had back.
        let check_opening = |model: &mut Model| {
            if world.faults() > faults {
                model.distrust();
            }
        };
        let lived = with_rig(world, *settings, |rig| {
            check_opening(model);
            act(&mut Life { world, rig, settings, model: &mut *model, puts, commits, undecided });
        });
        if lived.is_err() {
            check_opening(model);
        }
        self.model.end();
        self.refused = self.refused.take().or(lived.err().filter(|_| !self.world.is_off()));
    }

    /// Starts the program on a machine that crashes in the middle of the `nth` call from now, or afterwards, and starts again.
    pub fn live_until(&mut self, nth: u64, loss: LossPattern, act: impl FnOnce(&mut Life<'_, '_>)) {
        if self.world.calls() + nth < self.stop_at {
            self.world.crash_at(nth);
        }
        self.live(act);
        if self.world.calls() < self.stop_at {
            self.model.crash(loss);
            self.world = self.world.after_crash(loss);
            self.world.crash_at(self.stop_at - self.world.calls());
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what was decided or given back is over")]
impl Life<'_, '_> {
    /// Whether all is well.
    pub fn is_well(&self) -> bool {
        !self.world.is_off() && self.rig.channel.fault().is_none()
    }

    /// Puts so many events without waiting for the answer.
    pub fn stage(&mut self, events: u64) {
        let ids = self.model.stage(events);
        if let Ok(token) = self.rig.stage(&ids) {
            self.puts.insert(token, ids[0]);
        }
    }

    /// Puts events, and lets the writers work.
    pub fn put(&mut self, events: u64) {
        if !self.world.is_off() {
            self.stage(events);
            self.work();
        }
    }

    /// Puts events that are to be shown or voided later, and lets the writers work.
    pub fn hide(&mut self, events: u64) -> Option<Hidden> {
        let ids = self.model.stage(events);
        let (handle, token) = self.rig.stage_hidden(&ids).ok()?;
        self.puts.insert(token, ids[0]);
        for _ in 0..3 {
            self.work();
        }
        let hidden = Hidden { handle, ids };
        self.undecided += 1;
        // A put that was refused is gone.
        (self.is_well() && !self.puts.contains_key(&token)).then_some(hidden)
    }

    pub fn show(&mut self, hidden: Hidden) {
        self.rig.publish(hidden.handle);
        self.undecided -= 1;
    }

    pub fn void(&mut self, hidden: Hidden) {
        self.rig.void(hidden.handle);
        self.undecided -= 1;
        self.model.leave(&hidden.ids, Survives::Nothing);
    }

    pub fn take(&mut self, max: u32) -> Option<Taken> {
        self.rig.read();
        self.rig.take(max).map(|(lease, ids)| Taken { lease, ids })
    }

    pub fn commit(&mut self, taken: Taken) {
        self.model.leave(&taken.ids, Survives::Nothing);
        if let Grant::Later = self.rig.commit(taken.lease) {
            self.commits.insert(taken.lease, taken.ids);
        }
    }

    pub fn rollback(&mut self, taken: Taken) {
        self.rig.rollback(taken.lease);
    }

    /// Takes at most so many events, and commits that.
    pub fn consume(&mut self, max: u32) {
        if let Some(taken) = self.take(max) {
            self.commit(taken);
        }
    }

    /// Lets the writers work, and hears what they answer.
    pub fn work(&mut self) {
        self.rig.work();
        self.hear(0);
    }

    /// Time passes. When all is well afterwards, what was done before is as durable as its time says.
    pub fn pass(&mut self, ms: u64) {
        if !self.world.is_off() {
            self.rig.pass(ms);
            self.hear(ms);
        }
    }

    /// Hears what was answered during that time.
    fn hear(&mut self, ms: u64) {
        let troubled = !self.is_well() || !self.rig.channel.take_findings().is_empty();
        if !troubled && ms >= sync_ms(self.settings) {
            self.model.strengthen(Survives::Kill, Survives::Power);
        }
        for (token, result) in self.rig.answers() {
            if let Some(first) = self.puts.remove(&token) {
                if result.is_ok() {
                    self.model.answered(first, answered(self.settings));
                }
            } else if let Some(ids) = result.ok().and_then(|lease| self.commits.remove(&lease)) {
                // While the disk does not do its part nothing is promised.
                if !troubled {
                    self.model.leave(&ids, answered(self.settings));
                }
            }
        }
        if troubled {
            self.model.distrust();
        } else if ms >= ACK_MS && self.undecided == 0 {
            self.model.strengthen(Survives::Nothing, answered(self.settings));
        }
    }

    /// Waits until everything was tried again, and sees that puts are taken again.
    pub fn recover(&mut self) {
        self.pass(10_000);
        self.pass(10_000);
        assert!(self.world.is_off() || self.is_well(), "{:?}", self.rig.channel.fault());
    }

    /// Ends the channel in order: all is durable then.
    pub fn close(&mut self) {
        self.rig.close();
        self.hear(0);
        if self.is_well() && self.undecided == 0 {
            self.model.strengthen(Survives::Nothing, Survives::Power);
        }
    }
}
