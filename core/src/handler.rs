//! Step 5, handle, from the user's side: what a handler may return, and how the engine calls it.

use crate::batch::Batch;
use crate::failure::{BoxError, Failure};
use crate::shield;
use crate::sync::thread_local;
use std::cell::RefCell;
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
pub(crate) fn call<T, R>(handler: HandlerRef<'_, T, R>, batch: &mut Batch<T, R>) -> Result<(), Failure> {
    let before = (std::ptr::from_ref(batch.run().slab()), batch.run().start);
    let result = catch_unwind(AssertUnwindSafe(|| handler(batch)));
    let after = (std::ptr::from_ref(batch.run().slab()), batch.run().start);
    if before != after {
        // Safe code can swap two batches through their references; going on would settle the wrong items.
        std::process::abort();
    }
    result.unwrap_or_else(|payload| {
        let failure = Failure::panicked(&*payload);
        shield::dispose(payload);
        Err(failure)
    })
}

thread_local! {
    /// The engines whose handlers or hooks run on this thread, innermost last.
    static INSIDE: RefCell<Vec<Inside>> = const { RefCell::new(Vec::new()) };
}

/// That this thread runs user code for an engine, as long as the guard lives: in a handler and all that follows
/// from a batch (drops, wakers), or in the failure hook.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inside {
    engine_id: u64,
    is_hook: bool,
}

/// Ends an [`Inside`].
pub(crate) struct InsideGuard;

impl Inside {
    pub(crate) fn handler(engine_id: u64) -> InsideGuard {
        Self { engine_id, is_hook: false }.enter()
    }

    pub(crate) fn hook(engine_id: u64) -> InsideGuard {
        Self { engine_id, is_hook: true }.enter()
    }

    fn enter(self) -> InsideGuard {
        INSIDE.with(|inside| inside.borrow_mut().push(self));
        InsideGuard
    }
}

impl Drop for InsideGuard {
    fn drop(&mut self) {
        INSIDE.with(|inside| inside.borrow_mut().pop());
    }
}

/// Whether this thread is inside a handler or hook of that engine.
pub(crate) fn is_inside(engine_id: u64) -> bool {
    is_any(|inside| inside.engine_id == engine_id)
}

/// Whether this thread is inside the failure hook of that engine.
pub(crate) fn is_in_hook(engine_id: u64) -> bool {
    is_any(|inside| *inside == Inside { engine_id, is_hook: true })
}

fn is_any(is: impl Fn(&Inside) -> bool) -> bool {
    // While the thread ends, the list may be gone; no handler runs then.
    INSIDE.try_with(|inside| inside.borrow().iter().any(is)).unwrap_or(false)
}
