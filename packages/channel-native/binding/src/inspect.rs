//! Looking at the directories of a file channel that nobody has open, and mending them. All of it waits for the disk, in a thread of libuv's pool.

mod shown;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use millrace_engine::{
    Error,
    file::{
        Disk, Lock,
        inspect::{self, Block, Dump, Lane, Status, Verified, Verify},
        repair::Repair,
    },
};
use napi::{
    Env, Task, ValueType,
    bindgen_prelude::{AsyncTask, External, ToNapiValue, TypeName},
    sys,
};
use napi_derive::napi;

use self::shown::{DumpedBlock, FileFailure, FileFinding, FileStatus, VerifiedSegment};
use crate::failure::{Result, thrown};

type Shared<T> = Arc<Mutex<T>>;
/// A comparison under way.
pub type VerifyHandle = Shared<Verify<Disk>>;
/// A dump under way.
pub type DumpHandle = Shared<Dump<Disk>>;
/// A repair under way, and its locks; nothing when it is over.
pub type RepairHandle = Shared<Option<Repairing>>;
type Repairing = (Repair<Disk>, Vec<Lock>);

/// Something that waits for the disk, and how JavaScript is told of it.
pub struct Asking<T, J> {
    act: Option<Box<dyn FnOnce() -> millrace_engine::Result<T> + Send>>,
    tell: fn(T) -> J,
}

/// How it went.
pub enum Answer<J> {
    /// What was asked for.
    Done(J),
    /// Why there is none.
    Failed(FileFailure),
}

impl<J: ToNapiValue + 'static, T: Send + 'static> Task for Asking<T, J> {
    type Output = millrace_engine::Result<T>;
    type JsValue = Answer<J>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let act = self.act.take().ok_or_else(|| napi::Error::from_reason("a call is made once"))?;
        // A panic must not cross into libuv.
        let outcome = catch_unwind(AssertUnwindSafe(act));
        Ok(outcome.unwrap_or_else(|_| Err(Error::Panic("a panic while files of a channel were read".into()))))
    }

    fn resolve(&mut self, _env: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(match output {
            Ok(outcome) => Answer::Done((self.tell)(outcome)),
            Err(error) => Answer::Failed(error.into()),
        })
    }
}

impl<J> TypeName for Answer<J> {
    fn type_name() -> &'static str {
        "Answer"
    }

    fn value_type() -> ValueType {
        ValueType::Unknown
    }
}

impl<J: ToNapiValue> ToNapiValue for Answer<J> {
    unsafe fn to_napi_value(env: sys::napi_env, answer: Self) -> napi::Result<sys::napi_value> {
        match answer {
            // SAFETY: what holds for the caller of this function holds for that of the other.
            Self::Done(outcome) => unsafe { J::to_napi_value(env, outcome) },
            // SAFETY: the same.
            Self::Failed(failure) => unsafe { FileFailure::to_napi_value(env, failure) },
        }
    }
}

fn asking<T, J>(
    act: impl FnOnce() -> millrace_engine::Result<T> + Send + 'static,
    tell: fn(T) -> J,
) -> AsyncTask<Asking<T, J>>
where
    Asking<T, J>: Task,
{
    AsyncTask::new(Asking { act: Some(Box::new(act)), tell })
}

fn share<T>(handle: T) -> External<Shared<T>> {
    External::new(Arc::new(Mutex::new(handle)))
}

