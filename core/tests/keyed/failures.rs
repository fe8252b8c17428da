//! A handler that fails or panics hurts its own batch only.

use crate::support::items::{Drops, Tracked};
use crate::support::{Gate, guarded};
use crate::{end, plain};
use batchline::{Batch, Batcher, Failure, FailureKind, Retry, Ticket, TicketError};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

/// Fails the batches of key 1, panics over those of key 2.
fn moody(key: &u32, _: &mut Batch<u64>) -> Result<(), String> {
    match key {
        1 => Err("key 1 fails".to_string()),
        2 => resume_unwind(Box::new("key 2 panics")),
        _ => Ok(()),
    }
}

#[test]
fn a_failure_or_a_panic_reaches_its_own_batch_and_the_worker_lives_on() {
    guarded("failures", || {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = told.clone();
        let builder = plain(2).on_failure(move |report| {
            let FailureKind::Failed(failure) = &report.kind else { panic!("{report}") };
            tell.lock().unwrap().push((failure.to_string(), report.items));
        });
        let batcher = builder.keyed().build(moody).unwrap();
        for _ in 0..3 {
            let tickets: Vec<(u32, Ticket)> =
                (0..8).map(|item| (item % 4, batcher.submit(&(item % 4), 0).unwrap())).collect();
            for (key, ticket) in tickets {
                match (key, ticket.wait()) {
                    (1, Err(TicketError::Failed(Failure::Error(error)))) => {
                        assert_eq!(error.to_string(), "key 1 fails");
                    }
                    (2, Err(TicketError::Failed(Failure::Panicked(why)))) => {
                        assert_eq!(&*why, "key 2 panics")
                    }
                    (0 | 3, Ok(())) => {}
                    (key, outcome) => panic!("key {key}: {outcome:?}"),
                }
            }
        }
        end(&batcher);
        let stats = batcher.stats();
        assert_eq!((stats.done, stats.failed, stats.failed_batches, stats.panics), (12, 12, 6, 3));
        let told = told.lock().unwrap();
        assert_eq!(told.len(), 6);
        assert!(told.iter().all(|(why, items)| *items == 2 && why.contains("key")), "{told:?}");
    });
}

#[test]
fn bisection_isolates_the_bad_item_of_a_key() {
    guarded("bisection", || {
        const BAD: usize = 11;
        let (drops, calls) = (Drops::new(40), Arc::new(AtomicU64::new(0)));
        let count = calls.clone();
        let handler = move |key: &u32, batch: &mut Batch<Tracked>| {
            count.fetch_add(u64::from(*key == 1), SeqCst);
            let bad = batch.iter().any(|item| item.id == BAD);
            if bad { Err("a bad item") } else { Ok(()) }
        };
        let builder = Batcher::builder().batch_items_max(20).no_linger().on_failure(|_| {});
        let batcher = builder.retry(Retry::bisect(64)).keyed().build(handler).unwrap();
        let submit = |item: Tracked| (item.id, batcher.submit(&(1 + item.id as u32 / 20), item).unwrap());
        let tickets: Vec<_> = drops.items().into_iter().map(submit).collect();
        for (id, ticket) in tickets {
            assert_eq!(ticket.wait().is_err(), id == BAD, "item {id}");
        }
        end(&batcher);
        let stats = batcher.stats();
        assert_eq!((stats.done, stats.failed, stats.failed_batches), (39, 1, 1));
        let calls = calls.load(SeqCst);
        assert!((2..=11).contains(&calls), "2 * log2(20) further calls at most, and not {calls}");
        drops.assert_each_once();
    });
}

#[test]
fn single_items_fail_alone() {
    guarded("single failures", || {
        let handler = |_: &u64, batch: &mut Batch<u64>| {
            (0..batch.len())
                .filter(|&at| batch[at].is_multiple_of(3))
                .collect::<Vec<_>>()
                .into_iter()
                .for_each(|at| {
                    batch.fail(at, "divisible by three");
                });
        };
        let batcher = plain(5).on_failure(|_| {}).keyed().build(handler).unwrap();
        let tickets: Vec<_> =
            (0..30).map(|item| (item, batcher.submit(&(item % 4), item).unwrap())).collect();
        batcher.flush().unwrap();
        for (item, ticket) in tickets {
            assert_eq!(ticket.wait().is_ok(), item % 3 != 0, "item {item}");
        }
        end(&batcher);
        assert_eq!((batcher.stats().done, batcher.stats().failed), (20, 10));
    });
}

#[test]
fn a_panic_frees_its_key_for_the_next_batch() {
    guarded("the place in flight", || {
        let gate = Arc::new(Gate::default());
        let pass = gate.clone();
        let handler = move |_: &u32, batch: &mut Batch<u64>| {
            pass.pass();
            if batch[0] < 5 {
                resume_unwind(Box::new("early ones panic"));
            }
        };
        let builder = plain(1).workers(3).queue_items_max(10).on_failure(|_| {}).keyed();
        let batcher = builder.in_flight_per_key_max(1).idle_keys_max(0).build(handler).unwrap();
        (0..10).for_each(|item| batcher.put(&1, item).unwrap());
        gate.await_waiting(1);
        gate.open();
        batcher.flush().unwrap();
        assert_eq!((batcher.stats().done, batcher.stats().failed), (5, 5));
        end(&batcher);
    });
}
