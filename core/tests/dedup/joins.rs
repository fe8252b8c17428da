//! C45 with `dedup_join`: a submitted duplicate gets the first one's outcome, whatever that is, and no ticket waits
//! for ever.

use crate::support::items::block_on;
use crate::support::{Gate, OpenAtEnd, assert_balanced, eventually, guarded};
use crate::{BUCKET, WINDOW, ms, window};
use batchline::{
    Batch, Batcher, Builder, Clock, Deadline, Dispatch, Failure, ItemOptions, PutError, Ticket, TicketError,
    VirtualClock,
};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

/// Items `hundreds + key` of the same key join; the reply is the item that was handled, doubled.
fn joining() -> Builder<u64, u64> {
    Batcher::<u64>::builder()
        .replies::<u64>()
        .batch_items_max(100)
        .no_linger()
        .on_failure(|_| {})
        .dedup_join(window(), |item| item % 100)
}

fn polled() -> Batcher<u64, u64> {
    joining().demand(true).build_poll().unwrap()
}

fn double(batch: &mut Batch<u64, u64>) {
    for index in 0..batch.len() {
        let reply = 2 * batch[index];
        batch.reply(index, reply);
    }
}

/// Takes the next batch and replies to all of it; returns what it was.
#[track_caller]
fn reply_next(batcher: &Batcher<u64, u64>) -> Vec<u64> {
    let mut batch = batcher.next_batch(Duration::ZERO).expect("a batch");
    let items = batch.to_vec();
    items.iter().enumerate().for_each(|(index, item)| batch.reply(index, 2 * item));
    items
}

/// The outcome, which must be there.
#[track_caller]
fn outcome(ticket: Ticket<u64>) -> Result<u64, TicketError> {
    assert!(ticket.is_done(), "it has no outcome");
    ticket.wait()
}

#[track_caller]
fn assert_failed(ticket: Ticket<u64>, text: &str) {
    let outcome = outcome(ticket);
    let is_it =
        matches!(&outcome, Err(TicketError::Failed(Failure::Error(error))) if error.to_string() == text);
    assert!(is_it, "{outcome:?}");
}

#[test]
fn c45_joiners_get_the_firsts_reply() {
    let batcher = polled();
    let first = batcher.submit(7).unwrap();
    let joined = [107, 207, 307].map(|item| batcher.submit(item).unwrap());
    assert_eq!(batcher.put(407), Err(PutError::Duplicate(407)), "a plain put has no ticket to join with");
    assert_eq!(reply_next(&batcher), [7]);
    assert_eq!(outcome(first).unwrap(), 14);
    joined.into_iter().for_each(|ticket| assert_eq!(outcome(ticket).unwrap(), 14));
    let late = batcher.submit(507).unwrap();
    assert_eq!(outcome(late).unwrap(), 14, "a copy of the reply, at once");
    let stats = batcher.stats();
    assert_eq!((stats.accepted, stats.joined, stats.duplicates, stats.refused), (1, 4, 1, 1));
    assert_eq!((stats.done, stats.handler_calls), (1, 1));
}

#[test]
fn c45_joiners_of_a_failure_fail_alike_and_the_next_is_a_new_first() {
    let batcher = polled();
    for _ in 0..3 {
        let tickets = [7, 107, 207].map(|item| batcher.submit(item).unwrap());
        batcher.next_batch(Duration::ZERO).unwrap().fail(0, "the backend is away");
        tickets.into_iter().for_each(|ticket| assert_failed(ticket, "the backend is away"));
    }
    let (first, second) = (batcher.submit(307).unwrap(), batcher.submit(7).unwrap());
    assert_eq!(reply_next(&batcher), [307]);
    assert_eq!((outcome(first).unwrap(), outcome(second).unwrap()), (614, 614));
    assert_eq!((batcher.stats().failed, batcher.stats().joined), (3, 7));
}

