//! Odd shapes and lives: items of no size and of much, batches of one, weights without end, many threads, many
//! batchers, producers and tickets that outlive theirs.

mod support;

use batchline::{
    Batch, Batcher, Clock, Deadline, Dispatch, FlushError, ItemOptions, PutError, SealReason, Ticket,
    TicketError, VirtualClock,
};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;
use support::items::{Drops, block_on};
use support::modes::{Kind, MODES, Mode, Rig};
use support::{assert_balanced, eventually, guarded, receive};

/// An item of no size that counts its drops.
struct Nothing;

static NOTHINGS: AtomicUsize = AtomicUsize::new(0);

impl Drop for Nothing {
    fn drop(&mut self) {
        NOTHINGS.fetch_add(1, SeqCst);
    }
}

#[test]
fn items_of_no_size_are_counted_handled_and_dropped() {
    guarded("zero-sized items", || {
        let mut expected = 0;
        for mode in MODES {
            let handled = Arc::new(AtomicUsize::new(0));
            let count = handled.clone();
            let rig: Rig<Nothing> = mode.start_any(Batcher::builder().batch_items_max(7), move |items| {
                count.fetch_add(items.len(), SeqCst);
                Ok(())
            });
            let mut many: Vec<Nothing> = (0..1000).map(|_| Nothing).collect();
            assert_eq!(rig.batcher.put_many(&mut many), Ok(1000));
            (0..10).for_each(|_| rig.batcher.put(Nothing).unwrap());
            let ticket = rig.batcher.submit(Nothing).unwrap();
            rig.batcher.flush().unwrap();
            ticket.wait().unwrap();
            rig.close();
            expected += 1011;
            assert_eq!(handled.load(SeqCst), 1011);
            assert_eq!(NOTHINGS.load(SeqCst), expected);
        }
        let batcher = Batcher::<Nothing>::builder().build_poll().unwrap();
        assert_eq!(batcher.put_many(&mut (0..5).map(|_| Nothing).collect()), Ok(5));
        assert_eq!(batcher.close(Deadline::now()).items.len(), 5);
        assert_eq!(NOTHINGS.load(SeqCst), expected + 5);
    });
}

