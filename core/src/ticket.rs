//! Step 6, complete: the ticket, by which a submitter gets the outcome of its item. Before it:
//! [`crate::handle`]; it is the last step.
//!
//! A ticket and its item share one *cell*. Cells come from a pool that belongs to a lane, so submitting and
//! completing allocate nothing once the pool has grown to the number in flight.
//!
//! ```text
//! state  | TICKET : 1 | ITEM : 1 | WAKING : 1 | WAITER : 1 | phase : 3 |
//! phase  PENDING -> TAKEN -> DONE      the handler got the item, then its outcome was written
//!        PENDING -> CANCELLED          by the ticket
//!        PENDING -> EXPIRED            by the ticket, when a wait reached the item's deadline
//! ```
//!
//! 1. The item's end moves PENDING to TAKEN before the handler runs. If that fails, the ticket has cancelled
//!    or expired the item, and the item never reaches the handler. So a confirmed cancellation is final.
//! 2. The item's end writes `outcome` (TAKEN gives it that right), then moves to DONE with release and lets go
//!    of the cell (clears ITEM) in the same step. The ticket reads `outcome` after seeing DONE with acquire.
//! 3. A waiting ticket writes `waiter`, then sets WAITER with release. To change it, it first clears WAITER:
//!    whoever clears that bit owns the slot. The item's end clears it by exchanging WAITER for WAKING, takes
//!    the waiter out, and wakes it after its last touch of the cell: once the whole batch is settled (see
//!    [`Wakes`]). While WAKING stands nobody registers.
//! 4. ITEM and TICKET say who still holds the cell. The end that lets go last returns it to the pool.
//!
//! The pool: the lane's producer takes cells from a private list; a cell comes back by a push on `returned`,
//! from any thread; the producer takes that whole stack in one swap, so there is no ABA. When the lane is
//! dropped while tickets are still out, it swaps in a mark and adds their number to `orphans`; from then on
//! each returning cell subtracts one, and whoever brings the count to zero frees the pool.
//!
//! Dropped: an `Arc` per cell (four locked operations more per item), a channel per item (an allocation and a
//! lock), cells in the slab (a ticket that is never read would pin its slab), waking each waiter as its item is
//! settled (a submitter with many tickets out woke, found the next one unsettled and slept again: half the speed),
//! looking at a ticket for a while before sleeping (slower still: it takes the line from the one that settles it).

use crate::clock::{Clock, NEVER_NS, nanoseconds};
use crate::error::TicketError;
use crate::prefetch::prefetch_for_write;
use crate::shield::shielded;
use crate::sync::{AtomicI64, AtomicPtr, AtomicU32, UnsafeCell, spin_loop, thread};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const PHASE: u32 = 7;
const PENDING: u32 = 0;
const TAKEN: u32 = 1;
const DONE: u32 = 2;
const CANCELLED: u32 = 3;
const EXPIRED: u32 = 4;
const WAITER: u32 = 8;
const WAKING: u32 = 16;
const ITEM: u32 = 32;
const TICKET: u32 = 64;

/// Cells made at a time when a pool runs dry.
const CHUNK: usize = if cfg!(batchline_loom) { 1 } else { 64 };

type Outcome<R> = Result<R, TicketError>;
/// An outcome as the cell keeps it: errors are boxed, so that a cell with a small reply is one cache line.
type Kept<R> = Result<R, Box<TicketError>>;

enum Waiter {
    Thread(thread::Thread),
    Task(Waker),
}

impl Waiter {
    fn wake(self) {
        match self {
            Self::Thread(thread) => thread.unpark(),
            // A waker is foreign code; a panic in it must not stop the batch it belongs to.
            Self::Task(waker) => {
                shielded(|| waker.wake());
            }
        }
    }
}

/// Who waits for the tickets of one batch; woken together, when all of them have their outcome.
#[derive(Default)]
pub(crate) struct Wakes(Vec<Waiter>);

