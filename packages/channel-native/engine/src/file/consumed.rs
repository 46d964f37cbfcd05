//! Which events of a directory have left it, by their ordinals.
#![forbid(unsafe_code)]

use std::{collections::BTreeMap, ops::Range};

/// All ordinals below a watermark, and ranges above it: as few as events leave out of order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Consumed {
    watermark: u64,
    /// First to behind-the-last; neither empty, nor touching each other or the watermark.
    above: BTreeMap<u64, u64>,
}

impl Consumed {
    /// All ordinals below `watermark`.
    #[must_use]
    pub const fn up_to(watermark: u64) -> Self {
        Self { watermark, above: BTreeMap::new() }
    }

    /// Adds the ordinals from `first` up to `end`, and returns how many of them are new.
    pub fn insert(&mut self, first: u64, end: u64) -> u64 {
        let (mut start, mut stop) = (first.max(self.watermark), end);
        if start >= stop {
            return 0;
        }
        let mut new = stop - start;
        while let Some((&other, &behind)) =
            self.above.range(..=stop).next_back().filter(|&(_, &behind)| behind >= start)
        {
            new -= behind.min(end).saturating_sub(other.max(first));
            (start, stop) = (start.min(other), stop.max(behind));
            self.above.remove(&other);
        }
        if start == self.watermark {
            self.watermark = stop;
        } else {
            self.above.insert(start, stop);
        }
        new
    }

    /// Whether this event has left.
    #[must_use]
    pub fn is_consumed(&self, ordinal: u64) -> bool {
        ordinal < self.watermark || self.above.range(..=ordinal).next_back().is_some_and(|(_, &end)| ordinal < end)
    }

    /// The ordinals from `first` up to `end` that are not consumed, in order.
    pub fn unconsumed_in(&self, first: u64, end: u64) -> impl Iterator<Item = Range<u64>> + '_ {
        let mut at = first.max(self.watermark);
        if let Some((_, &behind)) = self.above.range(..=at).next_back() {
            at = at.max(behind);
        }
        let end = end.max(at);
        let gaps = self.above.range(at..end).map(|(&first, &end)| first..end).chain(std::iter::once(end..end));
        gaps.map(move |consumed| std::mem::replace(&mut at, consumed.end)..consumed.start).filter(|gap| !gap.is_empty())
    }

    /// Every event with a lower ordinal is consumed.
    #[must_use]
    pub const fn watermark(&self) -> u64 {
        self.watermark
    }

    /// The ordinal behind the highest consumed one.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.above.last_key_value().map_or(self.watermark, |(_, &end)| end)
    }

    /// How many of the ordinals below `end` are consumed.
    #[must_use]
    pub fn count_below(&self, end: u64) -> u64 {
        let above = self.above.range(..end).map(|(&first, &behind)| behind.min(end) - first);
        self.watermark.min(end) + above.sum::<u64>()
    }

    /// The ranges above the watermark, in order.
    #[must_use]
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = Range<u64>> + '_ {
        self.above.iter().map(|(&first, &end)| first..end)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::batch::model::cases;

    #[test]
    fn ordinals_to_the_end_of_numbers_are_consumed() {
        let mut consumed = Consumed::up_to(3);
        assert_eq!(consumed.insert(u64::MAX - 1, u64::MAX), 1);
        assert_eq!(consumed.unconsumed_in(0, u64::MAX).collect::<Vec<_>>(), vec![3..u64::MAX - 1]);
        assert_eq!(consumed.insert(0, u64::MAX), u64::MAX - 4);
        assert_eq!(consumed, Consumed::up_to(u64::MAX));
    }

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn as_a_set_of_ordinals(start in 0..8_u64, inserts in vec((0..60_u64, 0..12_u64), 0..30), window in (0..70_u64, 0..80_u64)) {
            let mut set: BTreeSet<u64> = (0..start).collect();
            let mut consumed = Consumed::up_to(start);
            for (first, len) in inserts {
                let before = set.len();
                set.extend(first..first + len);
                prop_assert_eq!(consumed.insert(first, first + len), (set.len() - before) as u64);
            }
            let gap = (0..80).find(|ordinal| !set.contains(ordinal)).unwrap();
            prop_assert_eq!(consumed.watermark(), gap);
            prop_assert_eq!(consumed.end(), set.last().map_or(0, |last| last + 1));
            let pairs: Vec<_> = consumed.pairs().collect();
            prop_assert!(pairs.windows(2).all(|pair| pair[0].end < pair[1].start), "{pairs:?}");
            prop_assert!(pairs.iter().cloned().flatten().eq(set.range(gap..).copied()));
            let (first, end) = window;
            prop_assert_eq!(consumed.is_consumed(first), set.contains(&first));
            prop_assert_eq!(consumed.count_below(end), set.range(..end).count() as u64);
            let missing = (first..end).filter(|ordinal| !set.contains(ordinal));
            prop_assert!(consumed.unconsumed_in(first, end).flatten().eq(missing));
            let ranges: Vec<_> = consumed.unconsumed_in(first, end).collect();
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start), "{ranges:?}");
        }
    }
}
