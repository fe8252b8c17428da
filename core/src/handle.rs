//! Step 5, handle: runs the handler over a batch and gives every item its outcome. Before it:
//! [`crate::dispatch`]; after it: [`crate::ticket`].
//!
//! 1. Items that were cancelled or have expired are taken out; the rest closes up, in order.
//! 2. The handler runs, outside every lock and claim; a panic is a failure of the batch.
//! 3. A batch that failed whole is halved under the retry budget, the left half first, until the bad items are
//!    alone or the budget is spent.
//! 4. For each part that is settled: items are dropped, counters move, tickets get their outcome, then whoever
//!    waits for them is woken, and the hook hears of a failure.
//! 5. The slab, the credit and the place in flight are given back, and whoever waits for them is woken.

use crate::batch::{Batch, Mark, View};
use crate::budget::Budget;
use crate::clock::NEVER_NS;
use crate::desk::{Counts, DeskGuard};
use crate::engine::Engine;
use crate::error::TicketError;
use crate::failure::{Failure, FailureKind};
use crate::gate::Gate;
use crate::handler::{self, HandlerRef, Inside};
use crate::seal::SealReason;
use crate::shield::shielded;
use crate::slab::{Extra, Slab};
use crate::sync::fence;
use crate::ticket::{TicketEnd, Wakes};
use std::sync::atomic::Ordering::SeqCst;

impl<T, R> Engine<T, R> {
    /// Handles one batch from beginning to end.
    pub(crate) fn handle(
        &self,
        desk: &mut DeskGuard<'_, R>,
        mut batch: Batch<T, R>,
        handler: HandlerRef<'_, T, R>,
    ) {
        let _inside = Inside::handler(self.id);
        #[cfg(feature = "tracing")]
        let _span = tracing::debug_span!(
            target: "batchline",
            "batch",
            batcher = &*self.settings.name,
            items = batch.kept,
            reason = batch.reason().name()
        )
        .entered();
        self.begin(desk.counts(), &mut batch);
        let mut settling = Settling::new(self, desk.counts(), &mut desk.wakes, &batch);
        if batch.kept > 0 {
            let mut calls_left = self.settings.retry.calls_max;
            let whole = View { first: 0, len: batch.kept };
            settling.attempt(&mut batch, handler, whole, &mut calls_left);
        }
        settling.report(&batch);
        self.finish(desk, batch);
    }

    /// Settles a polled batch with what its holder said.
    pub(crate) fn settle(
        &self,
        desk: &mut DeskGuard<'_, R>,
        mut batch: Batch<T, R>,
        result: Result<(), Failure>,
    ) {
        let _inside = Inside::handler(self.id);
        let mut settling = Settling::new(self, desk.counts(), &mut desk.wakes, &batch);
        if batch.kept > 0 {
            settling.settle(&mut batch, result);
        }
        settling.report(&batch);
        self.finish(desk, batch);
    }

    /// Takes out what was cancelled or has expired, and closes the gaps.
    pub(crate) fn begin(&self, counts: &Counts, batch: &mut Batch<T, R>) {
        let (first, end) = batch.run().extras;
        if first == end {
            return;
        }
        let slab = batch.run().slab();
        let timed = (first..end).any(|at| slab.with_extra(at, |extra| extra.deadline_ns != NEVER_NS));
        let now_ns = if timed { self.now_ns() } else { 0 };
        for at in first..end.min(first + PREFETCH_TICKETS) {
            slab.with_extra(at, prefetch);
        }
        let is_fit = |extra: &Extra<R>| {
            now_ns < extra.deadline_ns && extra.ticket.as_ref().is_none_or(|ticket| ticket.begin())
        };
        let unfit = (first..end).find(|&at| {
            if at + PREFETCH_TICKETS < end {
                slab.with_extra(at + PREFETCH_TICKETS, prefetch);
            }
            !slab.with_extra(at, is_fit)
        });
        if let Some(unfit) = unfit {
            self.close_up(counts, batch, unfit, is_fit);
        }
    }