impl Wakes {
    pub(crate) fn wake_all(&mut self) {
        self.0.drain(..).for_each(Waiter::wake);
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        self.wake_all();
    }
}

/// One cache line for small replies, and never a part of another's.
#[repr(align(64))]
struct Cell<R> {
    state: AtomicU32,
    deadline_ns: UnsafeCell<u64>,
    waiter: UnsafeCell<Option<Waiter>>,
    outcome: UnsafeCell<Option<Kept<R>>>,
    next: UnsafeCell<*const Cell<R>>,
    home: NonNull<Home<R>>,
}

impl<R> Cell<R> {
    fn new(home: NonNull<Home<R>>) -> Self {
        Self {
            state: AtomicU32::new(PENDING),
            deadline_ns: UnsafeCell::new(NEVER_NS),
            waiter: UnsafeCell::new(None),
            outcome: UnsafeCell::new(None),
            next: UnsafeCell::new(ptr::null()),
            home,
        }
    }

    /// Moves PENDING to `phase`; false when the phase was no longer PENDING.
    fn leave_pending(&self, phase: u32) -> bool {
        let mut state = self.state.load(Relaxed);
        while state & PHASE == PENDING {
            match self.state.compare_exchange_weak(state, state | phase, AcqRel, Acquire) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }

    /// Lets go of one end's hold; frees the cell when the other end has let go before.
    ///
    /// By pointer, as [`free`](Self::free): a reference as an argument must stay good until the function returns, and
    /// the cell may be gone before.
    fn let_go(cell: NonNull<Self>, end: u32) {
        // SAFETY: this end still holds the cell.
        let before = unsafe { cell.as_ref() }.state.fetch_and(!end, AcqRel);
        if before & (ITEM | TICKET) == end {
            Self::free(cell);
        }
    }

    /// Returns the cell to its pool. Only the last holder may call this.
    fn free(cell: NonNull<Self>) {
        // SAFETY: the pool has not got the cell back yet.
        let this = unsafe { cell.as_ref() };
        // SAFETY: both ends have let go, so nobody else reads or writes these slots.
        let outcome = this.outcome.with_mut(|outcome| unsafe { (*outcome).take() });
        // SAFETY: as above.
        let waiter = this.waiter.with_mut(|waiter| unsafe { (*waiter).take() });
        Home::give_back(this.home, cell);
        // A reply and a waker are the user's; their drops may panic, and come after the last touch of the cell.
        if outcome.is_some() || waiter.is_some() {
            shielded(|| drop((outcome, waiter)));
        }
    }
}

/// The item's end of a ticket.
pub(crate) struct TicketEnd<R>(NonNull<Cell<R>>);

// SAFETY: the cell hands the outcome from one thread to another, which needs `R: Send`.
unsafe impl<R: Send> Send for TicketEnd<R> {}

impl<R> TicketEnd<R> {
    fn cell(&self) -> &Cell<R> {
        // SAFETY: this end's ITEM bit keeps the cell from being recycled, and the pool outlives its cells.
        unsafe { self.0.as_ref() }
    }

    /// Asks for the cell's line, which the submitter wrote last, ahead of the claim.
    pub(crate) fn prefetch(&self) {
        prefetch_for_write(self.0.as_ptr());
    }

    /// Claims the item for the handler. False: it was cancelled or has expired and must not be handled.
    pub(crate) fn begin(&self) -> bool {
        self.cell().leave_pending(TAKEN)
    }

    /// Expires the item on behalf of the engine. False: the ticket had cancelled it before.
    pub(crate) fn expire(self) -> bool {
        if self.begin() {
            self.settle(Err(TicketError::Expired));
            return true;
        }
        self.cell().state.load(Acquire) & PHASE == EXPIRED
    }

