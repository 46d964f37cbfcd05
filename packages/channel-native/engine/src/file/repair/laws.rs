//! What holds wherever a repair is stopped, and whatever is damaged.

use proptest::{collection::vec, prelude::*};

use super::{
    super::{
        Consumed, Storage,
        inspect::{
            look,
            tests::{self as inspected, names},
        },
        layout::RECORDS_AT,
        sim::{Kept, LossPattern},
    },
    tests::{assert_settled, assert_well, checkpoints, closed, data, log, mend, names_without, queued, torn},
};
use crate::batch::model::cases;

fn only_in_the_checkpoint() -> impl Iterator<Item = u64> {
    (71..130).step_by(2)
}

#[test]
fn a_repair_that_was_stopped_anywhere_can_be_done_again() {
    let spoiled = || {
        let mut build = log();
        let mut consumed = Consumed::up_to(0);
        consumed.insert(5, 15);
        // Nothing else knows of these, and they are more than a disk writes at once.
        for ordinal in only_in_the_checkpoint() {
            consumed.insert(ordinal, ordinal + 1);
        }
        build.checkpoint(consumed);
        build.checkpoints[0].sync_names().unwrap();
        build.flip(2, build.records[2].at.offset + 70);
        build.damage(1, |bytes| bytes[..RECORDS_AT as usize].fill(0));
        build.flip(3, build.records[5].at.offset + 3);
        build
    };
    let build = spoiled();
    let before = build.world.calls();
    mend(&build.world).unwrap();
    let calls = build.world.calls() - before;
    for nth in 1..=calls {
        for loss in
            [LossPattern::Kill { pages: 0 }, torn(Kept::Nothing), torn(Kept::Alternating(true)), torn(Kept::Random(1))]
        {
            let build = spoiled();
            build.world.crash_at(nth);
            mend(&build.world).unwrap_err();
            let world = build.world.after_crash(loss);
            mend(&world).unwrap();
            assert_eq!(
                queued(&world),
                names_without((30..40).chain(60..70).chain(only_in_the_checkpoint())),
                "stopped at call {nth}"
            );
            assert_well(&world);
        }
    }
    assert!(calls > 20, "{calls}");
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn whatever_is_damaged_all_that_could_be_read_can_be_read_afterwards(
        changes in vec((1..4_u64, 0..30_000_usize, 1..5_000_usize, any::<u8>()), 1..6),
        cut in prop::option::of((1..4_u64, 0..60_000_usize)),
        is_closed in any::<bool>(),
    ) {
        let build = if is_closed { closed() } else { log() };
        for (number, at, len, byte) in changes {
            build.damage(number, |bytes| bytes[at..at + len].fill(byte));
        }
        if let Some((number, len)) = cut {
            build.damage(number, |bytes| bytes.truncate(len));
        }
        let before = look(&[data(&build.world)], &checkpoints(&build.world)).map(|lanes| inspected::dumped(lanes, false));
        mend(&build.world).unwrap();
        let after = queued(&build.world);
        if let Ok(before) = before {
            // With the header of its segment back, the checkpoint may know again what was taken.
            let taken = names(5..15);
            let others = |all: &[String]| all.iter().filter(|name| !taken.contains(name)).cloned().collect::<Vec<_>>();
            let same = before == after || before.len() > after.len() && others(&before) == others(&after);
            prop_assert!(same, "{:?}\n{:?}", before, after);
        }
        assert_settled(&build.world);
    }
}