    /// Moves items and extras together over the unfit ones; `unfit` is the first extra of such an item.
    fn close_up(
        &self,
        counts: &Counts,
        batch: &mut Batch<T, R>,
        unfit: u32,
        is_fit: impl Fn(&Extra<R>) -> bool,
    ) {
        let (first, end) = batch.run().extras;
        let (start, len) = (batch.run().start, batch.run().len);
        let slab = batch.run().slab();
        let (mut kept_extras, mut removed, mut from) = (unfit, 0, start);
        let (mut expired, mut cancelled) = (0, 0);
        for at in unfit..end {
            let extra = slab.read_extra(at);
            if at != unfit && is_fit(&extra) {
                slab.write_extra(kept_extras, Extra { slot: extra.slot - removed, ..extra });
                kept_extras += 1;
                continue;
            }
            let heir = self.heir(slab, extra.slot);
            if heir.is_some() {
                if let Some(given_up) = extra.ticket {
                    given_up.expire();
                }
                let slot = extra.slot - removed;
                slab.write_extra(kept_extras, Extra { slot, deadline_ns: NEVER_NS, ticket: heir });
                kept_extras += 1;
                continue;
            }
            slab.shift(from, extra.slot, removed);
            from = extra.slot + 1;
            removed += 1;
            self.drop_unfit(slab.read(extra.slot));
            match extra.ticket.map(TicketEnd::expire) {
                Some(false) => cancelled += 1,
                Some(true) | None => expired += 1,
            }
        }
        slab.shift(from, start + len, removed);
        batch.run_mut().extras = (first, kept_extras);
        batch.kept = len - removed;
        batch.show(View { first: 0, len: len - removed });
        counts.expired.add(expired);
        counts.cancelled.add(cancelled);
        if expired > 0 {
            self.report(FailureKind::Expired, expired, u64::from(len), Some(batch.reason()));
        }
    }

    /// Who gets the outcome of an item that its submitter has given up: the next that has joined it. Without one, its
    /// key is released.
    fn heir(&self, slab: &Slab<T, R>, slot: u32) -> Option<TicketEnd<R>> {
        self.settings.gate.as_ref()?.pass_on(slab.claim(slot))
    }

    fn drop_unfit(&self, item: T) {
        if !shielded(|| drop(item)) {
            self.report(FailureKind::ItemDropPanicked, 1, 1, None);
        }
    }

    /// Gives back everything a batch had taken.
    pub(crate) fn finish(&self, desk: &mut DeskGuard<'_, R>, mut batch: Batch<T, R>) {
        if batch.is_marked {
            batch.silence(View { first: 0, len: batch.kept });
        }
        desk.marks = std::mem::take(&mut batch.marks);
        let (items, bytes, half) = (u64::from(batch.run().len), batch.run().bytes, batch.half());
        self.release_slab(batch.run());
        self.give_back_credit(items, bytes);
        self.leave_flight(half);
    }

    /// Returns credit and wakes the producers that wait for room, once there is room for many of them.
    pub(crate) fn give_back_credit(&self, items: u64, bytes: u64) {
        self.items.give_back(items);
        if self.bytes.limit() != u64::MAX {
            self.bytes.give_back(bytes);
        }
        fence(SeqCst);
        if !self.room.is_waiting() {
            return;
        }
        // One wake-up per quarter of the queue: an unpark costs as much as a thousand items. And only as many
        // producers as there is credit for: the others would wake to find it gone.
        // When nothing waits in the lanes, no other batch may come to free more: then any room counts.
        let has_quarter = |budget: &Budget| budget.room() >= budget.limit() / 4;
        let is_last = || self.lanes.iter().all(|lane| lane.waiting() == 0);
        if has_quarter(&self.items) && has_quarter(&self.bytes) || is_last() {
            self.room.wake_some((self.items.room() / u64::from(self.chunk())).max(1));
        }
    }
}

/// How many tickets ahead their cells are asked for.
const PREFETCH_TICKETS: u32 = 16;

fn prefetch<R>(extra: &Extra<R>) {
    if let Some(ticket) = &extra.ticket {
        ticket.prefetch();
    }
}

/// The outcomes of one batch on their way.
struct Settling<'a, T, R> {
    engine: &'a Engine<T, R>,
    counts: &'a Counts,
    wakes: &'a mut Wakes,
    /// The next extra whose item has no outcome yet.
    next_extra: u32,
    failed: u64,
    first_failure: Option<Failure>,
    reason: SealReason,
}

impl<'a, T, R> Settling<'a, T, R> {
    fn new(engine: &'a Engine<T, R>, counts: &'a Counts, wakes: &'a mut Wakes, batch: &Batch<T, R>) -> Self {
        let (next_extra, reason) = (batch.run().extras.0, batch.reason());
        Self { engine, counts, wakes, next_extra, failed: 0, first_failure: None, reason }
    }

    /// Handles a part; if it fails whole, halves it while calls are left.
    fn attempt(
        &mut self,
        batch: &mut Batch<T, R>,
        handler: HandlerRef<'_, T, R>,
        view: View,
        calls_left: &mut u32,
    ) {
        batch.show(view);
        self.counts.handler_calls.add(1);
        let result = handler::call(handler, batch);
        if matches!(result, Err(Failure::Panicked(_))) {
            self.counts.panics.add(1);
        }
        if result.is_err() && view.len > 1 && *calls_left >= 2 && !batch.is_drained() {
            *calls_left -= 2;
            let (left, right) = view.halves();
            self.attempt(batch, handler, left, calls_left);
            self.attempt(batch, handler, right, calls_left);
        } else {
            self.settle(batch, result);
        }
    }

