//! Crashes at every call that changes the disk, with every loss that can be told from another there.
//!
//! ```text
//!  workload ──▶ program ──▶ stopped at call n ──▶ each loss pattern ──▶ opened again: is everything there that was promised?
//!                 └──▶ model: what it may rely on ──────────────────────────┘
//! ```

mod faults;
mod losses;
mod model;
mod program;
mod random;
mod workloads;

use std::{
    collections::HashSet,
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{
    rig::{Settings, with_rig},
    sim::{Grain, Growth, Kept, LossPattern, World},
};
use crate::batch::model::effort;
use losses::losses;
use model::Model;
use program::{ACK_MS, Program, sync_ms};
use workloads::{WORKLOADS, Workload};

/// The fewest crashes that are a proof.
const CRASHES_MIN: usize = 100_000;
/// More room than anything here takes.
const PLENTY: u64 = 1 << 50;
/// The number of an event that is put after the crash.
const LATER: u64 = u64::MAX;

/// A loss of power that takes all it can.
pub(super) const LOSE_ALL: LossPattern =
    LossPattern::Power { grain: Grain::Write, bytes: Kept::Nothing, growth: Growth::Lost, names: Kept::Nothing };

/// One simulated crash: which workload, at which of its calls, and what it takes.
type Crash = (&'static str, u64, LossPattern);

/// The workloads that `MILLRACE_CRASH` names a part of; without it all.
fn chosen() -> Vec<&'static Workload> {
    let part = env::var("MILLRACE_CRASH").unwrap_or_default();
    WORKLOADS.iter().filter(|workload| workload.name.contains(&part)).collect()
}

#[test]
fn a_crash_at_any_call_loses_nothing_that_was_promised() {
    let workloads = chosen();
    let jobs: Vec<_> = workloads.iter().flat_map(|it| (1..=it.calls() + 1).map(move |call| (it, call))).collect();
    let (next, crashes, failure) = (AtomicUsize::new(0), Mutex::new(HashSet::new()), Mutex::new(None));
    let work = || {
        while let Some((workload, call)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            match crash(workload, *call) {
                Ok(more) => lock(&crashes).extend(more),
                Err(what) => {
                    next.store(jobs.len(), Ordering::Relaxed);
                    lock(&failure).get_or_insert(what);
                }
            }
        }
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(2, usize::from);
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    if let Some(what) = lock(&failure).take() {
        panic!("{what}");
    }
    let crashes = lock(&crashes);
    for Workload { name, .. } in &workloads {
        let calls: HashSet<_> = crashes.iter().filter(|(of, ..)| of == name).map(|(_, call, _)| call).collect();
        let of = crashes.iter().filter(|(of, ..)| of == name).count();
        println!("{of:>8} crashes at {:>4} calls: {name}", calls.len());
    }
    println!("distinct crashes: {}", crashes.len());
    assert!(crashes.len() >= CRASHES_MIN || workloads.len() < WORKLOADS.len(), "only {} crashes", crashes.len());
}

/// Stops a workload at a call, and looks at what each loss leaves.
fn crash(workload: &Workload, call: u64) -> Result<Vec<Crash>, String> {
    let mut program = Program::new(workload.settings, call);
    (workload.act)(&mut program);
    let Program { world, model, refused, .. } = program;
    if let Some(error) = refused {
        return Err(format!("{}: {error}", workload.name));
    }
    let losses = losses(&world, call, effort() as usize);
    for loss in &losses {
        let outcome =
            catch_unwind(AssertUnwindSafe(|| check(&world, workload.settings, &model, *loss, !workload.has_faults)));
        let outcome = outcome.unwrap_or_else(|_| Err("a panic, see above".into()));
        outcome.map_err(|what| format!("{}, stopped at call {call}, with {loss:?}: {what}", workload.name))?;
    }
    Ok(losses.into_iter().map(|loss| (workload.name, call, loss)).collect())
}

/// Opens what a crash leaves, twice, the second time after a loss of power: it must be as the model says, and work, and when the disk was
/// healthy nothing must be reported.
fn check(
    stopped: &World,
    settings: Settings,
    model: &Model,
    loss: LossPattern,
    is_healthy: bool,
) -> Result<(), String> {
    let world = stopped.after_crash(loss);
    world.set_capacity(PLENTY);
    let first = open(&world, settings, is_healthy)?;
    model.check(&first, loss)?;
    let second = open(&world.after_crash(LOSE_ALL), settings, is_healthy)?;
    if second == [LATER] {
        Ok(())
    } else {
        Err(format!("after a loss of power there are {second:?}, and not the one that was put"))
    }
}

/// The events that are there. They are taken, another one is put, and all of that is durable afterwards.
fn open(world: &World, settings: Settings, is_healthy: bool) -> Result<Vec<u64>, String> {
    let opened = with_rig(world, settings, |rig| {
        let events = rig.drain();
        let findings = rig.channel.take_findings();
        if is_healthy && !findings.is_empty() {
            return Err(findings.join("; "));
        }
        let counters = rig.counters();
        if counters.queued > 0 {
            return Err(format!("{counters:?} after everything was taken"));
        }
        rig.put(&[LATER]).map_err(|error| format!("nothing can be put: {error}"))?;
        rig.pass(ACK_MS);
        rig.pass(sync_ms(&settings));
        Ok(events)
    });
    opened.map_err(|error| format!("it cannot be opened: {error}"))?
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
