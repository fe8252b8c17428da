//! Step 5, handle, from the user's side: what a handler may return, and how the engine calls it.

use crate::batch::Batch;
use crate::failure::{BoxError, Failure};
use crate::sync::thread_local;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A handler as the engine holds it: one per worker.
pub(crate) type BoxedHandler<T, R> = Box<dyn FnMut(&mut Batch<T, R>) -> Result<(), Failure> + Send>;

/// A handler for one call.
pub(crate) type HandlerRef<'a, T, R> = &'a mut dyn FnMut(&mut Batch<T, R>) -> Result<(), Failure>;

/// What a handler may return.
///
/// | returned | meaning |
/// | --- | --- |
/// | `()` | every item not failed with [`Batch::fail`] is done |
/// | `Result<(), E>` | `Err` fails the whole batch |
/// | `Vec<Result<R, E>>` | one result per item, in order; a wrong count fails the batch |
/// | `Result<Vec<R>, E>` | one reply per item, or the failure of the batch |
///
/// ```
/// use batchline::{Batch, Batcher};
/// let upper = Batcher::<String>::builder().replies::<String>().demand(true).build(
///     |batch: &mut Batch<String, String>| {
///         batch.iter().map(|text| Ok(text.to_uppercase())).collect::<Vec<Result<_, String>>>()
///     },
/// )?;
/// assert_eq!(upper.submit("a".into())?.wait()?, "A");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait HandlerReturn<R> {
    /// Turns the returned value into marks on the batch, or into its failure. Called by the engine.
    #[doc(hidden)]
    fn settle<T>(self, batch: &mut Batch<T, R>) -> Result<(), Failure>;
}

impl<R> HandlerReturn<R> for () {
    fn settle<T>(self, _batch: &mut Batch<T, R>) -> Result<(), Failure> {
        Ok(())
    }
}

impl<R, E: Into<BoxError>> HandlerReturn<R> for Result<(), E> {
    fn settle<T>(self, _batch: &mut Batch<T, R>) -> Result<(), Failure> {
        self.map_err(Failure::error)
    }
}

impl<R, E: Into<BoxError>> HandlerReturn<R> for Vec<Result<R, E>> {
    fn settle<T>(self, batch: &mut Batch<T, R>) -> Result<(), Failure> {
        batch.reply_all(self.into_iter())
    }
}

impl<R, E: Into<BoxError>> HandlerReturn<R> for Result<Vec<R>, E> {
    fn settle<T>(self, batch: &mut Batch<T, R>) -> Result<(), Failure> {
        let replies = self.map_err(Failure::error)?;
        batch.reply_all(replies.into_iter().map(Ok::<R, BoxError>))
    }
}

/// Calls the handler; a panic becomes a failure of the batch.
pub(crate) fn call<T, R>(
    engine_id: u64,
    handler: HandlerRef<'_, T, R>,
    batch: &mut Batch<T, R>,
) -> Result<(), Failure> {
    let before = (std::ptr::from_ref(batch.run().slab()), batch.run().start);
    let result = within(engine_id, || catch_unwind(AssertUnwindSafe(|| handler(batch))));
    let after = (std::ptr::from_ref(batch.run().slab()), batch.run().start);
    if before != after {
        // Safe code can swap two batches through their references; going on would settle the wrong items.
        std::process::abort();
    }
    result.unwrap_or_else(|panic| Err(Failure::panicked(&*panic)))
}

/// The handlers running on this thread, innermost first, as a list on the stack.
struct Frame {
    engine_id: u64,
    outer: *const Frame,
}

thread_local! {
    static INNERMOST: Cell<*const Frame> = const { Cell::new(std::ptr::null()) };
}

/// Runs `body` as a handler of the engine `engine_id`. `body` must not unwind.
fn within<A>(engine_id: u64, body: impl FnOnce() -> A) -> A {
    let frame = Frame { engine_id, outer: INNERMOST.with(Cell::get) };
    INNERMOST.with(|innermost| innermost.set(&raw const frame));
    let value = body();
    INNERMOST.with(|innermost| innermost.set(frame.outer));
    value
}

/// Whether this thread is inside a handler of that engine.
pub(crate) fn is_inside(engine_id: u64) -> bool {
    let mut frame = INNERMOST.with(Cell::get);
    while !frame.is_null() {
        // SAFETY: frames live on this thread's stack until `within` returns, and it takes them off the list.
        let (id, outer) = unsafe { ((*frame).engine_id, (*frame).outer) };
        if id == engine_id {
            return true;
        }
        frame = outer;
    }
    false
}