#[test]
fn huge_items_from_several_lanes_arrive_whole_and_in_order_per_producer() {
    for mode in MODES {
        guarded("huge items", move || {
            type Huge = (usize, u64, [u64; 64]);
            let seen = Arc::new(Mutex::new(vec![Vec::new(); 4]));
            let into = seen.clone();
            let rig: Rig<Huge> = mode.start_any(Batcher::builder().batch_items_max(16), move |items| {
                let mut seen = into.lock().unwrap();
                for (lane, item, body) in items {
                    assert!(body.iter().all(|word| word == item), "a torn item");
                    seen[*lane].push(*item);
                }
                Ok(())
            });
            let threads: Vec<_> = (0..4)
                .map(|lane| {
                    let mut producer = rig.batcher.producer();
                    thread::spawn(move || {
                        (0..500).for_each(|item| producer.put((lane, item, [item; 64])).unwrap());
                    })
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!(rig.close().done, 2000);
            for mut lane in seen.lock().unwrap().drain(..) {
                // Callers handle at the same time, each the batch that its own put filled.
                if !mode.has_one_consumer() || mode.kind == Kind::Caller {
                    lane.sort_unstable();
                }
                assert!(lane.into_iter().eq(0..500), "{mode:?}");
            }
        });
    }
}

#[test]
fn weights_of_usize_max_neither_overflow_nor_block() {
    guarded("huge weights", || {
        let drops = Drops::new(8);
        let batcher = Batcher::builder().weigher(|_| usize::MAX).batch_items_max(4).build_poll().unwrap();
        let mut items = drops.items();
        assert_eq!(batcher.put_many(&mut items.split_off(4)), Ok(4));
        items.into_iter().for_each(|item| batcher.put(item).unwrap());
        for _ in 0..2 {
            let batch = batcher.next_batch(Duration::ZERO).expect("a full batch");
            assert_eq!(batch.len(), 4);
            assert!(batch.bytes() >= usize::MAX as u64 / 2);
        }
        drops.assert_each_once();
        assert_balanced(&batcher.stats());
    });
}

#[test]
fn weights_near_usize_max_keep_the_byte_bound_over_time() {
    guarded("huge weights under a bound", || {
        let builder = Batcher::<usize>::builder().weigher(|weight| *weight).batch_items_max(4);
        let batcher = builder
            .queue_bytes_max(usize::MAX / 4)
            .overflow(batchline::Overflow::Fail)
            .demand(true)
            .build_poll()
            .unwrap();
        for _ in 0..10 {
            batcher.put(usize::MAX / 4).unwrap();
            assert!(matches!(batcher.put(1), Err(PutError::Full(1))));
            assert_eq!(batcher.next_batch(Duration::ZERO).expect("a batch").len(), 1);
        }
        assert_balanced(&batcher.stats());
    });
}

#[test]
fn timeouts_of_duration_max_mean_for_ever_and_do_not_overflow() {
    for mode in MODES {
        guarded("Duration::MAX", move || {
            let builder =
                Batcher::builder().batch_items_max(2).queue_items_max(2).drop_deadline(Duration::MAX);
            let rig: Rig<u64> = mode.start_any(builder, |_| Ok(()));
            let options = ItemOptions::new().linger(Duration::MAX).deadline(Duration::MAX);
            for item in 0..50 {
                rig.batcher.put_timeout(item, Duration::MAX).unwrap();
                rig.batcher.put_with(item, options).unwrap();
                let ticket = rig.batcher.submit_with(item, options).unwrap();
                rig.batcher.flush_timeout(Duration::MAX).unwrap();
                ticket.wait_timeout(Duration::MAX).expect("an outcome").unwrap();
            }
            let receipt = rig.batcher.close(Deadline::after(Duration::MAX));
            assert_eq!((receipt.done, receipt.timed_out), (150, false));
            rig.end();
        });
    }
}

#[test]
fn two_hundred_threads_come_and_go_and_their_lanes_are_used_again() {
    for mode in MODES {
        guarded("many threads", move || {
            let sum = Arc::new(AtomicU64::new(0));
            let total = sum.clone();
            let rig: Rig<u64> = mode.start_any(Batcher::builder().batch_items_max(64), move |items| {
                total.fetch_add(items.iter().sum(), SeqCst);
                Ok(())
            });
            let mut expected = 0;
            for wave in 0..20_u64 {
                let threads: Vec<_> = (0..10)
                    .map(|thread| {
                        let batcher = rig.batcher.clone();
                        expected += 50 * (wave * 10 + thread);
                        thread::spawn(move || {
                            (0..50).for_each(|_| batcher.put(wave * 10 + thread).unwrap());
                        })
                    })
                    .collect();
                threads.into_iter().for_each(|thread| thread.join().unwrap());
            }
            rig.batcher.flush().unwrap();
            let stats = rig.batcher.stats();
            assert_eq!((stats.done, sum.load(SeqCst)), (10_000, expected));
            assert!(stats.lanes <= 10, "{} lanes for 10 threads at a time", stats.lanes);
            rig.close();
        });
    }
}

#[test]
fn many_batchers_on_one_thread_keep_their_items_apart() {
    guarded("many batchers", || {
        let handled: Vec<_> = (0..40).map(|_| Arc::new(AtomicU64::new(0))).collect();
        let batchers: Vec<_> = handled
            .iter()
            .enumerate()
            .map(|(own, count)| {
                let count = count.clone();
                let dispatch = if own % 2 == 0 { Dispatch::Thread } else { Dispatch::Caller };
                let built = Batcher::builder().batch_items_max(3).dispatch(dispatch).build(
                    move |batch: &mut Batch<usize>| {
                        assert!(batch.iter().all(|item| *item == own));
                        count.fetch_add(batch.len() as u64, SeqCst);
                    },
                );
                built.unwrap()
            })
            .collect();
        for _ in 0..100 {
            batchers.iter().enumerate().for_each(|(own, batcher)| batcher.put(own).unwrap());
        }
        for (batcher, count) in batchers.into_iter().zip(handled) {
            batcher.flush().unwrap();
            assert_eq!((batcher.stats().failed, count.load(SeqCst)), (0, 100));
            assert_balanced(&batcher.stats());
        }
    });
}

#[test]
fn a_batcher_in_the_place_of_one_that_is_gone_gets_its_own_lanes() {
    guarded("batchers one after the other", || {
        for round in 0..200 {
            let batcher = Batcher::builder()
                .dispatch(Dispatch::Caller)
                .no_linger()
                .batch_items_max(2)
                .build(move |batch: &mut Batch<usize>| assert_eq!(batch[..], [round, round]));
            let batcher = batcher.unwrap();
            batcher.put_many(&mut vec![round, round]).unwrap();
            assert_eq!(batcher.close(Deadline::never()).done, 2);
            assert_balanced(&batcher.stats());
        }
    });
}

#[test]
fn a_producer_outlives_its_batcher_and_is_then_refused() {
    for ordered in [false, true] {
        guarded("a late producer", move || {
            let drops = Drops::new(3);
            let built = Batcher::builder().ordered(ordered).build(|_: &mut Batch<_>| ());
            let batcher = built.unwrap();
            let mut producer = batcher.producer();
            producer.put(drops.item(0)).unwrap();
            drop(batcher);
            assert_eq!(drops.total(), 1);
            assert!(matches!(producer.put(drops.item(1)), Err(PutError::Closed(_))));
            assert!(matches!(producer.submit(drops.item(2)).map(drop), Err(PutError::Closed(_))));
            thread::spawn(move || drop(producer)).join().unwrap();
            drops.assert_each_once();
        });
    }
}

#[test]
fn a_producer_moves_between_threads_and_keeps_its_order() {
    guarded("a travelling producer", || {
        let (told, seen) = channel();
        let built = Batcher::builder().batch_items_max(5).build(move |batch: &mut Batch<u64>| {
            batch.iter().for_each(|item| told.send(*item).unwrap());
        });
        let batcher = built.unwrap();
        let mut producer = batcher.producer();
        for turn in 0..40 {
            producer = thread::spawn(move || {
                (0..7).for_each(|item| producer.put(turn * 7 + item).unwrap());
                producer
            })
            .join()
            .unwrap();
        }
        batcher.close(Deadline::never());
        assert!((0..280).all(|item| receive("an item", &seen) == item));
        assert_balanced(&batcher.stats());
    });
}

#[test]
fn tickets_outlive_their_batcher() {
    guarded("late tickets", || {
        let batcher = Batcher::<u64>::builder().batch_items_max(100).build_poll().unwrap();
        let mut tickets: Vec<_> = (0..300).map(|item| batcher.submit(item).unwrap()).collect();
        let held = batcher.next_batch(Duration::ZERO).expect("a full batch");
        drop(batcher);
        let waiting = tickets.remove(0);
        assert!(!waiting.is_done() && !waiting.cancel());
        assert!(!tickets.remove(0).is_done());
        drop(held);
        waiting.wait().unwrap();
        let outcomes: Vec<_> = tickets.into_iter().map(Ticket::wait).collect();
        assert!(outcomes[..98].iter().all(Result::is_ok));
        assert!(outcomes[98..].iter().all(|outcome| matches!(outcome, Err(TicketError::HandedBack))));
    });
}

/// Counts its wake-ups.
#[derive(Default)]
struct CountingWaker(AtomicUsize);

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_ticket_is_a_future_that_wakes_its_last_waker_once() {
    let batcher = Batcher::<u64>::builder().replies::<u64>().demand(true).build_poll().unwrap();
    let mut ticket = batcher.submit(1).unwrap();
    let wakers: [Arc<CountingWaker>; 2] = Default::default();
    for waker in &wakers {
        let waker = Waker::from(waker.clone());
        assert!(Pin::new(&mut ticket).poll(&mut Context::from_waker(&waker)).is_pending());
    }
    batcher.next_batch(Duration::ZERO).expect("a batch").reply(0, 5);
    assert_eq!(wakers.each_ref().map(|waker| waker.0.load(SeqCst)), [0, 1]);
    assert_eq!(block_on(ticket).unwrap(), 5);
    assert_eq!(Arc::strong_count(&wakers[0]), 1, "a waker is kept");
    assert_balanced(&batcher.stats());
}

/// Tells, when it is called, how many of the tickets are done.
struct Looking {
    tickets: Arc<[Mutex<Ticket>]>,
    tell: Sender<usize>,
}

impl Wake for Looking {
    fn wake(self: Arc<Self>) {
        let done = self.tickets.iter().filter(|ticket| ticket.lock().unwrap().is_done()).count();
        self.tell.send(done).unwrap();
    }
}

fn a_batch_wakes_who_waits_when_all_is_settled(mode: Mode, fails: bool) {
    let builder = Batcher::builder().batch_items_max(100).no_linger().on_failure(|_| {});
    let rig: Rig<u64> = mode.start_any(builder, move |_| if fails { Err("no".to_string()) } else { Ok(()) });
    let tickets: Arc<[_]> = (0..2).map(|item| Mutex::new(rig.batcher.submit(item).unwrap())).collect();
    let (tell, told) = channel();
    for ticket in &*tickets {
        let waker = Waker::from(Arc::new(Looking { tickets: tickets.clone(), tell: tell.clone() }));
        let mut ticket = ticket.lock().unwrap();
        assert!(Pin::new(&mut *ticket).poll(&mut Context::from_waker(&waker)).is_pending());
    }
    rig.batcher.flush().unwrap();
    assert_eq!([(); 2].map(|()| receive("a call of a waker", &told)), [2, 2], "{mode:?}, fails: {fails}");
    for ticket in &*tickets {
        let mut ticket = ticket.lock().unwrap();
        let polled = Pin::new(&mut *ticket).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Ready(outcome) if outcome.is_err() == fails));
    }
    assert_eq!(rig.batcher.stats().batches, 1);
    rig.close();
}