    /// Gives the outcome and wakes who waits for it; the item must have been claimed by `begin`.
    pub(crate) fn settle(self, outcome: Outcome<R>) {
        self.settle_before_waking(outcome, &mut Wakes::default());
    }

    /// Gives the outcome; the item must have been claimed by `begin`. Who waits for it is left to `wakes`.
    pub(crate) fn settle_before_waking(self, outcome: Outcome<R>, wakes: &mut Wakes) {
        let end = std::mem::ManuallyDrop::new(self);
        let cell = end.cell();
        // SAFETY: TAKEN gives the item's end sole right to the outcome until it moves to DONE.
        cell.outcome.with_mut(|slot| unsafe { *slot = Some(outcome.map_err(Box::new)) });
        let mut state = cell.state.load(Relaxed);
        loop {
            let waiting = state & WAITER != 0;
            let next = if waiting { (state & !WAITER) | WAKING } else { done(state) };
            match cell.state.compare_exchange_weak(state, next, AcqRel, Acquire) {
                Err(now) => state = now,
                Ok(_) if waiting => return end.finish(wakes),
                Ok(_) if state & TICKET == 0 => return Cell::free(end.0),
                Ok(_) => return,
            }
        }
    }

    /// The end when a waiter is registered: the slot is ours while WAKING stands.
    fn finish(&self, wakes: &mut Wakes) {
        let cell = self.cell();
        // SAFETY: exchanging WAITER for WAKING gave this end the slot.
        wakes.0.extend(cell.waiter.with_mut(|slot| unsafe { (*slot).take() }));
        let mut state = cell.state.load(Relaxed);
        while let Err(now) = cell.state.compare_exchange_weak(state, done(state), AcqRel, Relaxed) {
            state = now;
        }
        if state & TICKET == 0 {
            Cell::free(self.0);
        }
    }
}

impl<R> TicketEnd<R> {
    /// Ends a pair whose item was refused: the ticket is never seen.
    pub(crate) fn discard(self) {
        let end = std::mem::ManuallyDrop::new(self);
        Cell::let_go(end.0, ITEM);
    }
}

/// The state after the outcome is written and the item's end has let go.
fn done(state: u32) -> u32 {
    (state & !(PHASE | ITEM | WAKING)) | DONE
}

impl<R> Drop for TicketEnd<R> {
    /// An end that is dropped unsettled belonged to an item that nobody will handle.
    fn drop(&mut self) {
        if self.begin() || self.cell().state.load(Acquire) & PHASE == TAKEN {
            TicketEnd(self.0).settle(Err(TicketError::HandedBack));
        } else {
            Cell::let_go(self.0, ITEM);
        }
    }
}

/// The submitter's end of a submitted item. It gets exactly one outcome: the handler's reply or a
/// [`TicketError`].
///
/// Wait for it with [`wait`](Self::wait), or `.await` it on any executor. Dropping a ticket does not cancel
/// its item. A ticket may be sent to another thread.
///
/// ```
/// use batchline::{Batch, Batcher};
/// let doubler = Batcher::<u64>::builder()
///     .replies::<u64>()
///     .demand(true)
///     .build(|batch: &mut Batch<u64, u64>| {
///         for i in 0..batch.len() {
///             let doubled = batch[i] * 2;
///             batch.reply(i, doubled);
///         }
///     })?;
/// assert_eq!(doubler.submit(21)?.wait()?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the outcome arrives here; drop the ticket on purpose to ignore it"]
pub struct Ticket<R = ()>(NonNull<Cell<R>>);

// SAFETY: the ticket moves the outcome out of the cell, which needs `R: Send`; all else is atomic.
unsafe impl<R: Send> Send for Ticket<R> {}
// SAFETY: through `&Ticket` only the atomic state is touched.
unsafe impl<R: Send> Sync for Ticket<R> {}

impl<R> Ticket<R> {
    fn cell(&self) -> &Cell<R> {
        // SAFETY: the TICKET bit keeps the cell from being recycled, and the pool outlives its cells.
        unsafe { self.0.as_ref() }
    }

