//! A fault at any call.

use super::{
    super::sim::{Call, Fault, LossPattern},
    LOSE_ALL, check, chosen,
    program::Program,
    workloads::Workload,
};

#[test]
fn a_fault_at_any_call_costs_nothing_but_the_puts_it_refuses() {
    let mut faults = 0;
    for workload in chosen().into_iter().filter(|it| !it.has_faults) {
        for call in [Call::Create, Call::Rename, Call::Remove, Call::SyncNames, Call::Write, Call::Sync] {
            for fault in [Fault::Io, Fault::Full] {
                let strikes = (1..).take_while(|&nth| {
                    let there = strike(workload, call, nth, fault);
                    there.unwrap_or_else(|what| panic!("{}, {fault:?} at {call:?} {nth}: {what}", workload.name))
                });
                faults += strikes.count();
            }
        }
    }
    println!("faults: {faults}");
}

/// Whether there was such a call to fail.
fn strike(workload: &Workload, call: Call, nth: u32, fault: Fault) -> Result<bool, String> {
    let mut program = Program::new(workload.settings, u64::MAX);
    program.world.fail(call, nth, fault);
    (workload.act)(&mut program);
    let Program { world, model, .. } = program;
    // A process that ends after a failed sync leaves a page cache that is not to be believed: what it shows may be missed later.
    let is_healthy = call != Call::Sync;
    for loss in [LossPattern::Kill { pages: 0 }, LOSE_ALL] {
        check(&world, workload.settings, &model, loss, is_healthy)?;
    }
    Ok(world.faults() > 0)
}
