//! What programs do with a channel. Segments are small, so that everything that happens in a log happens within a few hundred calls.

use super::{
    super::{
        Sync,
        rig::Settings,
        sim::{Call, Fault, Grain, Growth, Kept, LossPattern},
    },
    LOSE_ALL,
    program::Program,
};

/// A program, and how its channel is.
pub(super) struct Workload {
    pub name: &'static str,
    pub settings: Settings,
    pub act: fn(&mut Program),
    /// The disk fails in it, so that what is found afterwards may be called damage.
    pub has_faults: bool,
}

impl Workload {
    /// How many calls that change the disk it makes.
    pub fn calls(&self) -> u64 {
        let mut program = Program::new(self.settings, u64::MAX);
        (self.act)(&mut program);
        program.world.calls()
    }
}

const fn settings() -> Settings {
    Settings {
        directories: 1,
        capacity: 4_000,
        segment_len: 32 << 10,
        buffer_bytes: 256 << 10,
        sync: Sync::Commit,
        keep_free: 0,
        take_sync: false,
        body_len: 100,
        checkpoint_on_close: true,
    }
}

const fn healthy(name: &'static str, settings: Settings, act: fn(&mut Program)) -> Workload {
    Workload { name, settings, act, has_faults: false }
}

const fn failing(name: &'static str, settings: Settings, act: fn(&mut Program)) -> Workload {
    Workload { name, settings, act, has_faults: true }
}

const INTERVALS: Settings = Settings { sync: Sync::Interval(1_000), ..settings() };

pub(super) const WORKLOADS: &[Workload] = &[
    healthy("puts larger than a segment", Settings { segment_len: 16 << 10, ..settings() }, oversize),
    healthy("steady put and take", settings(), steady),
    healthy("a growing backlog", settings(), backlog),
    healthy("spill and refill", Settings { buffer_bytes: 64 << 10, ..settings() }, spill),
    healthy("rollbacks and commits out of order", settings(), out_of_order),
    healthy("hidden puts, shown and voided", settings(), hidden),
    healthy("three directories", Settings { directories: 3, segment_len: 16 << 10, ..settings() }, steady),
    healthy("nothing but takes", settings(), takes_only),
    healthy("closing and opening", settings(), reopening),
    healthy("kill and opening", settings(), killed),
    healthy("crash after crash", settings(), crashing),
    healthy("killed at every call", settings(), killed_everywhere),
    healthy("synced in intervals", INTERVALS, intervals),
    healthy("closing and opening, in intervals", Settings { checkpoint_on_close: false, ..INTERVALS }, reopening),
    healthy("takes that wait for the disk", Settings { take_sync: true, ..settings() }, steady),
    failing("a failed sync", settings(), failed_sync),
    failing("a failed sync, in intervals", INTERVALS, failed_sync),
    failing("failed writes and names", Settings { directories: 2, segment_len: 16 << 10, ..settings() }, failed_calls),
    failing("no space, and then some", settings(), full),
];

/// Puts as much as is taken, through some segments.
fn steady(program: &mut Program) {
    program.live(|life| {
        for round in 0..40 {
            life.put(10 + round % 30);
            life.consume(20);
            if round % 4 == 0 {
                life.pass(100);
            }
        }
    });
}

/// Puts more than is taken; takes all of it in the end.
fn backlog(program: &mut Program) {
    program.live(|life| {
        for round in 0..50 {
            life.put(20);
            if round % 10 == 0 {
                life.consume(5);
                life.pass(40);
            }
        }
        while let Some(taken) = life.take(100) {
            life.commit(taken);
            life.pass(100);
        }
    });
}

/// Puts far more than the buffer has room for, while some is taken.
fn spill(program: &mut Program) {
    program.live(|life| {
        for round in 0..30 {
            life.stage(8);
            life.put(25);
            if round % 3 == 2 {
                life.consume(30);
            }
        }
        for _ in 0..10 {
            life.consume(60);
            life.pass(100);
        }
    });
}

/// Several takes at once, of which some are given back, and others are committed before earlier ones.
fn out_of_order(program: &mut Program) {
    program.live(|life| {
        for _ in 0..12 {
            life.put(40);
            let taken: Vec<_> = (0..4).filter_map(|_| life.take(9)).collect();
            for (at, taken) in taken.into_iter().enumerate().rev() {
                if at % 3 == 1 {
                    life.rollback(taken);
                } else {
                    life.commit(taken);
                }
            }
            life.pass(100);
        }
    });
}

