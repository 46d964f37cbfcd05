//! Worker lives and their doorbells.

use millrace_engine::registry;
use napi::{
    Env, Status,
    bindgen_prelude::{Float64ArraySlice, Function},
    threadsafe_function::ThreadsafeFunctionCallMode,
};
use napi_derive::napi;

use crate::failure::{Result, Thrown, number, thrown};

/// A number for a worker life that is about to begin. Called in the thread that will also call `reclaimOwner`.
#[napi(catch_unwind)]
pub fn new_owner() -> u32 {
    registry::new_owner()
}

/// Begins the owner's life in this thread: `ring` is called, soon after, when something has come to its doorbell. It does not keep the event loop
/// alive. At the end of the environment the owner leaves by itself.
#[napi(catch_unwind)]
pub fn enter_owner(env: Env, owner: u32, ring: Function<'_, (), ()>) -> Result<()> {
    let failed = |error: napi::Error| Thrown::new("MR_ENGINE_PANIC".into(), error.to_string());
    let bell = ring.build_threadsafe_function::<()>().weak::<true>().build().map_err(failed)?;
    let wake = Box::new(move || {
        // A refusal means that the environment is ending: nobody is left to be woken.
        let _: Status = bell.call((), ThreadsafeFunctionCallMode::NonBlocking);
    });
    registry::enter(owner, wake).map_err(thrown)?;
    env.add_env_cleanup_hook(owner, registry::leave).map_err(failed)?;
    Ok(())
}

/// Writes what has come to the doorbell: `token, outcome` for each wait that is over, where an outcome is a handle or a negative number. Answers how
/// many numbers that are; when they fill `out`, there may be more.
#[napi(catch_unwind)]
pub fn answer_owner(owner: u32, mut out: Float64ArraySlice<'_>) -> u32 {
    // SAFETY: the caller's own array, used by nobody else during the call.
    let out = unsafe { out.as_mut() };
    let completions = registry::answer(owner, out.len() / 2);
    for (place, completion) in out.chunks_exact_mut(2).zip(&completions) {
        place[0] = f64::from(completion.token);
        place[1] = match &completion.result {
            Ok(handle) => handle_to_number(*handle),
            Err(error) => f64::from(number(error)),
        };
    }
    completions.len() as u32 * 2
}

/// Ends the owner's waits; nothing is delivered to it any more.
#[napi(catch_unwind)]
pub fn leave_owner(owner: u32) {
    registry::leave(owner);
}

/// Gives back what the owner left open. Only after the `exit` event of its thread.
#[napi(catch_unwind)]
pub fn reclaim_owner(owner: u32) {
    registry::reclaim(owner);
}

/// A handle has at most 52 bits, so that a JavaScript number holds it exactly.
#[expect(clippy::cast_precision_loss, reason = "52 bits")]
pub const fn handle_to_number(handle: u64) -> f64 {
    handle as f64
}