#[test]
fn c45_joiners_of_an_item_without_a_reply_or_of_a_panic_fail() {
    let batcher = polled();
    let tickets = [7, 107].map(|item| batcher.submit(item).unwrap());
    drop(batcher.next_batch(Duration::ZERO).unwrap());
    for ticket in tickets {
        assert!(matches!(outcome(ticket), Err(TicketError::Failed(Failure::NoReply))));
    }
    for dispatch in [Dispatch::Thread, Dispatch::Caller] {
        guarded("C45 panic", move || {
            let built = joining().dispatch(dispatch).build(|_: &mut Batch<u64, u64>| -> () {
                resume_unwind(Box::new("on purpose"));
            });
            let batcher = built.unwrap();
            let tickets = [7, 107, 8].map(|item| batcher.submit(item).unwrap());
            batcher.flush().unwrap();
            for ticket in tickets {
                assert!(matches!(outcome(ticket), Err(TicketError::Failed(Failure::Panicked(_)))));
            }
            assert_eq!(batcher.window_stats().unwrap().keys, 0);
        });
    }
}

#[test]
fn c45_a_cancelled_first_lives_on_for_who_joined_it() {
    let batcher = polled();
    let first = batcher.submit(7).unwrap();
    let other = batcher.submit(8).unwrap();
    let joined = [107, 207].map(|item| batcher.submit(item).unwrap());
    assert!(first.cancel());
    assert_eq!(reply_next(&batcher), [7, 8]);
    assert!(matches!(outcome(first), Err(TicketError::Cancelled)));
    joined.into_iter().for_each(|ticket| assert_eq!(outcome(ticket).unwrap(), 14));
    assert_eq!(outcome(other).unwrap(), 16);
    let stats = batcher.stats();
    assert_eq!((stats.done, stats.cancelled), (2, 0), "the item was not cancelled");
    assert_balanced(&stats);
}

#[test]
fn c45_who_comes_after_the_cancellation_and_before_the_batch_inherits_too() {
    let batcher = polled();
    let first = batcher.submit(7).unwrap();
    assert!(first.cancel());
    let second = batcher.submit(107).unwrap();
    assert_eq!(reply_next(&batcher), [7]);
    assert_eq!(outcome(second).unwrap(), 14);
    assert!(outcome(first).is_err());
}

#[test]
fn c45_the_first_joiner_that_still_wants_it_inherits() {
    for cancelled in 0..16_u32 {
        let batcher = polled();
        let tickets = [7, 107, 207, 307].map(|item| batcher.submit(item).unwrap());
        let wants = |index: usize| cancelled >> index & 1 == 0;
        for (index, ticket) in tickets.iter().enumerate() {
            assert!(wants(index) || ticket.cancel());
        }
        if cancelled == 15 {
            assert!(batcher.next_batch(Duration::ZERO).is_none(), "nobody wants it");
            batcher.put(7).expect("its key is free");
        } else {
            assert_eq!(reply_next(&batcher), [7]);
        }
        for (index, ticket) in tickets.into_iter().enumerate() {
            let outcome = outcome(ticket);
            assert_eq!(outcome.is_ok(), wants(index), "{cancelled:b}: {index} {outcome:?}");
        }
        let stats = batcher.stats();
        assert_eq!((stats.cancelled, stats.done), (u64::from(cancelled == 15), u64::from(cancelled != 15)));
        assert!(stats.is_balanced());
    }
}

#[test]
fn c45_an_expired_first_lives_on_for_who_joined_it() {
    for has_ticket in [false, true] {
        guarded("C45 expired", move || {
            let time = VirtualClock::new();
            let batcher = joining().clock(Clock::from(&time)).demand(true).build_poll().unwrap();
            let soon = ItemOptions::new().deadline(ms(10));
            let first = match has_ticket {
                true => Some(batcher.submit_with(7, soon).unwrap()),
                false => batcher.put_with(7, soon).map(|()| None).unwrap(),
            };
            let joined = batcher.submit(107).unwrap();
            time.advance(ms(20));
            assert_eq!(reply_next(&batcher), [7]);
            assert_eq!(outcome(joined).unwrap(), 14);
            assert!(first.is_none_or(|first| matches!(outcome(first), Err(TicketError::Expired))));
            assert_eq!((batcher.stats().expired, batcher.stats().done), (0, 1));
            // Without anybody who joined it expires, and its key is free.
            batcher.put_with(8, soon).unwrap();
            time.advance(ms(20));
            assert!(batcher.next_batch(Duration::ZERO).is_none());
            let again = batcher.submit(108).unwrap();
            assert_eq!(reply_next(&batcher), [108]);
            assert_eq!(outcome(again).unwrap(), 216);
            assert_eq!(batcher.stats().expired, 1);
        });
    }
}

