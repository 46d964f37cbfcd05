//! Defects that others had, made on purpose: a proof that does not notice them is none.
//!
//! They exist in test builds only, one at a time, by the name that `MILLRACE_DEFECT` has. `scripts/defects.js` demands that the test beside each in
//! `docs/design/durability.md` fails.

/// What can be wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Defect {
    /// Segments are freed before the checkpoint is durable that lets them go.
    FreedBeforeCheckpoint,
    /// A new name is used that is not durable.
    NamesNotSynced,
    /// What a change of segments must flush is not flushed: the old one to its end, and the header of the new one.
    ChangeNotSynced,
    /// A put that is larger than a segment is tried again for ever, with all that waits behind it.
    OversizeNeverFits,
    /// A taker is woken before there is something to take.
    WokenBeforeShown,
    /// The number of a segment begins again after 32 bits.
    NumberWraps,
    /// The end of the log is believed without its checksum.
    TornBelieved,
    /// A checkpoint that found no space counts.
    FullCheckpointBelieved,
    /// A sync that failed is tried again, and believed then.
    FailedSyncRetried,
    /// Nobody looks whether a directory is in use.
    DirectoryShared,
}

impl Defect {
    /// Whether the code is to have it.
    #[cfg(not(test))]
    pub const fn is_made(self) -> bool {
        let _ = self;
        false
    }

    /// Whether the code is to have it.
    #[cfg(test)]
    pub fn is_made(self) -> bool {
        use std::{env, sync::LazyLock};
        static MADE: LazyLock<Option<String>> = LazyLock::new(|| env::var("MILLRACE_DEFECT").ok());
        MADE.as_ref().is_some_and(|name| *name == format!("{self:?}"))
    }
}