fn lock<T>(shared: &Shared<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn paths(paths: Vec<String>) -> Vec<PathBuf> {
    paths.into_iter().map(PathBuf::from).collect()
}

fn lanes(data: Vec<String>, checkpoints: Vec<String>) -> millrace_engine::Result<Vec<Lane<Disk>>> {
    inspect::look(&inspect::look_at(&paths(data))?, &inspect::look_at(&paths(checkpoints))?)
}

/// Who has a directory open, if anybody has.
#[napi(catch_unwind)]
pub fn holder_of(directory: String) -> Result<Option<String>> {
    inspect::holder(Path::new(&directory)).map_err(thrown)
}

/// What is in data directories.
#[napi(catch_unwind, ts_return_type = "Promise<Array<FileStatus> | FileFailure>")]
pub fn inspect_files(data: Vec<String>, checkpoints: Vec<String>) -> AsyncTask<Asking<Vec<Status>, Vec<FileStatus>>> {
    asking(
        move || lanes(data, checkpoints)?.into_iter().map(Lane::status).collect(),
        |statuses| statuses.into_iter().map(FileStatus::from).collect(),
    )
}

/// Begins to compare everything.
#[napi(catch_unwind, ts_return_type = "Promise<ExternalObject<unknown> | FileFailure>")]
pub fn verify_files(
    data: Vec<String>,
    checkpoints: Vec<String>,
) -> AsyncTask<Asking<Verify<Disk>, External<VerifyHandle>>> {
    asking(move || Ok(Verify::new(lanes(data, checkpoints)?)), share)
}

/// Bytes that are compared in all.
#[napi(catch_unwind)]
pub fn bytes_to_verify(#[napi(ts_arg_type = "ExternalObject<unknown>")] handle: &External<VerifyHandle>) -> f64 {
    lock(handle).bytes() as f64
}

/// Compares the next segment.
#[napi(catch_unwind, ts_return_type = "Promise<VerifiedSegment | FileFailure>")]
pub fn verify_next(
    #[napi(ts_arg_type = "ExternalObject<unknown>")] handle: &External<VerifyHandle>,
) -> AsyncTask<Asking<Option<Verified>, VerifiedSegment>> {
    let handle = Arc::clone(handle);
    asking(move || Ok(lock(&handle).next_segment()), VerifiedSegment::from)
}

/// Begins to read what is queued, or `all` that is in the files.
#[napi(catch_unwind, ts_return_type = "Promise<ExternalObject<unknown> | FileFailure>")]
pub fn dump_files(
    data: Vec<String>,
    checkpoints: Vec<String>,
    all: bool,
) -> AsyncTask<Asking<Dump<Disk>, External<DumpHandle>>> {
    asking(move || Ok(Dump::new(lanes(data, checkpoints)?, all)), share)
}

/// Reads the next events.
#[napi(catch_unwind, ts_return_type = "Promise<DumpedBlock | FileFailure>")]
pub fn dump_next(
    #[napi(ts_arg_type = "ExternalObject<unknown>")] handle: &External<DumpHandle>,
) -> AsyncTask<Asking<Option<Block>, DumpedBlock>> {
    let handle = Arc::clone(handle);
    asking(move || lock(&handle).next_block(), DumpedBlock::from)
}

/// What a dump could not read so far.
#[napi(catch_unwind)]
pub fn dump_findings(
    #[napi(ts_arg_type = "ExternalObject<unknown>")] handle: &External<DumpHandle>,
) -> Vec<FileFinding> {
    lock(handle).findings().map(FileFinding::from).collect()
}

/// Plans what is to be done first to mend directories. Only with `to_apply` it can be done; then they are locked until `endRepair`.
#[napi(catch_unwind, ts_return_type = "Promise<ExternalObject<unknown> | FileFailure>")]
pub fn repair_files(
    data: Vec<String>,
    checkpoints: Vec<String>,
    to_apply: bool,
) -> AsyncTask<Asking<Option<Repairing>, External<RepairHandle>>> {
    let (data, checkpoints) = (paths(data), paths(checkpoints));
    let look = |data: &[PathBuf], checkpoints: &[PathBuf]| {
        Repair::plan(inspect::look_at(data)?, inspect::look_at(checkpoints)?).map(|repair| (repair, Vec::new()))
    };
    let open = if to_apply { Repair::open } else { look };
    asking(move || open(&data, &checkpoints).map(Some), share)
}

/// What is to be done next, in sentences.
#[napi(catch_unwind)]
pub fn repair_steps(#[napi(ts_arg_type = "ExternalObject<unknown>")] handle: &External<RepairHandle>) -> Vec<String> {
    let repair = lock(handle);
    repair.iter().flat_map(|(repair, _)| repair.steps()).map(ToString::to_string).collect()
}

/// Whether nothing more can come when that is done.
#[napi(catch_unwind)]
pub fn repair_is_last(#[napi(ts_arg_type = "ExternalObject<unknown>")] handle: &External<RepairHandle>) -> bool {
    lock(handle).as_ref().is_none_or(|(repair, _)| repair.is_last())
}

/// Does what was planned, and plans what comes then; false when nothing more can come.
#[napi(catch_unwind, ts_return_type = "Promise<boolean | FileFailure>")]
pub fn repair_next(
    #[napi(ts_arg_type = "ExternalObject<unknown>")] handle: &External<RepairHandle>,
) -> AsyncTask<Asking<bool, bool>> {
    let handle = Arc::clone(handle);
    asking(
        move || {
            let mut repair = lock(&handle);
            let Some((repair, _)) = &mut *repair else { return Ok(false) };
            let was_last = repair.is_last();
            repair.apply().map(|()| !was_last)
        },
        |more| more,
    )
}

/// Lets the directories of a repair go.
#[napi(catch_unwind)]
pub fn end_repair(#[napi(ts_arg_type = "ExternalObject<unknown>")] handle: &External<RepairHandle>) {
    lock(handle).take();
}