#[test]
fn c45_a_joiner_with_a_deadline_expires_alone() {
    guarded("C45 joiner expires", || {
        let time = VirtualClock::new();
        let batcher = joining().clock(Clock::from(&time)).demand(true).build_poll().unwrap();
        let first = batcher.submit(7).unwrap();
        let joined = batcher.submit_with(107, ItemOptions::new().deadline(ms(10))).unwrap();
        time.advance(ms(10));
        assert!(matches!(joined.wait(), Err(TicketError::Expired)));
        assert_eq!(reply_next(&batcher), [7]);
        assert_eq!(outcome(first).unwrap(), 14);
    });
}

#[test]
fn c45_a_close_hands_back_to_the_first_and_to_who_joined_it() {
    for cancels in [false, true] {
        let batcher = joining().build_poll().unwrap();
        let tickets = [7, 107, 8, 207].map(|item| batcher.submit(item).unwrap());
        assert!(!cancels || tickets[0].cancel());
        assert_eq!(batcher.close(Deadline::now()).items, [7, 8]);
        for (index, ticket) in tickets.into_iter().enumerate() {
            let outcome = outcome(ticket);
            let is_cancelled = matches!(outcome, Err(TicketError::Cancelled));
            assert!(is_cancelled == (cancels && index == 0), "{outcome:?}");
            assert!(is_cancelled || matches!(outcome, Err(TicketError::HandedBack)), "{outcome:?}");
        }
        assert_eq!(batcher.submit(307).unwrap_err(), PutError::Closed(307));
        assert_balanced(&batcher.stats());
    }
}

#[test]
fn c45_a_batcher_that_is_dropped_hands_back_to_all_or_handles_for_all() {
    guarded("C45 dropped", || {
        let batcher = joining().build_poll().unwrap();
        let tickets = [7, 107, 207].map(|item| batcher.submit(item).unwrap());
        drop(batcher);
        tickets
            .into_iter()
            .for_each(|ticket| assert!(matches!(outcome(ticket), Err(TicketError::HandedBack))));
        let batcher = joining().build(double).unwrap();
        let tickets = [7, 107, 207].map(|item| batcher.submit(item).unwrap());
        drop(batcher);
        tickets.into_iter().for_each(|ticket| assert_eq!(outcome(ticket).unwrap(), 14));
    });
}

#[test]
fn c45_a_handler_that_outlives_the_close_still_answers_who_joined() {
    guarded("C45 outlived", || {
        let gate = Arc::new(Gate::default());
        let _open = OpenAtEnd(&gate);
        let pass = gate.clone();
        let built = joining().demand(true).build(move |batch: &mut Batch<u64, u64>| {
            pass.pass();
            double(batch);
        });
        let batcher = built.unwrap();
        let first = batcher.submit(7).unwrap();
        gate.await_waiting(1);
        let joined = batcher.submit(107).unwrap();
        assert!(batcher.close(Deadline::now()).timed_out);
        gate.open();
        assert_eq!((first.wait().unwrap(), joined.wait().unwrap()), (14, 14));
    });
}

#[test]
fn c45_a_refused_first_does_not_leave_who_joined_it_waiting() {
    guarded("C45 refused first", || {
        let batcher = Arc::new(joining().batch_items_max(1).queue_items_max(1).build_poll().unwrap());
        let held = batcher.submit(1).unwrap();
        let other = batcher.clone();
        let first = thread::spawn(move || other.put_timeout(7, ms(200)));
        eventually("the first has claimed its key", || batcher.window_stats().unwrap().keys == 2);
        let joined = batcher.submit(107).unwrap();
        assert_eq!(first.join().unwrap(), Err(PutError::TimedOut(7)));
        assert!(joined.wait().is_err());
        assert_eq!(reply_next(&batcher), [1]);
        assert_eq!(outcome(held).unwrap(), 2);
        batcher.put(7).expect("its key is free");
    });
}

#[test]
fn c45_a_first_that_outlived_the_window_answers_its_own_joiners_only() {
    let time = VirtualClock::new();
    let batcher = joining().clock(Clock::from(&time)).batch_items_max(1).build_poll().unwrap();
    let old = [7, 107].map(|item| batcher.submit(item).unwrap());
    let mut held = batcher.next_batch(Duration::ZERO).unwrap();
    time.advance(WINDOW + BUCKET);
    let new = [207, 307].map(|item| batcher.submit(item).unwrap());
    held.reply(0, 1);
    drop(held);
    old.into_iter().for_each(|ticket| assert_eq!(outcome(ticket).unwrap(), 1));
    assert!(new.iter().all(|ticket| !ticket.is_done()));
    assert_eq!(reply_next(&batcher), [207]);
    new.into_iter().for_each(|ticket| assert_eq!(outcome(ticket).unwrap(), 414));
}

