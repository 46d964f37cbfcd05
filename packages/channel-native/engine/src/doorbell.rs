//! How a channel tells a worker that its waits are over: one queue of completions and one ring for each worker life.

use crate::{
    error::Error,
    sync::{Arc, Mutex},
};

/// The answer to one wait.
#[derive(Debug, PartialEq, Eq)]
pub struct Completion {
    /// The number under which the worker waits.
    pub token: u32,
    /// A handle, or why there is none.
    pub result: Result<u64, Error>,
}

/// Wakes the worker's event loop; may be called from any thread, and must not call back into the engine.
pub type Ring = Box<dyn Fn() + Send + Sync>;

struct Queue {
    completions: Vec<Completion>,
    rung: bool,
    /// `None` once the doorbell is closed: what the ring holds of an event loop must be let go before that ends.
    ring: Option<Arc<Ring>>,
}

/// The doorbell of one worker life. Completions pushed while the bell has been rung and not yet answered do not ring again.
#[derive(Clone)]
pub struct Doorbell {
    queue: Arc<Mutex<Queue>>,
}

impl Doorbell {
    /// A doorbell that is rung by `ring`.
    #[must_use]
    pub fn new(ring: Ring) -> Self {
        let queue = Queue { completions: Vec::new(), rung: false, ring: Some(Arc::new(ring)) };
        Self { queue: Arc::new(Mutex::new(queue)) }
    }

    /// Leaves a completion and rings, unless the bell is ringing already. A closed doorbell takes nothing.
    pub fn push(&self, completion: Completion) {
        let Ok(mut queue) = self.queue.lock() else { return };
        let Some(ring) = queue.ring.clone() else { return };
        queue.completions.push(completion);
        let silent = !std::mem::replace(&mut queue.rung, true);
        drop(queue);
        if silent {
            ring();
        }
    }

    /// Answers the bell: what was left since the last time, the oldest `max` of it. When nothing else is left, the next one rings again; who
    /// gets `max` must ask once more.
    #[must_use]
    pub fn answer(&self, max: usize) -> Vec<Completion> {
        let Ok(mut queue) = self.queue.lock() else { return Vec::new() };
        let most = max.min(queue.completions.len());
        let rest = queue.completions.split_off(most);
        queue.rung = !rest.is_empty();
        std::mem::replace(&mut queue.completions, rest)
    }

    /// Takes nothing and never rings from now on. A `ring` under way in another thread may still end.
    pub fn close(&self) {
        let Ok(mut queue) = self.queue.lock() else { return };
        queue.ring = None;
        queue.completions.clear();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_ringing_bell_is_not_rung_again_until_it_is_answered() {
        let rings = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&rings);
        let bell = Doorbell::new(Box::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        }));
        bell.push(Completion { token: 1, result: Ok(7) });
        bell.push(Completion { token: 2, result: Err(Error::Closed) });
        assert_eq!(rings.load(Ordering::Relaxed), 1);
        assert_eq!(bell.answer(1).len(), 1);
        bell.push(Completion { token: 5, result: Ok(8) });
        assert_eq!(rings.load(Ordering::Relaxed), 1, "who has not heard all is still being answered");
        assert_eq!(bell.answer(9).iter().map(|it| it.token).collect::<Vec<_>>(), [2, 5]);
        assert!(bell.answer(9).is_empty());
        bell.push(Completion { token: 3, result: Ok(0) });
        assert_eq!(rings.load(Ordering::Relaxed), 2);
        bell.close();
        assert!(bell.answer(9).is_empty());
        bell.push(Completion { token: 4, result: Ok(0) });
        assert_eq!(rings.load(Ordering::Relaxed), 2);
    }
}