    fn clock(&self) -> &Clock {
        // SAFETY: the home outlives each cell that is out, and the clock is never changed.
        unsafe { &self.cell().home.as_ref().clock }
    }

    /// Blocks until the outcome is there.
    ///
    /// An item with a deadline is given up at that deadline, unless its handler is running by then.
    ///
    /// # Errors
    /// What became of the item instead of a reply.
    ///
    /// ```
    /// # use batchline::{Batch, Batcher};
    /// let batcher = Batcher::<u64>::builder().demand(true).build(|_: &mut Batch<u64>| ())?;
    /// batcher.submit(1)?.wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(mut self) -> Result<R, TicketError> {
        loop {
            if let Some(outcome) = self.wait_until(NEVER_NS) {
                return outcome;
            }
        }
    }

    /// Blocks until the outcome is there or the time is over; then the ticket comes back.
    ///
    /// # Errors
    /// The ticket, when there is no outcome yet.
    ///
    /// ```
    /// # use batchline::Batcher;
    /// # use std::time::Duration;
    /// let batcher = Batcher::<u64>::builder().build_poll()?;
    /// let ticket = batcher.submit(1)?;
    /// let ticket = ticket.wait_timeout(Duration::ZERO).expect_err("nobody has polled the batch");
    /// assert!(ticket.cancel());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_timeout(mut self, timeout: Duration) -> Result<Result<R, TicketError>, Self> {
        let until_ns = match timeout {
            Duration::ZERO => 0,
            timeout => self.clock().now_ns().saturating_add(nanoseconds(timeout)),
        };
        self.wait_until(until_ns).ok_or(self)
    }

    /// Withdraws the item. True: it is confirmed that the handler will never see it. False: the handler has
    /// it, or it has an outcome already.
    ///
    /// ```
    /// # use batchline::{Batcher, TicketError};
    /// let batcher = Batcher::<u64>::builder().build_poll()?;
    /// let ticket = batcher.submit(1)?;
    /// assert!(ticket.cancel());
    /// assert!(matches!(ticket.wait(), Err(TicketError::Cancelled)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel(&self) -> bool {
        self.cell().leave_pending(CANCELLED) || self.cell().state.load(Acquire) & PHASE == CANCELLED
    }

    /// Whether the outcome is there, so that waiting would not block.
    ///
    /// ```
    /// # use batchline::Batcher;
    /// let batcher = Batcher::<u64>::builder().build_poll()?;
    /// assert!(!batcher.submit(1)?.is_done());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_done(&self) -> bool {
        self.cell().state.load(Acquire) & PHASE >= DONE
    }

    /// The outcome, if there is one; may be called with success once.
    fn outcome(&mut self) -> Option<Outcome<R>> {
        let cell = self.cell();
        match cell.state.load(Acquire) & PHASE {
            // SAFETY: DONE was seen with acquire: the item's end has written the outcome and let go.
            DONE => Some(
                cell.outcome
                    .with_mut(|slot| unsafe { (*slot).take() })
                    .expect("a ticket is not polled again after it was ready")
                    .map_err(|error| *error),
            ),
            CANCELLED => Some(Err(TicketError::Cancelled)),
            EXPIRED => Some(Err(TicketError::Expired)),
            _ => None,
        }
    }

    fn wait_until(&mut self, until_ns: u64) -> Option<Outcome<R>> {
        loop {
            if let Some(outcome) = self.outcome() {
                return Some(outcome);
            }
            let wake_ns = until_ns.min(self.expiry_ns());
            if wake_ns != NEVER_NS && self.clock().now_ns() >= wake_ns {
                self.expire_if_due();
                return self.outcome();
            }
            if self.register(|| Waiter::Thread(thread::current())) {
                self.clock().park_until(wake_ns);
            }
        }
    }

    /// When this ticket would give its item up: never once the handler has it.
    fn expiry_ns(&self) -> u64 {
        match self.cell().state.load(Relaxed) & PHASE {
            // SAFETY: written before the ticket was made and not changed until the cell is recycled.
            PENDING => self.cell().deadline_ns.with(|deadline| unsafe { *deadline }),
            _ => NEVER_NS,
        }
    }

    fn expire_if_due(&self) {
        let deadline_ns = self.expiry_ns();
        if deadline_ns != NEVER_NS && self.clock().now_ns() >= deadline_ns {
            self.cell().leave_pending(EXPIRED);
        }
    }

    /// Leaves a waiter in the cell; false when there is an outcome already.
    fn register(&self, waiter: impl Fn() -> Waiter) -> bool {
        let cell = self.cell();
        loop {
            let state = cell.state.load(Acquire);
            if state & PHASE >= DONE {
                return false;
            }
            if state & WAKING != 0 {
                spin_loop();
                thread::yield_now();
                continue;
            }
            let clear = state & !WAITER;
            if state & WAITER != 0 && cell.state.compare_exchange(state, clear, Acquire, Relaxed).is_err() {
                continue;
            }
            // SAFETY: with WAITER and WAKING clear the slot belongs to the ticket's end, which is `self`.
            cell.waiter.with_mut(|slot| unsafe { *slot = Some(waiter()) });
            if self.offer_waiter(clear) {
                return true;
            }
        }
    }

    /// Sets WAITER; false when an outcome came first.
    fn offer_waiter(&self, mut state: u32) -> bool {
        let cell = self.cell();
        while state & PHASE < DONE {
            match cell.state.compare_exchange_weak(state, state | WAITER, Release, Acquire) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }
}