#[test]
fn the_tickets_of_a_batch_are_all_done_when_the_first_waker_is_called() {
    for mode in MODES {
        for fails in [false, true] {
            guarded("woken together", move || a_batch_wakes_who_waits_when_all_is_settled(mode, fails));
        }
    }
}

#[test]
fn a_ticket_dropped_while_pending_lets_its_item_be_handled_and_its_waker_go() {
    let batcher = Batcher::<u64>::builder().demand(true).build_poll().unwrap();
    for _ in 0..200 {
        let mut ticket = batcher.submit(1).unwrap();
        let waker = Arc::new(CountingWaker::default());
        let task = Waker::from(waker.clone());
        assert!(Pin::new(&mut ticket).poll(&mut Context::from_waker(&task)).is_pending());
        drop((ticket, task));
        assert_eq!(batcher.next_batch(Duration::ZERO).expect("a batch")[..], [1]);
        assert_eq!(Arc::strong_count(&waker), 1, "the waker of a dropped ticket is kept");
    }
    assert_eq!(batcher.stats().done, 200);
    assert_balanced(&batcher.stats());
}

#[test]
fn tickets_are_awaited_from_many_threads_while_others_are_dropped() {
    for mode in MODES {
        guarded("awaited tickets", move || {
            let rig: Rig<u64> = mode.start_any(Batcher::builder().batch_items_max(8), |_| Ok(()));
            let (pass, tickets) = channel::<Ticket>();
            let tickets = Arc::new(Mutex::new(tickets));
            let awaiting: Vec<_> = (0..3)
                .map(|thread| {
                    let tickets = tickets.clone();
                    thread::spawn(move || {
                        loop {
                            let next = tickets.lock().unwrap().recv();
                            let Ok(mut ticket) = next else { return };
                            if thread == 0 {
                                let mut context = Context::from_waker(Waker::noop());
                                let _ = Pin::new(&mut ticket).poll(&mut context);
                            } else {
                                block_on(ticket).unwrap();
                            }
                        }
                    })
                })
                .collect();
            for item in 0..3000 {
                pass.send(rig.batcher.submit(item).unwrap()).unwrap();
            }
            drop(pass);
            rig.batcher.flush().unwrap();
            awaiting.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!(rig.close().done, 3000);
        });
    }
}

