//! Which losses can be told from one another where a world has stopped.

use super::super::sim::{Grain, Growth, Kept, LossPattern, World};

/// Losses of power that are looked at for each call, at least where there are so many, and at most.
const POWER_MIN: usize = 32;
const POWER_MAX: usize = 40;
/// So many of a row of cuts are looked at.
const CUTS: u16 = 6;
/// Steps through a list, so that all parts of it are visited.
const STRIDE: usize = 7919;

/// The losses at a call, `effort` times as many as usual where there are more.
pub(super) fn losses(stopped: &World, call: u64, effort: usize) -> Vec<LossPattern> {
    let mut all = kills(stopped);
    all.extend(power_cuts(stopped, call, effort));
    all
}

/// Of the write that was interrupted, any number of pages is there.
fn kills(stopped: &World) -> Vec<LossPattern> {
    let pages = |pages| stopped.after_crash(LossPattern::Kill { pages }).doubt().pages;
    let interrupted = pages(u16::MAX) - pages(0);
    some_of(0..=interrupted).map(|pages| LossPattern::Kill { pages }).collect()
}

fn power_cuts(stopped: &World, call: u64, effort: usize) -> Vec<LossPattern> {
    let doubt = stopped.doubt();
    let mut bytes = vec![(Grain::Write, Kept::Nothing)];
    let (mut pieces, mut grain) = (0, Grain::Write);
    for (finer, count) in [(Grain::Write, doubt.writes), (Grain::Page, doubt.pages), (Grain::Sector, doubt.sectors)] {
        if count > pieces {
            // What no piece or every piece makes is the same with finer ones.
            let all = (pieces == 0).then_some(Kept::Everything);
            bytes.extend(all.into_iter().chain(cuts(count)).map(|kept| (finer, kept)));
            (pieces, grain) = (count, finer);
        }
    }
    let mut names = vec![Kept::Nothing];
    names.extend((doubt.names > 0).then_some(Kept::Everything).into_iter().chain(cuts(doubt.names)));
    let growths = [Growth::Zeros, Growth::Lost, Growth::Reached, Growth::Garbage, Growth::Stale];
    let growths = &growths[..if doubt.grown > 0 { growths.len() } else { 1 }];

    let total = bytes.len() * names.len() * growths.len();
    let stride = if total.is_multiple_of(STRIDE) { 1 } else { STRIDE };
    let nth = |nth: usize| {
        let at = nth * stride % total;
        let (grain, kept) = bytes[at % bytes.len()];
        let rest = at / bytes.len();
        LossPattern::Power {
            grain,
            bytes: kept,
            growth: growths[rest % growths.len()],
            names: names[rest / growths.len()],
        }
    };
    let mut all: Vec<_> = (0..total.min(POWER_MAX * effort)).map(nth).collect();
    // Fewer than these are all that there can be.
    let subsets = 1_usize.checked_shl(u32::from(pieces) + u32::from(doubt.names)).unwrap_or(usize::MAX);
    let random = (POWER_MIN * effort).min(subsets / 4).saturating_sub(all.len());
    let seed = |nth: usize| Kept::Random((call as u16).wrapping_mul(251).wrapping_add(nth as u16));
    let growth = |nth: usize| growths[nth % growths.len()];
    let names = |nth| if doubt.names > 0 { seed(nth) } else { Kept::Nothing };
    all.extend((0..random).map(|nth| LossPattern::Power {
        grain,
        bytes: seed(nth),
        growth: growth(nth),
        names: names(nth),
    }));
    all
}

/// Ways to keep a part of a row of things, but not all of them.
fn cuts(count: u16) -> Vec<Kept> {
    let mut all: Vec<_> =
        some_of(1..=count.saturating_sub(1)).flat_map(|it| [Kept::First(it), Kept::Last(it)]).collect();
    if count > 2 {
        all.extend(some_of(1..=count - 2).map(Kept::Without));
        all.extend([true, false].map(Kept::Alternating));
    }
    all
}

/// A few of these numbers, with the first and the last.
fn some_of(range: std::ops::RangeInclusive<u16>) -> impl Iterator<Item = u16> {
    let (first, count) = (*range.start(), range.len() as u16);
    let few = count.min(CUTS);
    (0..few).map(move |at| {
        first + if few > 1 { (u32::from(at) * u32::from(count - 1) / u32::from(few - 1)) as u16 } else { 0 }
    })
}