impl<R> Future for Ticket<R> {
    type Output = Result<R, TicketError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.expire_if_due();
        loop {
            if let Some(outcome) = self.outcome() {
                return Poll::Ready(outcome);
            }
            if self.register(|| Waiter::Task(context.waker().clone())) {
                return Poll::Pending;
            }
        }
    }
}

impl<R> Drop for Ticket<R> {
    fn drop(&mut self) {
        let cell = self.cell();
        if cell.state.load(Acquire) & ITEM == 0 {
            Cell::free(self.0);
        } else {
            Cell::let_go(self.0, TICKET);
        }
    }
}

impl<R> fmt::Debug for Ticket<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.cell().state.load(Acquire) & PHASE {
            PENDING => "pending",
            TAKEN => "with the handler",
            DONE => "done",
            CANCELLED => "cancelled",
            _ => "expired",
        };
        write!(f, "Ticket({phase})")
    }
}

/// What outlives a lane while its tickets are out.
struct Home<R> {
    returned: AtomicPtr<Cell<R>>,
    orphans: AtomicI64,
    clock: Clock,
    chunks: UnsafeCell<Vec<Box<[Cell<R>]>>>,
}

impl<R> Home<R> {
    /// The mark that `returned` carries once the lane is gone.
    fn orphaned(home: NonNull<Self>) -> *mut Cell<R> {
        home.as_ptr().cast()
    }

