//! Claims of keys under random schedules: releases, joins and closes that race. `cargo test` needs `--features dedup`
//! for these.

use super::*;
use batchline::dedup::{AtCap, Window};
use batchline::{Failure, Ticket};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// One shard, without a filter: the fewest steps between the races.
fn window() -> Window {
    let window = Window::new(Duration::from_secs(60)).bucket(Duration::from_secs(60));
    window.keys_max(64).filter(batchline::dedup::Filter::None)
}

fn joining() -> Builder<u64, u64> {
    let builder = Batcher::<u64>::builder().replies::<u64>().on_failure(|_| {});
    let builder = builder.batch_items_max(2).queue_items_max(4).idle(Idle { spins: 0, yields: 0 });
    builder.clock(Clock::from(&VirtualClock::new())).dedup_join(window(), |item| item % 100)
}

fn deduplicating() -> Builder<u64> {
    let time = VirtualClock::new();
    small().clock(Clock::from(&time)).on_failure(|_| {}).dedup(window(), |item| item % 100)
}

fn double(batch: &mut Batch<u64, u64>) {
    for index in 0..batch.len() {
        let reply = 2 * batch[index];
        batch.reply(index, reply);
    }
}

#[test]
fn one_of_two_threads_gets_a_key_in() {
    check(1000, || {
        let seen = Seen::default();
        let batcher = Arc::new(deduplicating().demand(true).build(seen.handler()).unwrap());
        let accepted = Arc::new(AtomicU64::new(0));
        join(producers(2, &batcher, {
            let accepted = accepted.clone();
            move |producer, batcher| {
                for item in items_of(producer, 3) {
                    match batcher.put(item) {
                        Ok(()) => drop(accepted.fetch_add(1, SeqCst)),
                        Err(error) => assert_eq!(error, PutError::Duplicate(item)),
                    }
                }
            }
        }));
        let receipt = batcher.close(Deadline::never());
        let mut keys: Vec<_> = seen.items().into_iter().map(|item| item % 100).collect();
        keys.sort_unstable();
        assert_eq!((keys, accepted.load(SeqCst), receipt.done), (vec![0, 1, 2], 3, 3));
        assert_eq!(batcher.stats().duplicates, 3);
    });
}

/// Of two items in hand at once, none has the key of the other; and a failure frees the key.
fn one_key_that_fails(builder: Builder<u64>) {
    let (in_hand, calls) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (by_handler, counted) = (in_hand.clone(), calls.clone());
    let built = builder.build(move |batch: &mut Batch<u64>| {
        assert_eq!(by_handler.fetch_add(batch.len() as u64, SeqCst), 0, "the same key twice at once");
        assert_eq!(batch.len(), 1);
        thread::yield_now();
        by_handler.fetch_sub(1, SeqCst);
        if counted.fetch_add(1, SeqCst) < 2 { Err("twice") } else { Ok(()) }
    });
    let batcher = Arc::new(built.unwrap());
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    join(producers(2, &batcher, {
        let outcomes = outcomes.clone();
        move |producer, batcher| {
            for item in items_of(producer, 2).map(|item| item / 100 * 100) {
                let Ok(ticket) = batcher.submit(item) else { continue };
                let outcome = ticket.wait();
                outcomes.lock().unwrap().push(outcome.is_ok());
                if outcome.is_err() {
                    // At once it may be put again, unless the other thread was quicker.
                    let _ = batcher.put(item);
                }
            }
        }
    }));
    let receipt = batcher.close(Deadline::never());
    assert!(receipt.is_balanced() && receipt.done <= 1 && receipt.failed <= 2, "{receipt:?}");
    assert_eq!(receipt.done + receipt.failed, calls.load(SeqCst));
    assert!(batcher.stats().is_balanced());
}

#[test]
fn a_key_is_never_in_hand_twice_while_its_batches_fail() {
    check(1000, || one_key_that_fails(deduplicating().demand(true).workers(2)));
}

#[test]
fn a_key_is_never_in_hand_twice_while_callers_fail() {
    check(500, || {
        one_key_that_fails(deduplicating().batch_items_max(1).no_linger().dispatch(Dispatch::Caller))
    });
}

#[test]
fn a_failed_key_is_free_when_its_ticket_says_so() {
    check(1000, || {
        let calls = Arc::new(AtomicU64::new(0));
        let built = deduplicating().demand(true).build(move |_: &mut Batch<u64>| {
            if calls.fetch_add(1, SeqCst) == 0 { Err("once") } else { Ok(()) }
        });
        let batcher = Arc::new(built.unwrap());
        assert!(batcher.submit(1).unwrap().wait().is_err());
        batcher.submit(101).expect("free").wait().unwrap();
        assert_eq!(batcher.put(201), Err(PutError::Duplicate(201)));
    });
}

#[test]
fn joining_races_with_the_first_ones_success() {
    check(1500, || {
        let batcher = Arc::new(joining().demand(true).build(double).unwrap());
        let first = batcher.submit(7).unwrap();
        let joiners: Vec<_> = (1..3)
            .map(|joiner| {
                let batcher = batcher.clone();
                thread::spawn(move || batcher.submit(100 * joiner + 7).unwrap().wait().unwrap())
            })
            .collect();
        assert_eq!(first.wait().unwrap(), 14);
        joiners.into_iter().for_each(|joiner| assert_eq!(joiner.join().unwrap(), 14));
        let stats = batcher.stats();
        assert_eq!((stats.accepted, stats.joined, stats.duplicates), (1, 2, 0));
    });
}