/// Puts of a fan-out, decided late and not in their order, beside other puts.
fn hidden(program: &mut Program) {
    program.live(|life| {
        for round in 0..16 {
            let (one, two) = (life.hide(15), life.hide(10));
            life.put(5);
            if let Some(two) = two {
                if round % 2 == 0 { life.show(two) } else { life.void(two) }
            }
            if round % 3 == 0 {
                life.pass(100);
            }
            if let Some(one) = one {
                if round % 4 == 0 { life.void(one) } else { life.show(one) }
            }
            life.consume(20);
            if round % 2 == 0 {
                life.pass(100);
            }
        }
    });
}

/// Groups that need a segment of their own, between others.
fn oversize(program: &mut Program) {
    program.live(|life| {
        for round in 0..10 {
            life.put(20);
            life.put(200 + 50 * (round % 3));
            for _ in 0..3 {
                life.consume(90);
            }
            life.pass(100);
        }
    });
}

/// A backlog that is taken by small steps, so that groups have nothing but acknowledgements.
fn takes_only(program: &mut Program) {
    program.live(|life| {
        for _ in 0..4 {
            life.put(100);
        }
        for _ in 0..60 {
            life.consume(7);
            life.pass(100);
        }
    });
}

/// Ends in order, and goes on, a few times; once with a backlog, once without.
fn reopening(program: &mut Program) {
    for turn in 0..6 {
        program.live(|life| {
            life.put(50);
            life.consume(30);
            life.put(30);
            while turn % 3 == 2 && life.take(100).map(|it| life.commit(it)).is_some() {}
            life.close();
        });
    }
}

/// Ends anyhow, and goes on, a few times.
fn killed(program: &mut Program) {
    for _ in 0..8 {
        program.live(|life| {
            life.put(60);
            life.consume(50);
            life.put(40);
            life.pass(100);
            life.stage(5);
        });
    }
}

/// Ends in the middle of its first call, then of its second, and so on, and goes on each time.
fn killed_everywhere(program: &mut Program) {
    for nth in 1..25 {
        program.live_until(nth, LossPattern::Kill { pages: 1 }, |life| {
            life.put(60);
            // So many gaps that a checkpoint has more than a sector.
            let taken: Vec<_> = (0..80).filter_map(|_| life.take(1)).collect();
            for (at, taken) in taken.into_iter().enumerate() {
                if at % 2 == 0 { life.commit(taken) } else { life.rollback(taken) }
            }
            life.pass(100);
            life.consume(60);
            life.close();
        });
    }
}

/// Crashes again and again, also while it opens what the last crash left.
fn crashing(program: &mut Program) {
    let random = |seed| LossPattern::Power {
        grain: Grain::Sector,
        bytes: Kept::Random(seed),
        growth: Growth::Reached,
        names: Kept::Random(seed),
    };
    for turn in 0..16 {
        let loss = [LOSE_ALL, LossPattern::Kill { pages: 1 }, random(turn)][usize::from(turn) % 3];
        program.live_until(3 + u64::from(turn) * 13 % 50, loss, |life| {
            life.consume(10);
            for _ in 0..4 {
                life.put(30);
                life.consume(20);
                life.pass(100);
            }
        });
    }
}

/// Answers come before the sync.
fn intervals(program: &mut Program) {
    program.live(|life| {
        for round in 0..40 {
            life.put(15);
            life.consume(10);
            life.pass(if round % 8 == 7 { 1_000 } else { 100 });
        }
        life.close();
    });
}

/// Syncs fail, of groups, of headers, of new segments and of checkpoints.
fn failed_sync(program: &mut Program) {
    program.live(|life| {
        for round in 0..20 {
            life.put(20);
            life.consume(25);
            life.world.fail(Call::Sync, 1 + round % 4, Fault::Io);
            life.put(10);
            life.pass(100);
            life.world.mend();
            life.pass(200);
            life.pass(400);
        }
        life.recover();
    });
}

/// Every other kind of call fails.
fn failed_calls(program: &mut Program) {
    program.live(|life| {
        for round in 0..20 {
            life.put(20);
            life.consume(25);
            let call = [Call::Write, Call::Rename, Call::SyncNames, Call::Create, Call::Remove][round % 5];
            life.world.fail(call, 1 + round as u32 % 3, Fault::Io);
            life.put(30);
            life.put(30);
            life.pass(100);
            life.world.mend();
            life.pass(200);
        }
        life.recover();
    });
}

/// The disk is full for a while, with puts refused and takes going on.
fn full(program: &mut Program) {
    program.live(|life| {
        life.put(50);
        life.world.set_capacity(300 << 10);
        for _ in 0..25 {
            life.put(50);
        }
        for _ in 0..10 {
            life.consume(100);
            life.pass(1_000);
        }
        for _ in 0..5 {
            life.put(50);
        }
        life.world.set_capacity(super::PLENTY);
        life.recover();
        for _ in 0..5 {
            life.put(50);
            life.consume(60);
        }
    });
}