    fn give_back(home: NonNull<Self>, cell: NonNull<Cell<R>>) {
        // SAFETY: the home is freed only after the last cell has come back, and this one is on its way.
        let returned = unsafe { &home.as_ref().returned };
        let mut head = returned.load(Relaxed);
        while head != Self::orphaned(home) {
            // SAFETY: the cell was let go by both ends; its link is the returner's until it is pushed.
            unsafe { cell.as_ref() }.next.with_mut(|next| unsafe { *next = head });
            match returned.compare_exchange_weak(head, cell.as_ptr(), Release, Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
        Self::count_orphans(home, -1);
    }

    /// Adds to the orphans still out; whoever brings them to zero frees the home.
    fn count_orphans(home: NonNull<Self>, change: i64) {
        // SAFETY: as in `give_back`: the home lives until the count has come to zero.
        let before = unsafe { home.as_ref() }.orphans.fetch_add(change, AcqRel);
        if before + change == 0 {
            // SAFETY: no cell is out and the lane is gone, so this is the last reference.
            drop(unsafe { Box::from_raw(home.as_ptr()) });
        }
    }
}

/// A lane's supply of cells. Used by one producer at a time.
pub(crate) struct TicketPool<R> {
    home: NonNull<Home<R>>,
    free: *const Cell<R>,
    out: i64,
}

// SAFETY: the pool is used by one thread at a time, and its cells carry `R` between threads.
unsafe impl<R: Send> Send for TicketPool<R> {}

impl<R> TicketPool<R> {
    pub(crate) fn new(clock: Clock) -> Self {
        let home = Box::new(Home {
            returned: AtomicPtr::new(ptr::null_mut()),
            orphans: AtomicI64::new(0),
            clock,
            chunks: UnsafeCell::new(Vec::new()),
        });
        Self { home: NonNull::from(Box::leak(home)), free: ptr::null(), out: 0 }
    }

    /// A new pair of ends for one item.
    pub(crate) fn issue(&mut self, deadline_ns: u64) -> (Ticket<R>, TicketEnd<R>) {
        if self.free.is_null() {
            self.refill();
        }
        // SAFETY: `free` heads a list of cells that only this pool holds.
        let cell = unsafe { &*self.free };
        // SAFETY: as above; the link of a free cell belongs to the pool.
        self.free = cell.next.with(|next| unsafe { *next });
        // SAFETY: as above; nobody else has this cell yet.
        cell.deadline_ns.with_mut(|deadline| unsafe { *deadline = deadline_ns });
        cell.state.store(PENDING | ITEM | TICKET, Release);
        self.out += 1;
        (Ticket(NonNull::from(cell)), TicketEnd(NonNull::from(cell)))
    }

    /// Takes back what was returned; makes more cells when nothing was.
    fn refill(&mut self) {
        // SAFETY: the home lives at least as long as this pool.
        let home = unsafe { self.home.as_ref() };
        self.free = home.returned.swap(ptr::null_mut(), Acquire);
        self.out -= self.count_free();
        if self.free.is_null() {
            let chunk: Box<[_]> = (0..CHUNK).map(|_| Cell::new(self.home)).collect();
            // Linked where it stays: a box that is moved afterwards would end the right of the pointers into it.
            // SAFETY: only the pool touches the chunks while it lives, and chunks live as long as the home.
            let chunk = home.chunks.with_mut(|chunks| unsafe {
                (*chunks).push(chunk);
                &*std::ptr::from_ref(&*(&(*chunks))[(&(*chunks)).len() - 1])
            });
            self.link(chunk);
        }
    }

    fn link(&mut self, chunk: &[Cell<R>]) {
        for cell in chunk {
            let below = self.free;
            // SAFETY: the chunk is new and not shared yet.
            cell.next.with_mut(|next| unsafe { *next = below });
            self.free = cell;
        }
    }

    fn count_free(&self) -> i64 {
        let (mut cell, mut count) = (self.free, 0);
        while !cell.is_null() {
            count += 1;
            // SAFETY: the list was taken whole from `returned` with acquire; its links are ours.
            cell = unsafe { (*cell).next.with(|next| *next) };
        }
        count
    }
}

impl<R> Drop for TicketPool<R> {
    fn drop(&mut self) {
        // SAFETY: the home lives at least as long as this pool.
        let home = unsafe { self.home.as_ref() };
        self.free = home.returned.swap(Home::orphaned(self.home), AcqRel);
        let out = self.out - self.count_free();
        Home::count_orphans(self.home, out);
    }
}

#[cfg(all(test, not(any(batchline_loom, batchline_shuttle))))]
mod tests;