#[test]
fn c45_a_reply_is_remembered_for_the_window_and_no_longer() {
    let time = VirtualClock::new();
    let batcher = joining().clock(Clock::from(&time)).demand(true).build_poll().unwrap();
    drop(batcher.submit(7).unwrap());
    assert_eq!(reply_next(&batcher), [7]);
    time.advance(WINDOW);
    assert_eq!(outcome(batcher.submit(107).unwrap()).unwrap(), 14);
    time.advance(BUCKET);
    let again = batcher.submit(107).unwrap();
    assert!(!again.is_done());
    assert_eq!(reply_next(&batcher), [107]);
    assert_eq!(outcome(again).unwrap(), 214);
}

#[test]
fn c45_a_thousand_joiners_from_many_threads_get_the_reply() {
    for dispatch in [Dispatch::Thread, Dispatch::Caller] {
        guarded("C45 thousand", move || {
            let calls = Arc::new(AtomicU64::new(0));
            let by_handler = calls.clone();
            let built = joining().dispatch(dispatch).build(move |batch: &mut Batch<u64, u64>| {
                by_handler.fetch_add(batch.len() as u64, SeqCst);
                double(batch);
            });
            let batcher = built.unwrap();
            let first = batcher.submit(7).unwrap();
            thread::scope(|scope| {
                for thread in 0..8_u64 {
                    let batcher = &batcher;
                    scope.spawn(move || {
                        let tickets: Vec<_> = (0..125)
                            .map(|item| batcher.submit(7 + 100 * (thread + 8 * item)).unwrap())
                            .collect();
                        for (index, ticket) in tickets.into_iter().enumerate() {
                            let reply = if index % 2 == 0 { ticket.wait() } else { block_on(ticket) };
                            assert_eq!(reply.unwrap(), 14);
                        }
                    });
                }
                eventually("some have joined", || batcher.stats().joined > 300);
                batcher.flush().unwrap();
            });
            assert_eq!(first.wait().unwrap(), 14);
            assert_eq!((calls.load(SeqCst), batcher.stats().joined), (1, 1000));
        });
    }
}

#[test]
fn c45_no_ticket_waits_for_ever_while_everything_fails_and_is_cancelled() {
    guarded("C45 storm", || {
        let calls = AtomicU64::new(0);
        let built =
            joining().batch_items_max(4).demand(true).workers(2).build(move |batch: &mut Batch<u64, u64>| {
                double(batch);
                match calls.fetch_add(1, SeqCst) % 3 {
                    0 => batch.fail(0, "now and then"),
                    1 => thread::yield_now(),
                    _ => {}
                }
            });
        let batcher = built.unwrap();
        thread::scope(|scope| {
            for thread in 0..4_u64 {
                let batcher = &batcher;
                scope.spawn(move || {
                    for round in 0..3000 {
                        let ticket = batcher.submit(100 * (thread + 1) + round / 8 % 50).unwrap();
                        let cancelled = (round + thread) % 5 == 0 && ticket.cancel();
                        let outcome = ticket.wait();
                        assert_eq!(cancelled, matches!(outcome, Err(TicketError::Cancelled)));
                    }
                });
            }
        });
        batcher.close(Deadline::never());
        let stats = batcher.stats();
        assert_balanced(&stats);
        assert_eq!(stats.accepted + stats.joined, 12_000);
    });
}

#[derive(Debug)]
struct Uncloneable;

impl Clone for Uncloneable {
    fn clone(&self) -> Self {
        resume_unwind(Box::new("on purpose"))
    }
}

