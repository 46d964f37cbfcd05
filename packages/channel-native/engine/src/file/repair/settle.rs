//! Damaged headers, holes in the log, and a checkpoint that says what is queued when both are mended.

use std::{collections::BTreeSet, io, sync::Arc};

use super::{
    super::{
        Position, Storage,
        checkpoint::{self, Checkpoint},
        inspect::{Lane, Verified, Verify},
        layout::checkpoint_name,
    },
    Act, Step,
    fill::can_fill,
    headers, quarantine,
};
use crate::error::{Error, Fault, Result};

/// Writes headers again, fills holes, and writes checkpoints where anything is not as it should be.
pub(super) fn settle<S: Storage>(data: &Arc<S>, checkpoints: &[Arc<S>]) -> Result<Vec<Step<S>>> {
    let mut verify = Verify::new(vec![Lane::read(data, checkpoints)?]);
    let mut all = Verified::default();
    let mut headless = Vec::new();
    while let Some(verified) = verify.next_segment() {
        if verified.unread {
            let what = "a part of what is in it cannot be read: copy it to a disk that works, and mend the copy";
            return Err(Error::file(Fault::Damaged, &data.path(), what));
        }
        headless.extend(verified.headless);
        all.findings.extend(verified.findings);
        all.holes.extend(verified.holes);
        all.missing.extend(verified.missing);
    }
    let lane = verify.into_lanes().remove(0);
    if all.findings.is_empty() {
        return Ok(Vec::new());
    }
    let holed = all.holes.iter().map(|hole| hole.number);
    let changed: BTreeSet<u64> = holed.chain(headless.iter().copied()).collect();
    let mut steps: Vec<_> = changed.into_iter().map(|number| Step::new(data, Act::Keep { number })).collect();
    for number in headless {
        steps.extend(headers::restored(data, number)?);
    }
    let log_id = lane.recovered.log_id.unwrap_or_default();
    let fillable = all.holes.iter().filter(|hole| can_fill(hole)).cloned();
    steps.extend(fillable.map(|hole| Step::new(data, Act::Fill { log_id, hole })));
    steps.extend(checkpoint_steps(lane, &all, checkpoints)?);
    Ok(steps)
}

/// Writes a checkpoint of the end of the log: what is missing then counts as consumed, and the next opening finds nothing to say.
fn checkpoint_steps<S: Storage>(lane: Lane<S>, all: &Verified, checkpoints: &[Arc<S>]) -> Result<Vec<Step<S>>> {
    let Lane { data, recovered } = lane;
    let (Some(log_id), Some(oldest), Some(newest)) =
        (recovered.log_id, recovered.segments.front(), recovered.segments.back())
    else {
        return Ok(Vec::new());
    };
    let by_holes: u64 = all.holes.iter().map(|hole| hole.lost).sum();
    let lost = all.findings.iter().map(|finding| finding.events_lost).sum::<u64>().saturating_sub(by_holes);
    let mut consumed = recovered.consumed.clone();
    for missing in &all.missing {
        consumed.insert(missing.start, missing.end);
    }
    let checkpoint = Checkpoint {
        log_id,
        generation: recovered.generation + 1,
        position: Position { segment: newest.number, offset: newest.end },
        nonce: newest.nonce,
        next_ordinal: recovered.next_ordinal,
        next_sequence: recovered.next_sequence,
        lowest_segment: oldest.number,
        consumed,
    };
    let mut steps = vec![Step::new(&data, Act::Sync { number: newest.number })];
    for storage in checkpoints {
        let fits = |it: &Checkpoint| recovered.segments.iter().any(|segment| it.is_in(segment.number, segment.nonce));
        if has_others_only(&**storage, log_id, fits)? {
            steps.push(quarantine(
                storage,
                &checkpoint_name(log_id),
                "says nothing about what is in the data directory".into(),
            )?);
        }
        steps.push(Step::new(storage, Act::Settle { checkpoint: Box::new(checkpoint.clone()), lost }));
    }
    Ok(steps)
}

/// Whether something was written to a file of checkpoints, and nothing of it fits.
fn has_others_only<S: Storage>(storage: &S, log_id: u64, fits: impl FnMut(&Checkpoint) -> bool) -> Result<bool> {
    let name = checkpoint_name(log_id);
    let slots = match storage.open(&name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened.and_then(|file| checkpoint::read(&file)),
    };
    let slots = slots.map_err(|error| Error::disk("read", &storage.path().join(&name), &error))?;
    Ok((slots.has_others || !slots.checkpoints.is_empty()) && !slots.checkpoints.iter().any(fits))
}
