//! Random programs, on disks that fail, fill up and crash, against the model.

use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    super::{
        Sync,
        rig::Settings,
        sim::{Call, Fault, Grain, Growth, Kept, LossPattern},
    },
    LOSE_ALL, PLENTY, check,
    program::{Hidden, Life, Program, Taken},
};
use crate::batch::model::effort;

#[derive(Clone, Debug)]
enum Step {
    Stage(u64),
    Put(u64),
    Hide(u64),
    Decide(bool),
    Take(u32),
    /// Which of the open takes.
    Commit(usize),
    Rollback(usize),
    Pass(u64),
    Fail(Call, u32, Fault),
    Mend,
    /// The disk has so much room.
    Capacity(u64),
}

/// How a process ends.
#[derive(Clone, Debug)]
enum End {
    Close,
    Kill,
    /// The machine crashes at this call, or at the end.
    Crash(u64, LossPattern),
}

fn step() -> impl Strategy<Value = Step> {
    let call =
        select(vec![Call::Create, Call::Rename, Call::Remove, Call::SyncNames, Call::Write, Call::Sync, Call::Read]);
    let fault = select(vec![Fault::Io, Fault::Full]);
    prop_oneof![
        6 => (1..60_u64).prop_map(Step::Put),
        1 => (150..400_u64).prop_map(Step::Put),
        2 => (1..30_u64).prop_map(Step::Stage),
        2 => (1..30_u64).prop_map(Step::Hide),
        2 => any::<bool>().prop_map(Step::Decide),
        5 => (1..80_u32).prop_map(Step::Take),
        4 => any::<usize>().prop_map(Step::Commit),
        2 => any::<usize>().prop_map(Step::Rollback),
        4 => select(vec![10, 100, 300, 1_000, 10_000]).prop_map(Step::Pass),
        1 => (call, 1..6_u32, fault).prop_map(|(call, nth, fault)| Step::Fail(call, nth, fault)),
        1 => Just(Step::Mend),
        1 => select(vec![200 << 10, 400 << 10, PLENTY]).prop_map(Step::Capacity),
    ]
}

fn kept() -> impl Strategy<Value = Kept> {
    prop_oneof![
        Just(Kept::Nothing),
        Just(Kept::Everything),
        (0..40_u16).prop_map(Kept::First),
        (0..40_u16).prop_map(Kept::Last),
        (0..40_u16).prop_map(Kept::Without),
        any::<u16>().prop_map(Kept::Random),
    ]
}

fn loss() -> impl Strategy<Value = LossPattern> {
    let grain = select(vec![Grain::Write, Grain::Page, Grain::Sector]);
    let growth = select(vec![Growth::Lost, Growth::Reached, Growth::Zeros, Growth::Garbage, Growth::Stale]);
    let power = (grain, kept(), growth, kept());
    prop_oneof![
        1 => (0..5_u16).prop_map(|pages| LossPattern::Kill { pages }),
        3 => power.prop_map(|(grain, bytes, growth, names)| LossPattern::Power { grain, bytes, growth, names }),
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![1 => Just(End::Close), 1 => Just(End::Kill), 2 => (1..60_u64, loss()).prop_map(|(nth, loss)| End::Crash(nth, loss))]
}

fn settings() -> impl Strategy<Value = Settings> {
    let sync = select(vec![Sync::Commit, Sync::Commit, Sync::Interval(1_000)]);
    let lens = (select(vec![16 << 10, 32 << 10]), select(vec![96 << 10, 256 << 10]));
    (1..4_usize, lens, sync, any::<bool>(), any::<bool>()).prop_map(
        |(directories, lens, sync, take_sync, checkpoint_on_close)| {
            let (segment_len, buffer_bytes) = lens;
            Settings {
                directories,
                segment_len,
                buffer_bytes,
                sync,
                take_sync,
                checkpoint_on_close,
                capacity: 4_000,
                ..Settings::default()
            }
        },
    )
}

/// What a process has open.
#[derive(Default)]
struct Open {
    hidden: Vec<Hidden>,
    taken: Vec<Taken>,
}

impl Open {
    fn step(&mut self, life: &mut Life<'_, '_>, step: &Step) {
        match *step {
            Step::Stage(events) => life.stage(events),
            Step::Put(events) => life.put(events),
            Step::Hide(events) => self.hidden.extend(life.hide(events)),
            Step::Decide(shown) => match (self.hidden.pop(), shown) {
                (Some(hidden), true) => life.show(hidden),
                (Some(hidden), false) => life.void(hidden),
                (None, _) => {}
            },
            Step::Take(max) => self.taken.extend(life.take(max)),
            Step::Commit(at) if !self.taken.is_empty() => life.commit(self.taken.remove(at % self.taken.len())),
            Step::Rollback(at) if !self.taken.is_empty() => life.rollback(self.taken.remove(at % self.taken.len())),
            Step::Commit(_) | Step::Rollback(_) => {}
            Step::Pass(ms) => life.pass(ms),
            Step::Fail(call, nth, fault) => life.world.fail(call, nth, fault),
            Step::Mend => life.world.mend(),
            Step::Capacity(bytes) => life.world.set_capacity(bytes),
        }
    }
}

fn run(program: &mut Program, steps: &[Step], end: &End) {
    let act = |life: &mut Life<'_, '_>| {
        let mut open = Open::default();
        for step in steps {
            open.step(life, step);
        }
        if matches!(end, End::Close) {
            life.close();
        }
    };
    match end {
        End::Crash(nth, loss) => program.live_until(*nth, *loss, act),
        End::Close | End::Kill => program.live(act),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000 * effort(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_and_whatever_fails_nothing_that_was_promised_is_lost(
        settings in settings(),
        lives in vec((vec(step(), 0..40), end()), 1..6),
        last in loss(),
    ) {
        let mut program = Program::new(settings, u64::MAX);
        for (steps, end) in &lives {
            run(&mut program, steps, end);
        }
        let Program { world, model, .. } = program;
        world.mend();
        for loss in [last, LossPattern::Kill { pages: 0 }, LOSE_ALL] {
            let outcome = check(&world, settings, &model, loss, world.faults() == 0);
            prop_assert!(outcome.is_ok(), "with {:?}: {}", loss, outcome.unwrap_err());
        }
    }
}