#[test]
fn c45_a_reply_that_can_not_be_copied_fails_who_joined_and_nobody_else() {
    let builder = Batcher::<u64>::builder().replies::<Uncloneable>().demand(true).on_failure(|_| {});
    let batcher = builder.dedup_join(window(), |item| item % 100).build_poll().unwrap();
    let first = batcher.submit(7).unwrap();
    let joined = [107, 207].map(|item| batcher.submit(item).unwrap());
    let plain = batcher.submit(8).unwrap();
    let mut batch = batcher.next_batch(Duration::ZERO).unwrap();
    (0..2).for_each(|index| batch.reply(index, Uncloneable));
    drop(batch);
    assert!(first.is_done() && first.wait().is_ok() && plain.wait().is_ok());
    for ticket in joined {
        assert!(ticket.is_done());
        assert!(matches!(ticket.wait(), Err(TicketError::Failed(Failure::Panicked(_)))));
    }
    let late = batcher.submit(307).unwrap();
    if let Some(mut batch) = batcher.next_batch(Duration::ZERO) {
        (0..batch.len()).for_each(|index| batch.reply(index, Uncloneable));
    }
    assert!(late.is_done(), "a new first, or failed at once; but not for ever waiting");
    assert_balanced(&batcher.stats());
}

/// A reply whose copies panic when they are dropped, until they are told not to.
#[derive(Default)]
struct BadCopy {
    is_copy: bool,
    is_tame: Arc<AtomicBool>,
    panics: Arc<AtomicU64>,
}

impl Clone for BadCopy {
    fn clone(&self) -> Self {
        Self { is_copy: true, is_tame: self.is_tame.clone(), panics: self.panics.clone() }
    }
}

impl Drop for BadCopy {
    fn drop(&mut self) {
        if self.is_copy && !self.is_tame.load(SeqCst) {
            self.panics.fetch_add(1, SeqCst);
            resume_unwind(Box::new("on purpose"));
        }
    }
}

fn a_copy_that_nobody_remembers_has_a_bad_drop(ordered: bool) {
    let (time, gate, reply) = (VirtualClock::new(), Arc::new(Gate::default()), BadCopy::default());
    let _open = OpenAtEnd(&gate);
    let (is_tame, panics) = (reply.is_tame.clone(), reply.panics.clone());
    let builder = Batcher::<u64>::builder().replies::<BadCopy>().batch_items_max(1).workers(1);
    let builder = builder.ordered(ordered).clock(Clock::from(&time)).dedup_join(window(), |item| item % 100);
    let by_handler = gate.clone();
    let built = builder.build(move |batch: &mut Batch<u64, BadCopy>| {
        by_handler.pass();
        let (is_tame, panics) = (reply.is_tame.clone(), reply.panics.clone());
        batch.reply(0, BadCopy { is_copy: false, is_tame, panics });
    });
    let batcher = built.unwrap();
    let tickets = [7, 107].map(|item| batcher.submit(item).unwrap());
    gate.await_waiting(1);
    time.advance(WINDOW + BUCKET);
    assert_eq!(batcher.window_stats().unwrap().keys, 0, "forgotten while its item is in flight");
    gate.open();
    let later = [7, 8, 9].map(|item| batcher.submit(item).unwrap());
    // Kept until the copies are tame.
    let outcomes: Vec<_> = tickets.into_iter().chain(later).map(Ticket::wait).collect();
    is_tame.store(true, SeqCst);
    assert_eq!(panics.load(SeqCst), 1, "the window's copy of the first reply had nowhere to stay");
    assert!(outcomes.iter().all(Result::is_ok));
    batcher.close(Deadline::never());
    assert_eq!((batcher.stats().done, batcher.stats().joined), (4, 1));
    assert_balanced(&batcher.stats());
}

#[test]
fn c45_a_reply_with_a_bad_drop_whose_key_expired_in_flight_stops_no_worker() {
    for ordered in [false, true] {
        guarded("C45 bad copy", move || a_copy_that_nobody_remembers_has_a_bad_drop(ordered));
    }
}

#[test]
fn c45_a_keyed_batcher_joins_across_its_keys() {
    guarded("C45 keyed", || {
        let builder = joining().keyed::<u32>();
        let batcher = builder.build(|_: &u32, batch: &mut Batch<u64, u64>| double(batch)).unwrap();
        let first = batcher.submit(&1, 7).unwrap();
        let joined = [batcher.submit(&2, 107).unwrap(), batcher.submit(&1, 207).unwrap()];
        assert!(first.cancel());
        batcher.flush().unwrap();
        joined.into_iter().for_each(|ticket| assert_eq!(outcome(ticket).unwrap(), 14));
        assert_eq!(outcome(batcher.submit(&3, 307).unwrap()).unwrap(), 14);
        batcher.close(Deadline::never());
        assert_balanced(&batcher.stats());
    });
}