    /// Gives every item of the view its outcome.
    fn settle(&mut self, batch: &mut Batch<T, R>, result: Result<(), Failure>) {
        let view = batch.view();
        let panics = batch.drop_items();
        if panics > 0 {
            self.engine.report(FailureKind::ItemDropPanicked, panics, u64::from(view.len), Some(self.reason));
        }
        let failure = result.err();
        let failed = self.count_failed(batch, failure.as_ref());
        if let Some(gate) =
            self.engine.settings.gate.as_deref().filter(|gate| failed > 0 || gate.wants_successes())
        {
            self.settle_claims(gate, batch, failure.as_ref());
        }
        self.counts.failed.add(failed);
        self.counts.done.add(u64::from(view.len) - failed);
        self.failed += failed;
        self.settle_tickets(batch, failure.as_ref());
        if let Some(failure) = failure {
            self.first_failure.get_or_insert(failure);
        }
    }

    /// How many items of the view failed; keeps the first single failure for the report.
    fn count_failed(&mut self, batch: &Batch<T, R>, failure: Option<&Failure>) -> u64 {
        let view = batch.view();
        if failure.is_some() {
            return u64::from(view.len);
        }
        let owes_replies = self.engine.settings.silent.is_none();
        if !batch.is_marked {
            self.note(owes_replies.then_some(&Failure::NoReply));
            return if owes_replies { u64::from(view.len) } else { 0 };
        }
        let mut failed = 0;
        for mark in &batch.marks[view.first as usize..(view.first + view.len) as usize] {
            let failure = match mark {
                Mark::Failed(failure) => failure,
                Mark::Silent if owes_replies => &Failure::NoReply,
                _ => continue,
            };
            failed += 1;
            self.note(Some(failure));
        }
        failed
    }

    fn note(&mut self, failure: Option<&Failure>) {
        if self.first_failure.is_none() {
            self.first_failure = failure.cloned();
        }
    }

    /// Ends the items' claims on their keys, before their submitters learn of it and put them again.
    fn settle_claims(&self, gate: &dyn Gate<T, R>, batch: &Batch<T, R>, failure: Option<&Failure>) {
        let (view, silent) = (batch.view(), self.engine.settings.silent);
        let failed = |failure: &Failure| TicketError::Failed(failure.clone());
        let whole = failure.map(failed);
        for index in view.first..view.first + view.len {
            let claim = batch.run().slab().claim(batch.run().start + index);
            let settle = |outcome: Result<&R, &TicketError>| gate.settle(claim, outcome);
            match (&whole, batch.marks.get(index as usize).filter(|_| batch.is_marked), silent) {
                (Some(error), ..) => settle(Err(error)),
                (None, Some(Mark::Failed(failure)), _) => settle(Err(&failed(failure))),
                (None, Some(Mark::Reply(reply)), _) => settle(Ok(reply)),
                (None, _, Some(reply)) => settle(Ok(&reply())),
                (None, _, None) => settle(Err(&failed(&Failure::NoReply))),
            }
        }
    }

    fn settle_tickets(&mut self, batch: &mut Batch<T, R>, failure: Option<&Failure>) {
        let (start, view, end) = (batch.run().start, batch.view(), batch.run().extras.1);
        while self.next_extra < end {
            let slab = batch.run().slab();
            let index = slab.extra_slot(self.next_extra) - start;
            if index >= view.first + view.len {
                break;
            }
            let extra = slab.read_extra(self.next_extra);
            self.next_extra += 1;
            if let Some(ticket) = extra.ticket {
                let outcome = self.outcome(batch, index as usize, failure);
                ticket.settle_before_waking(outcome, self.wakes);
            }
        }
        self.wakes.wake_all();
    }

    fn outcome(
        &self,
        batch: &mut Batch<T, R>,
        index: usize,
        failure: Option<&Failure>,
    ) -> Result<R, TicketError> {
        if let Some(failure) = failure {
            return Err(TicketError::Failed(failure.clone()));
        }
        let mark =
            batch.marks.get_mut(index).map_or(Mark::Silent, |mark| std::mem::replace(mark, Mark::Silent));
        match (mark, self.engine.settings.silent) {
            (Mark::Reply(reply), _) => Ok(reply),
            (Mark::Failed(failure), _) => Err(TicketError::Failed(failure)),
            (Mark::Silent, Some(reply)) => Ok(reply()),
            (Mark::Silent, None) => Err(TicketError::Failed(Failure::NoReply)),
        }
    }

    /// Tells the hook, once per batch.
    fn report(self, batch: &Batch<T, R>) {
        if let Some(failure) = self.first_failure {
            self.counts.failed_batches.add(1);
            let (kind, items) = (FailureKind::Failed(failure), u64::from(batch.run().len));
            self.engine.report(kind, self.failed, items, Some(self.reason));
        }
    }
}