#[test]
fn a_future_of_an_item_with_a_deadline_expires_when_it_is_polled_late() {
    let time = VirtualClock::new();
    let batcher = Batcher::<u64>::builder().clock(Clock::from(&time)).no_linger().build_poll().unwrap();
    let ticket = batcher.submit_with(1, ItemOptions::new().deadline(Duration::from_secs(1))).unwrap();
    time.advance(Duration::from_secs(1));
    assert!(matches!(block_on(ticket), Err(TicketError::Expired)));
    assert!(batcher.next_batch(Duration::ZERO).is_none());
    assert_eq!(batcher.stats().expired, 1);
    assert_balanced(&batcher.stats());
}

#[test]
fn flushes_puts_and_stats_race_from_many_threads() {
    for mode in MODES {
        guarded("everything at once", move || {
            let rig: Rig<u64> =
                mode.start_any(Batcher::builder().batch_items_max(5).queue_items_max(20), |_| Ok(()));
            let threads: Vec<_> = (0..6)
                .map(|thread| {
                    let batcher = rig.batcher.clone();
                    thread::spawn(move || {
                        for item in 0..300 {
                            match thread {
                                0 => batcher.flush().unwrap(),
                                1 => assert!(batcher.stats().accepted <= 300 * 6),
                                2 => drop(batcher.submit(item).unwrap()),
                                3 => drop(batcher.put_many(&mut vec![item; 3]).unwrap()),
                                4 => batcher.producer().put(item).unwrap(),
                                _ => batcher.put(item).unwrap(),
                            }
                        }
                    })
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            rig.batcher.flush().unwrap();
            assert_eq!(rig.batcher.stats().done, 300 * 6);
            rig.close();
        });
    }
}

#[test]
fn the_items_of_each_producer_stay_in_order_and_those_of_an_ordered_batcher_over_all() {
    for mode in MODES.into_iter().filter(|mode| mode.has_one_consumer() && mode.kind != Kind::Caller) {
        guarded("order", move || {
            let seen = Arc::new(Mutex::new(Vec::new()));
            let into = seen.clone();
            let rig: Rig<(usize, u64)> =
                mode.start_any(Batcher::builder().batch_items_max(9), move |items| {
                    into.lock().unwrap().extend_from_slice(items);
                    Ok(())
                });
            let claims = Arc::new(Mutex::new(0));
            let threads: Vec<_> = (0..4)
                .map(|thread| {
                    let (batcher, claims) = (rig.batcher.clone(), claims.clone());
                    thread::spawn(move || {
                        for _ in 0..500 {
                            let mut claim = claims.lock().unwrap();
                            batcher.put((thread, *claim)).unwrap();
                            *claim += 1;
                        }
                    })
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            rig.close();
            let seen = seen.lock().unwrap();
            assert_eq!(seen.len(), 2000);
            for thread in 0..4 {
                let own: Vec<_> = seen.iter().filter(|item| item.0 == thread).map(|item| item.1).collect();
                assert!(own.is_sorted(), "one producer's items out of order, {mode:?}");
            }
            assert!(!mode.ordered || seen.iter().map(|item| item.1).eq(0..2000), "{mode:?}");
        });
    }
}

#[test]
fn polling_a_batcher_with_workers_is_refused_by_a_panic_and_not_by_a_hang() {
    let batcher = Batcher::builder().build(|_: &mut Batch<u64>| ()).unwrap();
    let polled =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| batcher.next_batch(Duration::ZERO)));
    assert!(polled.is_err());
    assert_eq!(batcher.flush(), Ok(()));
    assert_balanced(&batcher.stats());
}

#[test]
fn pollers_end_when_the_batcher_is_closed_and_drained() {
    guarded("pollers", || {
        let batcher = Arc::new(Batcher::<u64>::builder().batch_items_max(4).build_poll().unwrap());
        let pollers: Vec<_> = (0..4)
            .map(|_| {
                let batcher = batcher.clone();
                thread::spawn(move || {
                    std::iter::from_fn(|| batcher.next_batch(Duration::MAX))
                        .map(|batch| batch.len())
                        .sum::<usize>()
                })
            })
            .collect();
        batcher.put_many(&mut (0..1001).collect()).unwrap();
        let receipt = batcher.close(Deadline::never());
        assert_eq!((receipt.done, receipt.items.len()), (1001, 0));
        assert_eq!(pollers.into_iter().map(|poller| poller.join().unwrap()).sum::<usize>(), 1001);
        assert!(batcher.next_batch(Duration::MAX).is_none());
        assert_eq!(batcher.flush(), Err(FlushError::Closed));
        assert_balanced(&batcher.stats());
    });
}

#[test]
fn a_put_that_fills_a_batch_of_several_lanes_wakes_a_sleeping_worker() {
    guarded("lanes together", || {
        let builder = Batcher::builder().batch_items_max(64).queue_items_max(640).no_linger();
        let batcher = builder.build(|_: &mut Batch<u64>| ()).unwrap();
        let mut producers: Vec<_> = (0..8).map(|_| batcher.producer()).collect();
        for _ in 0..40 {
            producers.iter_mut().for_each(|producer| producer.put(1).unwrap());
        }
        // 320 items wait in eight lanes, none of which is full; together they are five batches.
        eventually("full batches are handled", || batcher.stats().done >= 256);
        batcher.flush().unwrap();
        let stats = batcher.stats();
        assert!(stats.batches_for(SealReason::Size) >= 4, "{stats:?}");
        assert_balanced(&stats);
    });
}

#[test]
fn whoever_waits_for_a_batch_is_not_told_of_items_that_linger() {
    guarded("waiting for a batch", || {
        let batcher =
            Batcher::builder().batch_items_max(2).linger(Duration::from_secs(60)).build_poll().unwrap();
        batcher.put(1).unwrap();
        assert!(!batcher.wait_for_batch(Duration::from_millis(20)));
        batcher.put(2).unwrap();
        assert!(batcher.wait_for_batch(Duration::from_secs(60)));
        assert_eq!(batcher.next_batch(Duration::ZERO).unwrap()[..], [1, 2]);
        assert!(!batcher.wait_for_batch(Duration::from_millis(1)));
        batcher.close(Deadline::now());
        assert!(batcher.wait_for_batch(Duration::from_secs(60)), "closed");
    });
}

#[test]
fn a_huge_bound_takes_no_memory_before_it_is_used() {
    let builder = Batcher::<[u64; 8]>::builder().queue_items_max(1 << 31).batch_items_max(1);
    let batcher = builder.build_poll().unwrap();
    assert!(batcher.stats().slabs < 100_000);
    (0..1000).for_each(|item| batcher.put([item; 8]).unwrap());
    assert_eq!(batcher.close(Deadline::now()).items.len(), 1000);
}
