//! Whole paths through the real batcher under shuttle's random and PCT schedulers: producers, workers, flush,
//! close and tickets in every mix. Shuttle itself reports a deadlock, and so a lost wake-up.
//!
//! `RUSTFLAGS="--cfg batchline_shuttle" cargo test -p batchline --release --test shuttle`. The numbers of runs grow
//! with `BATCHLINE_SHUTTLE_RUNS`, in percent.
#![cfg(batchline_shuttle)]

#[cfg(feature = "dedup")]
#[path = "dedup/schedules.rs"]
mod window;

use batchline::{
    Batch, Batcher, Builder, Clock, Deadline, Dispatch, Idle, ItemOptions, Overflow, PutError, TicketError,
    VirtualClock,
};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::thread;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LINGER: Duration = Duration::from_millis(10);

/// What handlers saw, in the order in which they saw it.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<u64>>>);

impl Seen {
    fn note(&self, batch: &Batch<u64>) {
        // Shuttle's threads take turns on one system thread; this lock is never held across a turn.
        self.0.lock().unwrap().extend(batch.iter());
    }

    fn handler(&self) -> impl Fn(&mut Batch<u64>) + Send + Sync + 'static {
        let seen = self.clone();
        move |batch: &mut Batch<u64>| {
            seen.note(batch);
            thread::yield_now();
        }
    }

    fn items(&self) -> Vec<u64> {
        self.0.lock().unwrap().clone()
    }
}

fn run(scheduler: impl Scheduler + 'static, body: impl Fn() + Send + Sync + 'static) {
    let mut config = shuttle::Config::new();
    config.silence_warnings = true;
    config.stack_size = 0x40000;
    shuttle::Runner::new(scheduler, config).run(body);
}

/// Runs `body` under many schedules: random ones, and those that need few but unlucky preemptions.
fn check(runs: usize, body: impl Fn() + Send + Sync + 'static) {
    let percent = std::env::var("BATCHLINE_SHUTTLE_RUNS").ok().and_then(|percent| percent.parse().ok());
    let runs = runs * percent.unwrap_or(100) / 100;
    let body = Arc::new(body);
    let again = body.clone();
    run(RandomScheduler::new(runs), move || body());
    run(PctScheduler::new(4, runs), move || again());
}

fn small() -> Builder<u64> {
    Batcher::builder().batch_items_max(2).queue_items_max(4).idle(Idle { spins: 0, yields: 0 })
}

fn lingering(time: &VirtualClock) -> Builder<u64> {
    small().linger(LINGER).clock(Clock::from(time))
}

/// The items of producer `producer`: distinct over all producers, ascending.
fn items_of(producer: u64, count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(move |item| producer * 100 + item)
}

fn assert_fifo(items: &[u64], producers: u64) {
    for producer in 0..producers {
        let own: Vec<_> = items.iter().filter(|&&item| item / 100 == producer).collect();
        assert!(own.is_sorted(), "producer {producer}: {own:?}");
    }
}

fn assert_exactly(mut items: Vec<u64>, producers: u64, count: u64) {
    items.sort_unstable();
    let expected: Vec<_> = (0..producers).flat_map(|producer| items_of(producer, count)).collect();
    assert_eq!(items, expected);
}

/// Starts one thread per producer, each with its number.
fn producers(
    count: u64,
    batcher: &Arc<Batcher<u64>>,
    act: impl Fn(u64, &Batcher<u64>) + Clone + Send + 'static,
) -> Vec<thread::JoinHandle<()>> {
    (0..count)
        .map(|producer| {
            let (batcher, act) = (batcher.clone(), act.clone());
            thread::spawn(move || act(producer, &batcher))
        })
        .collect()
}