#[test]
fn joining_races_with_the_first_ones_failure() {
    check(1500, || {
        let calls = Arc::new(AtomicU64::new(0));
        let built = joining().demand(true).build(move |batch: &mut Batch<u64, u64>| {
            double(batch);
            if calls.fetch_add(1, SeqCst) == 0 { Err("once") } else { Ok(()) }
        });
        let batcher = Arc::new(built.unwrap());
        let first = batcher.submit(7).unwrap();
        let joiner = {
            let batcher = batcher.clone();
            thread::spawn(move || batcher.submit(107).unwrap().wait())
        };
        assert!(matches!(first.wait(), Err(TicketError::Failed(Failure::Error(_)))));
        // It joined, and failed too; or came later, and was a new first.
        let joined = joiner.join().unwrap();
        assert_eq!(batcher.stats().joined, u64::from(joined.is_err()));
        assert!(joined.is_err() || joined.unwrap() == 214);
    });
}

#[test]
fn joining_races_with_the_first_ones_cancellation() {
    check(1500, || {
        let batcher = Arc::new(joining().demand(true).build(double).unwrap());
        let first = batcher.submit(7).unwrap();
        let joiners: Vec<_> = (1..3)
            .map(|joiner| {
                let batcher = batcher.clone();
                thread::spawn(move || {
                    let ticket: Ticket<u64> = batcher.submit(100 * joiner + 7).unwrap();
                    let cancelled = joiner == 2 && ticket.cancel();
                    (cancelled, ticket.wait())
                })
            })
            .collect();
        let cancelled = first.cancel();
        assert_eq!(cancelled, matches!(first.wait(), Err(TicketError::Cancelled)));
        for joiner in joiners {
            let (cancelled, outcome) = joiner.join().unwrap();
            assert_eq!(cancelled, outcome.is_err(), "{outcome:?}");
        }
        let receipt = batcher.close(Deadline::never());
        assert!(receipt.is_balanced() && receipt.still_running == 0, "{receipt:?}");
    });
}

#[test]
fn joining_races_with_a_close() {
    for deadline in [Deadline::now(), Deadline::never()] {
        check(1000, move || {
            let batcher = Arc::new(joining().no_linger().build(double).unwrap());
            let threads: Vec<_> = (0..3)
                .map(|joiner| {
                    let batcher = batcher.clone();
                    thread::spawn(move || match batcher.submit(100 * joiner + 7) {
                        Ok(ticket) => ticket.wait().ok(),
                        Err(error) => {
                            assert_eq!(error, PutError::Closed(100 * joiner + 7));
                            None
                        }
                    })
                })
                .collect();
            thread::yield_now();
            let receipt = batcher.close(deadline);
            threads
                .into_iter()
                .for_each(|thread| assert!(thread.join().unwrap().is_none_or(|r| r % 200 == 14)));
            assert!(receipt.is_balanced(), "{receipt:?}");
            assert_eq!(batcher.stats().live, 0);
        });
    }
}

#[test]
fn a_blocked_put_holds_its_key_until_close_refuses_it() {
    check(1000, || {
        let builder = deduplicating().batch_items_max(1).queue_items_max(1).no_linger();
        let batcher = Arc::new(builder.build_poll().unwrap());
        batcher.put(1).unwrap();
        let threads = producers(2, &batcher, |producer, batcher| {
            let item = 100 * producer + 2;
            match batcher.put(item) {
                Ok(()) => {}
                Err(PutError::Closed(same) | PutError::Duplicate(same)) => assert_eq!(same, item),
                Err(error) => panic!("{error}"),
            }
        });
        thread::yield_now();
        let receipt = batcher.close(Deadline::now());
        join(threads);
        let mut keys: Vec<_> = receipt.items.iter().map(|item| item % 100).collect();
        keys.dedup();
        assert!(receipt.is_balanced() && keys.len() == receipt.items.len(), "a key twice: {receipt:?}");
        assert_eq!(batcher.window_stats().unwrap().keys, 0);
    });
}

#[test]
fn a_late_failure_races_with_the_next_claim_of_its_key() {
    check(1000, || {
        let settings = window().keys_max(1).at_cap(AtCap::ForgetOldest);
        let builder = deduplicating().batch_items_max(1).no_linger().dedup(settings, |item| item % 100);
        let batcher = Arc::new(builder.build_poll().unwrap());
        batcher.put(1).unwrap();
        let held = batcher.next_batch(Duration::ZERO).unwrap();
        let other = {
            let batcher = batcher.clone();
            thread::spawn(move || {
                batcher.put(2).unwrap();
                let again = batcher.put(101);
                assert_eq!(again, Ok(()), "forgotten at the cap, or released");
            })
        };
        held.fail_all("late");
        other.join().unwrap();
        assert_eq!(batcher.put(201), Err(PutError::Duplicate(201)), "the second claim stands");
    });
}