fn join(threads: Vec<thread::JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Puts what `items_of` says through a full queue, then closes without a deadline.
fn put_all_and_close(builder: Builder<u64>, count: u64) -> Vec<u64> {
    let seen = Seen::default();
    let batcher = Arc::new(builder.build(seen.handler()).unwrap());
    join(producers(2, &batcher, move |producer, batcher| {
        items_of(producer, count).for_each(|item| batcher.put(item).unwrap());
    }));
    let receipt = batcher.close(Deadline::never());
    assert_eq!((receipt.accepted, receipt.done), (2 * count, 2 * count), "{receipt:?}");
    assert!(receipt.is_balanced() && receipt.items.is_empty() && !receipt.timed_out);
    assert_eq!(batcher.stats().live, 0);
    seen.items()
}

#[test]
fn demand_with_two_workers_is_exactly_once() {
    check(1000, || assert_exactly(put_all_and_close(small().demand(true).workers(2), 4), 2, 4));
}

#[test]
fn one_worker_keeps_the_order_of_each_producer() {
    check(1000, || {
        let items = put_all_and_close(small().demand(true), 4);
        assert_fifo(&items, 2);
        assert_exactly(items, 2, 4);
    });
}

#[test]
fn an_ordered_batcher_is_exactly_once_and_in_order() {
    check(1000, || {
        let items = put_all_and_close(small().ordered(true).demand(true), 3);
        assert_fifo(&items, 2);
        assert_exactly(items, 2, 3);
    });
}

#[test]
fn callers_handle_what_they_fill() {
    check(1000, || {
        let builder = small().dispatch(Dispatch::Caller).no_linger();
        assert_exactly(put_all_and_close(builder, 3), 2, 3);
    });
}

#[test]
fn a_full_queue_may_run_in_the_caller() {
    check(1000, || {
        let builder = small().overflow(Overflow::RunInCaller).no_linger();
        assert_exactly(put_all_and_close(builder, 5), 2, 5);
    });
}

/// Nobody flushes: only the clock, or a free worker, brings the outcome. A lost wake-up is a deadlock here.
fn every_ticket_gets_its_outcome(builder: Builder<u64>, time: Option<VirtualClock>) {
    let seen = Seen::default();
    let batcher = Arc::new(builder.build(seen.handler()).unwrap());
    let time_of_threads = time.clone();
    join(producers(2, &batcher, move |producer, batcher| {
        for item in items_of(producer, 3) {
            let ticket = batcher.submit(item).unwrap();
            if let Some(time) = &time_of_threads {
                time.advance(LINGER);
            }
            ticket.wait().unwrap();
        }
    }));
    assert_exactly(seen.items(), 2, 3);
    assert!(batcher.stats().is_balanced());
}

#[test]
fn a_free_worker_takes_a_lone_item() {
    check(1000, || every_ticket_gets_its_outcome(small().demand(true), None));
}

#[test]
fn one_of_two_free_workers_takes_a_lone_item() {
    check(1000, || every_ticket_gets_its_outcome(small().demand(true).workers(2), None));
}

#[test]
fn a_linger_brings_every_item() {
    check(1000, || {
        let time = VirtualClock::new();
        every_ticket_gets_its_outcome(lingering(&time), Some(time));
    });
}

#[test]
fn a_linger_brings_every_item_with_two_workers() {
    check(1000, || {
        let time = VirtualClock::new();
        every_ticket_gets_its_outcome(lingering(&time).workers(2), Some(time));
    });
}

#[test]
fn a_linger_brings_leftovers_of_full_batches() {
    check(1000, || {
        let time = VirtualClock::new();
        let seen = Seen::default();
        let batcher = Arc::new(lingering(&time).queue_items_max(8).build(seen.handler()).unwrap());
        join(producers(2, &batcher, move |producer, batcher| {
            items_of(producer, 2).for_each(|item| batcher.put(item).unwrap());
            let ticket = batcher.submit(producer * 100 + 2).unwrap();
            time.advance(LINGER);
            ticket.wait().unwrap();
        }));
        assert_exactly(seen.items(), 2, 3);
    });
}

#[test]
fn a_busy_worker_does_not_hide_an_idle_one() {
    check(1000, || {
        let (started, release) = (Arc::new(Mutex::new(0)), Arc::new(shuttle::sync::Barrier::new(2)));
        let batcher = small().demand(true).workers(2).build(move |batch: &mut Batch<u64>| {
            // Both items must be with a handler at the same time, or this never returns.
            *started.lock().unwrap() += batch.len();
            if batch.len() < 2 {
                release.wait();
            }
        });
        let batcher = batcher.unwrap();
        batcher.put(0).unwrap();
        thread::yield_now();
        batcher.put(1).unwrap();
        let receipt = batcher.close(Deadline::never());
        assert_eq!(receipt.done, 2);
    });
}

#[test]
fn a_flush_is_a_barrier() {
    check(1000, || {
        let seen = Seen::default();
        let batcher = Arc::new(small().no_linger().workers(2).build(seen.handler()).unwrap());
        join(producers(2, &batcher, {
            let seen = seen.clone();
            move |producer, batcher| {
                items_of(producer, 3).for_each(|item| batcher.put(item).unwrap());
                batcher.flush().unwrap();
                assert_eq!(seen.items().iter().filter(|&&item| item / 100 == producer).count(), 3);
            }
        }));
        let receipt = batcher.close(Deadline::never());
        assert_eq!((receipt.accepted, receipt.done), (6, 6));
    });
}

#[test]
fn a_flush_after_a_flush_that_timed_out_is_a_barrier() {
    check(1000, || {
        let done = Arc::new(Mutex::new(0));
        let noted = done.clone();
        let batcher = small().demand(true).workers(2).clock(Clock::from(&VirtualClock::new()));
        let batcher = batcher
            .build(move |batch: &mut Batch<u64>| {
                (0..4).for_each(|_| thread::yield_now());
                *noted.lock().unwrap() += batch.len();
            })
            .unwrap();
        batcher.put(1).unwrap();
        let _ = batcher.flush_timeout(Duration::ZERO);
        batcher.flush().unwrap();
        assert_eq!(*done.lock().unwrap(), 1, "accepted before the second flush, and not done");
    });
}

#[test]
fn callers_flush_what_others_put() {
    check(1000, || {
        let seen = Seen::default();
        let builder = small().dispatch(Dispatch::Caller).no_linger();
        let batcher = Arc::new(builder.build(seen.handler()).unwrap());
        join(producers(2, &batcher, move |producer, batcher| {
            items_of(producer, 3).for_each(|item| batcher.put(item).unwrap());
            batcher.flush().unwrap();
        }));
        assert_exactly(seen.items(), 2, 3);
    });
}

/// Two producers put until they are refused, while the main thread closes.
fn close_while_putting(builder: Builder<u64>, deadline: Deadline) {
    let (seen, refused) = (Seen::default(), Arc::new(Mutex::new(Vec::new())));
    let batcher = Arc::new(builder.build(seen.handler()).unwrap());
    let threads = producers(2, &batcher, {
        let refused = refused.clone();
        move |producer, batcher| {
            for item in items_of(producer, 5) {
                match batcher.put(item) {
                    Ok(()) => {}
                    Err(PutError::Closed(same)) => {
                        assert_eq!(same, item, "somebody else's item came back");
                        refused.lock().unwrap().push(item);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }
    });
    thread::yield_now();
    let receipt = batcher.close(deadline);
    join(threads);
    while batcher.stats().live > 0 {
        thread::yield_now();
    }
    let end = batcher.close(Deadline::never());
    let stats = batcher.stats();
    assert!(receipt.is_balanced() && end.is_balanced(), "{receipt:?} {end:?}");
    assert_eq!(receipt.accepted + refused.lock().unwrap().len() as u64, 10, "{receipt:?}");
    assert!(stats.is_balanced() && stats.queued == 0, "{stats:?}");
    if !receipt.timed_out {
        assert_eq!(receipt.still_running, 0, "{receipt:?}");
    }
    drop(batcher);
    let mut items = seen.items();
    items.extend(&receipt.items);
    items.extend(refused.lock().unwrap().iter());
    assert_exactly(items, 2, 5);
}

#[test]
fn a_put_that_races_with_close_is_drained_or_given_back() {
    check(1000, || close_while_putting(small().demand(true).workers(2), Deadline::never()));
}

#[test]
fn a_put_that_races_with_close_is_drained_or_given_back_without_demand() {
    check(1000, || close_while_putting(small().no_linger(), Deadline::never()));
}

#[test]
fn a_put_that_races_with_a_close_now_is_handed_or_given_back() {
    check(1000, || close_while_putting(small().no_linger().batch_items_max(3), Deadline::now()));
}

#[test]
fn a_commit_that_races_with_close_is_handed_or_keeps_its_slot() {
    check(1000, || {
        let seen = Seen::default();
        let batcher = Arc::new(
            small().no_linger().batch_items_max(8).queue_items_max(64).build(seen.handler()).unwrap(),
        );
        let committer = {
            let batcher = batcher.clone();
            thread::spawn(move || (0..5).filter(|item| !commits(&batcher, *item)).collect::<Vec<_>>())
        };
        thread::yield_now();
        let receipt = batcher.close(Deadline::never());
        let refused = committer.join().unwrap();
        assert!(receipt.is_balanced());
        let mut items = seen.items();
        items.extend(&receipt.items);
        items.extend(refused);
        assert_exactly(items, 1, 5);
    });
}

/// Writes an item into its slot and commits it. Refused, the slot is the caller's still.
fn commits(batcher: &Batcher<u64>, item: u64) -> bool {
    let slot = batcher.reserve_slot().expect("the thread has no other reservation");
    // SAFETY: the slot is lent to this thread.
    unsafe { slot.write(item) };
    // SAFETY: it was written.
    let ended = unsafe { batcher.commit_slot(slot) }.expect("the slot is reserved");
    assert_eq!(
        batcher.discard_slot(slot),
        ended.is_err(),
        "it stays reserved if it was refused, and only then"
    );
    ended.is_ok()
}

#[test]
fn an_ordered_put_that_races_with_close_is_handed_or_given_back() {
    check(1000, || close_while_putting(small().no_linger().ordered(true), Deadline::now()));
}

#[test]
fn a_caller_that_races_with_close_loses_nothing() {
    let builder = || small().dispatch(Dispatch::Caller).no_linger();
    check(500, move || close_while_putting(builder(), Deadline::never()));
}

#[test]
fn many_items_that_race_with_close_are_drained_or_left_in_the_vector() {
    check(1000, || {
        let (seen, left) = (Seen::default(), Arc::new(Mutex::new(Vec::new())));
        let builder = small().no_linger().queue_items_max(8);
        let batcher = Arc::new(builder.build(seen.handler()).unwrap());
        let threads = producers(2, &batcher, {
            let left = left.clone();
            move |producer, batcher| {
                let mut items: Vec<_> = items_of(producer, 5).collect();
                let _ = batcher.put_many(&mut items);
                left.lock().unwrap().extend(items);
            }
        });
        let receipt = batcher.close(Deadline::never());
        join(threads);
        assert!(receipt.is_balanced());
        let mut items = seen.items();
        items.extend(&receipt.items);
        items.extend(left.lock().unwrap().iter());
        assert_exactly(items, 2, 5);
    });
}

#[test]
fn close_wakes_a_blocked_put_and_gives_its_item_back() {
    check(2000, || {
        let batcher =
            Arc::new(small().no_linger().batch_items_max(1).queue_items_max(1).build_poll().unwrap());
        batcher.put(1).unwrap();
        let blocked = {
            let batcher = batcher.clone();
            thread::spawn(move || batcher.put(2))
        };
        thread::yield_now();
        let receipt = batcher.close(Deadline::now());
        // The closer may find the second item in its lane, in the moment before its put looks at the state.
        match blocked.join().unwrap() {
            Ok(()) => assert_eq!(receipt.items, [1, 2]),
            refused => assert_eq!((refused, &receipt.items[..]), (Err(PutError::Closed(2)), &[1][..])),
        }
        assert!(receipt.is_balanced());
    });
}

#[test]
fn two_closes_agree() {
    check(1000, || {
        let seen = Seen::default();
        let batcher = Arc::new(small().no_linger().build(seen.handler()).unwrap());
        batcher.put_many(&mut vec![0, 1, 2]).unwrap();
        let other = {
            let batcher = batcher.clone();
            thread::spawn(move || batcher.close(Deadline::never()))
        };
        let receipts = [batcher.close(Deadline::never()), other.join().unwrap()];
        receipts.iter().for_each(|receipt| assert_eq!((receipt.accepted, receipt.done), (3, 3)));
        assert_exactly(seen.items(), 1, 3);
    });
}

#[test]
fn a_cancelled_item_is_handled_or_confirmed() {
    check(2000, || {
        let seen = Seen::default();
        let batcher = Arc::new(small().demand(true).build(seen.handler()).unwrap());
        join(producers(2, &batcher, {
            let seen = seen.clone();
            move |producer, batcher| {
                for item in items_of(producer, 2) {
                    let ticket = batcher.submit(item).unwrap();
                    let cancelled = ticket.cancel();
                    let outcome = ticket.wait();
                    assert_eq!(cancelled, matches!(outcome, Err(TicketError::Cancelled)));
                    assert_eq!(!cancelled, seen.items().contains(&item));
                }
            }
        }));
        let receipt = batcher.close(Deadline::never());
        assert_eq!(receipt.accepted, 4);
        assert_eq!(receipt.done + receipt.cancelled, 4);
    });
}

#[test]
fn tickets_outlive_the_batcher() {
    check(1000, || {
        let batcher = small().demand(true).build(|_: &mut Batch<u64>| ()).unwrap();
        let ticket = batcher.submit(1).unwrap();
        let waiter = thread::spawn(move || ticket.wait());
        drop(batcher);
        waiter.join().unwrap().unwrap();
    });
}

#[test]
fn a_poller_that_times_out_hands_its_watch_on() {
    check(2000, || {
        let (time, gone) = (VirtualClock::new(), Arc::new(Mutex::new(false)));
        let batcher = Arc::new(lingering(&time).build_poll().unwrap());
        let patient = {
            let batcher = batcher.clone();
            thread::spawn(move || batcher.next_batch(Duration::MAX).map(|batch| batch[0]))
        };
        let hasty = {
            let batcher = batcher.clone();
            let gone = gone.clone();
            thread::spawn(move || {
                let item = batcher.next_batch(LINGER / 2).map(|batch| batch[0]);
                *gone.lock().unwrap() = true;
                item
            })
        };
        batcher.put(1).unwrap();
        while !*gone.lock().unwrap() {
            time.advance(LINGER / 2);
            thread::yield_now();
        }
        let hasty = hasty.join().unwrap();
        time.advance(LINGER);
        if hasty.is_none() {
            assert_eq!(patient.join().unwrap(), Some(1));
        } else {
            batcher.close(Deadline::now());
            assert_eq!(patient.join().unwrap(), None);
        }
    });
}

#[test]
fn an_item_with_a_shorter_linger_pulls_its_batch() {
    check(1000, || {
        let time = VirtualClock::new();
        let seen = Seen::default();
        let batcher = Arc::new(lingering(&time).build(seen.handler()).unwrap());
        batcher.put(0).unwrap();
        let other = {
            let (batcher, time) = (batcher.clone(), time.clone());
            thread::spawn(move || {
                let soon = ItemOptions::new().linger(LINGER / 10);
                let ticket = batcher.submit_with(1, soon).unwrap();
                time.advance(LINGER / 10);
                ticket.wait().unwrap();
            })
        };
        other.join().unwrap();
        assert!(seen.items().contains(&1));
    });
}
