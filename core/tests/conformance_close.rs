//! Conformance C01 to C07: close, flush and put, in every dispatch mode.

mod support;

use batchline::{
    Batch, Batcher, Builder, Deadline, Dispatch, FailureKind, FlushError, PutError, PutManyError, SealReason,
    TicketError,
};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;
use support::items::{Drops, Tracked};
use support::modes::{Kind, MODES, Mode, Rig};
use support::{Gate, OpenAtEnd, assert_balanced, eventually, guarded, outcomes, receive};

const TRIES: usize = 200;

/// The three ways in.
#[derive(Clone, Copy, Debug)]
enum Way {
    Put,
    PutMany,
    Submit,
    Producer,
}

const WAYS: [Way; 4] = [Way::Put, Way::PutMany, Way::Submit, Way::Producer];

impl Way {
    /// Puts item after item until the batcher closes; returns those that came back.
    fn put_until_closed(self, batcher: &Batcher<u64>, ids: std::ops::Range<u64>) -> (u64, Vec<u64>) {
        let (mut accepted, mut producer) = (0, batcher.producer());
        for id in ids {
            let back = match self {
                Self::Put => batcher.put(id).map_err(closed),
                Self::Producer => producer.put(id).map_err(closed),
                Self::Submit => batcher.submit(id).map(drop).map_err(closed),
                Self::PutMany => {
                    let mut items = vec![id];
                    let result = batcher.put_many(&mut items);
                    assert!(
                        matches!(result, Ok(1) | Err(PutManyError::Closed { accepted: 0 })),
                        "{result:?}"
                    );
                    items.pop().map_or(Ok(()), Err)
                }
            };
            match back {
                Ok(()) => accepted += 1,
                Err(item) => return (accepted, vec![item]),
            }
        }
        panic!("the batcher never closed");
    }
}

fn closed(error: PutError<u64>) -> u64 {
    match error {
        PutError::Closed(item) => item,
        other => panic!("refused for another reason: {other}"),
    }
}

fn tiny() -> Builder<u64> {
    Batcher::builder().batch_items_max(2).queue_items_max(4).no_linger()
}

/// One try of C01: putters that block on a full batcher, against a close.
fn race_put_against_close(mode: Mode, way: Way, deadline: Deadline, stuck: bool) {
    let gate = Arc::new(Gate::default());
    let (pass, handled) = (gate.clone(), Arc::new(AtomicU64::new(0)));
    let count = handled.clone();
    if !stuck {
        gate.open();
    }
    let rig: Rig<u64> = mode.start_any(tiny(), move |items| {
        pass.pass();
        count.fetch_add(items.len() as u64, SeqCst);
        Ok(())
    });
    let start = Arc::new(Barrier::new(3));
    let putters: Vec<_> = (0..2)
        .map(|putter| {
            let (batcher, start) = (rig.batcher.clone(), start.clone());
            thread::spawn(move || {
                start.wait();
                way.put_until_closed(&batcher, putter * 1_000_000..(putter + 1) * 1_000_000)
            })
        })
        .collect();
    start.wait();
    if stuck {
        eventually("the queue is full", || rig.batcher.stats().accepted >= 3);
    }
    let receipt = rig.batcher.close(deadline);
    gate.open();
    let puts: Vec<_> = putters.into_iter().map(|putter| putter.join().expect("no panic")).collect();
    let accepted: u64 = puts.iter().map(|(accepted, _)| accepted).sum();
    assert!(receipt.is_balanced(), "{receipt:?}");
    assert_eq!(receipt.accepted, accepted, "each item is accepted or came back, {mode:?} {way:?}");
    let (batcher, handed_back) = (rig.batcher.clone(), receipt.items.len() as u64);
    rig.end();
    assert_eq!(batcher.stats().accepted, accepted);
    assert_eq!(handled.load(SeqCst) + handed_back, accepted);
}

#[test]
fn c01_a_put_blocked_at_close_returns_its_item() {
    for mode in MODES {
        guarded("C01", move || {
            for attempt in 0..TRIES {
                race_put_against_close(mode, WAYS[attempt % 4], Deadline::now(), false);
            }
        });
    }
}

#[test]
fn c01_a_put_blocked_at_close_by_a_stuck_handler_returns_its_item() {
    // A caller's putter runs the handler itself: there a stuck handler is a stuck put.
    for mode in MODES.into_iter().filter(|mode| mode.kind != Kind::Caller) {
        guarded("C01 stuck", move || {
            for attempt in 0..TRIES {
                race_put_against_close(mode, WAYS[attempt % 4], Deadline::now(), true);
            }
        });
    }
}

#[test]
fn c01_a_put_blocked_at_close_with_nobody_polling_returns_its_item() {
    for ordered in [false, true] {
        guarded("C01 unpolled", move || {
            for attempt in 0..TRIES {
                let batcher = Arc::new(tiny().ordered(ordered).build_poll().unwrap());
                let putting = batcher.clone();
                let putter =
                    thread::spawn(move || WAYS[attempt % 4].put_until_closed(&putting, 0..1_000_000));
                eventually("the queue is full", || batcher.stats().accepted == 4);
                let receipt = batcher.close(Deadline::now());
                assert_eq!(receipt.items, [0, 1, 2, 3]);
                assert_eq!(putter.join().expect("no panic"), (4, vec![4]));
                assert_balanced(&batcher.stats());
            }
        });
    }
}

#[test]
fn c01_a_put_with_a_timeout_blocked_at_close_returns_its_item_as_closed() {
    guarded("C01 timeout", || {
        for _ in 0..TRIES {
            let batcher = Arc::new(tiny().build_poll().unwrap());
            batcher.put_many(&mut vec![1, 2, 3, 4]).unwrap();
            let (putting, start) = (batcher.clone(), Arc::new(Barrier::new(2)));
            let ready = start.clone();
            let putter = thread::spawn(move || {
                ready.wait();
                putting.put_timeout(5, Duration::MAX)
            });
            start.wait();
            let receipt = batcher.close(Deadline::now());
            assert_eq!(putter.join().expect("no panic"), Err(PutError::Closed(5)));
            assert_eq!(receipt.items, [1, 2, 3, 4]);
            assert_balanced(&batcher.stats());
        }
    });
}

#[test]
fn c02_close_returns_only_when_no_handler_is_running() {
    for mode in MODES {
        guarded("C02", move || {
            let running = Arc::new(AtomicUsize::new(0));
            let inside = running.clone();
            let rig: Rig<u64> = mode.start_any(Batcher::builder().batch_items_max(3), move |_| {
                inside.fetch_add(1, SeqCst);
                (0..100).for_each(|_| thread::yield_now());
                inside.fetch_sub(1, SeqCst);
                Ok(())
            });
            rig.batcher.put_many(&mut (0..100).collect()).unwrap();
            let receipt = rig.batcher.close(Deadline::never());
            assert_eq!(running.load(SeqCst), 0, "a handler runs after close, {mode:?}");
            assert_eq!((receipt.done, receipt.timed_out), (100, false));
            rig.end();
        });
    }
}

#[test]
fn c02_a_second_close_waits_for_the_first() {
    for mode in [MODES[0], MODES[2]] {
        guarded("C02 twice", move || {
            let gate = Arc::new(Gate::default());
            let _open = OpenAtEnd(&gate);
            let pass = gate.clone();
            let rig: Rig<u64> = mode.start(Batcher::builder().batch_items_max(1), move |_| {
                pass.pass();
                Ok(())
            });
            rig.batcher.put(1).unwrap();
            gate.await_waiting(1);
            let (told, closes) = channel();
            for _ in 0..2 {
                let (batcher, told) = (rig.batcher.clone(), told.clone());
                thread::spawn(move || told.send(batcher.close(Deadline::never())).unwrap());
            }
            eventually("a close has begun", || rig.batcher.is_closed());
            // A third close with a short deadline honours that, while the first two wait.
            let third = rig.batcher.close(Deadline::after(Duration::from_millis(1)));
            assert!(third.timed_out && third.is_balanced() && third.still_running == 1, "{third:?}");
            assert!(closes.try_recv().is_err(), "a close returned while the handler runs");
            gate.open();
            for _ in 0..2 {
                let receipt = receive("a close", &closes);
                assert!(!receipt.timed_out && receipt.done == 1 && receipt.is_balanced(), "{receipt:?}");
            }
            rig.end();
        });
    }
}

#[test]
fn c02_a_close_after_a_timed_out_close_waits_for_the_handler() {
    guarded("C02 after a timeout", || {
        let gate = Arc::new(Gate::default());
        let _open = OpenAtEnd(&gate);
        let pass = gate.clone();
        let rig: Rig<u64> = MODES[0].start(Batcher::builder().batch_items_max(1), move |_| {
            pass.pass();
            Ok(())
        });
        rig.batcher.put(1).unwrap();
        gate.await_waiting(1);
        assert!(rig.batcher.close(Deadline::now()).timed_out);
        let (told, closes) = channel();
        let batcher = rig.batcher.clone();
        thread::spawn(move || told.send(batcher.close(Deadline::never())).unwrap());
        let early = closes.recv_timeout(Duration::from_millis(50));
        assert_eq!(early.map(|_| ()), Err(RecvTimeoutError::Timeout), "a handler is still running");
        gate.open();
        let receipt = receive("the second close", &closes);
        assert!(!receipt.timed_out && receipt.done == 1 && receipt.still_running == 0, "{receipt:?}");
        rig.end();
    });
}

#[test]
fn c03_flush_and_put_after_close_return_an_error_at_once() {
    for mode in MODES {
        guarded("C03", move || {
            let rig: Rig<u64> = mode.start_any(Batcher::builder(), |_| Ok(()));
            let batcher = rig.batcher.clone();
            let mut producer = batcher.producer();
            batcher.put(1).unwrap();
            batcher.close(Deadline::never());
            assert_eq!(batcher.flush(), Err(FlushError::Closed));
            assert_eq!(batcher.flush_timeout(Duration::MAX), Err(FlushError::Closed));
            assert_eq!(batcher.put(2), Err(PutError::Closed(2)));
            assert_eq!(batcher.try_put(2), Err(PutError::Closed(2)));
            assert_eq!(batcher.put_timeout(2, Duration::MAX), Err(PutError::Closed(2)));
            assert_eq!(producer.put(2), Err(PutError::Closed(2)));
            let mut items = vec![3, 4];
            assert_eq!(batcher.put_many(&mut items), Err(PutManyError::Closed { accepted: 0 }));
            assert_eq!(items, [3, 4]);
            assert_eq!(batcher.submit(5).map(drop), Err(PutError::Closed(5)));
            let again = batcher.close(Deadline::now());
            assert!(!again.timed_out && again.items.is_empty() && again.is_balanced());
            rig.end();
        });
    }
}

#[test]
fn c03_a_flush_that_waits_when_close_comes_ends() {
    for deadline in [Deadline::now(), Deadline::never()] {
        guarded("C03 flush against close", move || {
            for _ in 0..TRIES {
                let batcher =
                    Arc::new(Batcher::<u64>::builder().workers(2).build(|_: &mut Batch<u64>| ()).unwrap());
                batcher.put_many(&mut vec![1, 2, 3]).unwrap();
                let (flushing, start) = (batcher.clone(), Arc::new(Barrier::new(2)));
                let ready = start.clone();
                let flusher = thread::spawn(move || {
                    ready.wait();
                    flushing.flush()
                });
                start.wait();
                let receipt = batcher.close(deadline);
                let flushed = flusher.join().expect("no panic");
                assert!(matches!(flushed, Ok(()) | Err(FlushError::Closed)), "{flushed:?}");
                assert!(receipt.is_balanced(), "{receipt:?}");
                eventually("handlers end", || batcher.stats().live == 0);
                assert_balanced(&batcher.stats());
            }
        });
    }
}

#[test]
fn c04_close_with_a_stuck_handler_returns_at_the_deadline_with_a_receipt() {
    for mode in MODES.into_iter().filter(|mode| mode.kind != Kind::Caller) {
        guarded("C04", move || {
            let gate = Arc::new(Gate::default());
            let _open = OpenAtEnd(&gate);
            let pass = gate.clone();
            let rig: Rig<u64> = mode.start_any(Batcher::builder().batch_items_max(5), move |items| {
                let fails = items.contains(&0);
                pass.pass();
                if fails { Err("no".into()) } else { Ok(()) }
            });
            let consumers = match mode.kind {
                Kind::Thread(count) | Kind::Poll(count) => count as u64,
                Kind::Caller => 0,
            };
            rig.batcher.put_many(&mut (0..5 * consumers).collect()).unwrap();
            gate.await_waiting(consumers as usize);
            let cancelled = rig.batcher.submit(100).unwrap();
            assert!(cancelled.cancel());
            let ticket = rig.batcher.submit(101).unwrap();
            rig.batcher.put_many(&mut (102..110).collect()).unwrap();
            let receipt = rig.batcher.close(Deadline::after(Duration::from_millis(5)));
            assert!(receipt.timed_out && receipt.is_balanced(), "{receipt:?}");
            assert_eq!((receipt.still_running, receipt.cancelled), (5 * consumers, 1));
            assert!(receipt.items.iter().copied().eq(101..110), "{:?}", receipt.items);
            assert!(matches!(ticket.wait(), Err(TicketError::HandedBack)));
            gate.open();
            let batcher = rig.batcher.clone();
            rig.end();
            let stats = batcher.stats();
            assert_eq!((stats.failed, stats.done, stats.handed_back), (5, 5 * consumers - 5, 9));
        });
    }
}

#[test]
fn c04_a_close_at_once_under_traffic_hands_back_what_no_handler_had() {
    for mode in MODES {
        guarded("C04 traffic", move || {
            for _ in 0..20 {
                let drops = Drops::new(4000);
                let seen = Arc::new(AtomicUsize::new(0));
                let count = seen.clone();
                let builder = Batcher::builder().batch_items_max(7).queue_items_max(100);
                let rig: Rig<Tracked> = mode.start_any(builder, move |items| {
                    count.fetch_add(items.len(), SeqCst);
                    Ok(())
                });
                let (batcher, made) = (rig.batcher.clone(), drops.clone());
                let putter =
                    thread::spawn(move || (0..4000).map_while(|id| batcher.put(made.item(id)).ok()).count());
                eventually("some are handled", || seen.load(SeqCst) > 0);
                let receipt = rig.batcher.close(Deadline::now());
                let accepted = putter.join().expect("no panic");
                rig.end();
                assert_eq!(receipt.accepted, accepted as u64);
                assert_eq!(seen.load(SeqCst) + receipt.items.len(), accepted);
                drop(receipt);
                // The one that was refused was dropped with its error.
                assert_eq!(drops.total() as usize, (accepted + 1).min(4000));
            }
        });
    }
}

#[test]
fn c05_flush_overrides_the_linger_and_is_a_barrier() {
    for mode in MODES {
        guarded("C05", move || {
            let done = Arc::new(AtomicU64::new(0));
            let count = done.clone();
            let builder = Batcher::builder().linger(Duration::from_secs(3600));
            let rig: Rig<u64> = mode.start_any(builder, move |items| {
                thread::yield_now();
                count.fetch_add(items.len() as u64, SeqCst);
                Ok(())
            });
            for round in 1..50 {
                let other = rig.batcher.clone();
                thread::spawn(move || other.put(1).unwrap()).join().unwrap();
                rig.batcher.put(2).unwrap();
                let ticket = rig.batcher.submit(3).unwrap();
                rig.batcher.flush().unwrap();
                assert_eq!(done.load(SeqCst), 3 * round, "flush is no barrier, {mode:?}");
                assert!(ticket.is_done());
            }
            let stats = rig.batcher.stats();
            assert_eq!(stats.batches, stats.batches_for(SealReason::Flush));
            assert_eq!(rig.close().done, 147);
        });
    }
}

#[test]
fn c05_items_put_during_a_flush_do_not_prolong_it_for_ever() {
    for mode in MODES {
        guarded("C05 traffic", move || {
            let stop = Arc::new(AtomicBool::new(false));
            let rig: Rig<u64> = mode.start_any(Batcher::builder().batch_items_max(8), |_| Ok(()));
            let putters: Vec<_> = (0..3)
                .map(|_| {
                    let (batcher, stop) = (rig.batcher.clone(), stop.clone());
                    thread::spawn(move || {
                        while !stop.load(SeqCst) {
                            batcher.put(1).unwrap();
                        }
                    })
                })
                .collect();
            for _ in 0..20 {
                let before = rig.batcher.stats().accepted;
                rig.batcher.flush().unwrap();
                assert!(outcomes(&rig.batcher.stats()) >= before);
            }
            stop.store(true, SeqCst);
            putters.into_iter().for_each(|putter| putter.join().unwrap());
            rig.close();
        });
    }
}

/// Two workers, of which one is stuck with an item.
fn one_stuck(gate: &Arc<Gate>) -> Rig<u64> {
    let pass = gate.clone();
    let rig: Rig<u64> = MODES[2].start(Batcher::builder().batch_items_max(1), move |items| {
        if items[0] == 0 {
            pass.pass();
        }
        Ok(())
    });
    rig.batcher.put(0).unwrap();
    gate.await_waiting(1);
    rig
}

#[test]
fn c05_a_flush_after_one_that_timed_out_is_still_a_barrier() {
    guarded("C05 after a timeout", || {
        let gate = Arc::new(Gate::default());
        let rig = one_stuck(&gate);
        let _open = OpenAtEnd(&gate);
        for attempt in 1..=4 {
            let flushed = rig.batcher.flush_timeout(Duration::from_millis(1));
            assert_eq!(flushed, Err(FlushError::TimedOut), "flush {attempt} while an item has no outcome");
        }
        gate.open();
        rig.batcher.flush().unwrap();
        assert_eq!(rig.close().done, 1);
    });
}

#[test]
fn c05_a_flush_with_a_timeout_honours_it_while_another_flush_waits() {
    guarded("C05 two flushes", || {
        let gate = Arc::new(Gate::default());
        let rig = one_stuck(&gate);
        let _open = OpenAtEnd(&gate);
        let (told, flushes) = channel();
        for timeout in [Duration::MAX, Duration::from_millis(1), Duration::ZERO] {
            let (batcher, told) = (rig.batcher.clone(), told.clone());
            let flush = move || told.send((timeout, batcher.flush_timeout(timeout))).unwrap();
            thread::spawn(flush);
        }
        for _ in 0..2 {
            let flush = flushes.recv_timeout(Duration::from_secs(10));
            let (_, flushed) = flush.expect("a flush waits beyond its timeout for another flush");
            assert_eq!(flushed, Err(FlushError::TimedOut));
        }
        gate.open();
        assert_eq!(receive("the patient flush", &flushes), (Duration::MAX, Ok(())));
        assert_eq!(rig.close().done, 1);
    });
}

#[test]
fn c06_dropping_the_last_handle_handles_every_accepted_item() {
    for dispatch in [Dispatch::Thread, Dispatch::Caller] {
        for ordered in [false, true] {
            guarded("C06", move || {
                let handled = Arc::new(AtomicU64::new(0));
                let count = handled.clone();
                let built = Batcher::builder()
                    .linger(Duration::from_secs(3600))
                    .dispatch(dispatch)
                    .ordered(ordered)
                    .build(move |batch: &mut Batch<u64>| {
                        count.fetch_add(batch.len() as u64, SeqCst);
                    });
                let batcher = built.unwrap();
                batcher.put_many(&mut (0..2345).collect()).unwrap();
                let (ticket, mut producer) = (batcher.submit(1).unwrap(), batcher.producer());
                producer.put(2).unwrap();
                drop(batcher);
                assert_eq!(handled.load(SeqCst), 2347);
                ticket.wait().unwrap();
                assert_eq!(producer.put(3), Err(PutError::Closed(3)));
            });
        }
    }
}

#[test]
fn c06_what_a_drop_gives_up_is_reported_and_its_tickets_are_told() {
    guarded("C06 stuck", || {
        let gate = Arc::new(Gate::default());
        let _open = OpenAtEnd(&gate);
        let (pass, (told, reports)) = (gate.clone(), channel());
        let built = Batcher::builder()
            .batch_items_max(1)
            .drop_deadline(Duration::from_millis(5))
            .on_failure(move |report| told.send(report.clone()).unwrap())
            .build(move |_: &mut Batch<u64>| pass.pass());
        let batcher = built.unwrap();
        batcher.put(1).unwrap();
        gate.await_waiting(1);
        let tickets: Vec<_> = (0..3).map(|item| batcher.submit(item).unwrap()).collect();
        drop(batcher);
        let report = receive("a report", &reports);
        assert!(matches!(report.kind, FailureKind::Abandoned), "{report}");
        assert_eq!(report.items, 3);
        for ticket in tickets {
            assert!(matches!(ticket.wait(), Err(TicketError::HandedBack)));
        }
    });
}

#[test]
fn c06_dropping_a_polled_batcher_reports_what_nobody_polled() {
    guarded("C06 poll", || {
        let (told, reports) = channel();
        let built = Batcher::<u64>::builder()
            .batch_items_max(2)
            .on_failure(move |report| told.send(report.clone()).unwrap());
        let batcher = built.build_poll().unwrap();
        batcher.put_many(&mut vec![1, 2, 3]).unwrap();
        let held = batcher.next_batch(Duration::ZERO).unwrap();
        drop(batcher);
        let report = receive("a report", &reports);
        assert!(matches!(report.kind, FailureKind::Abandoned) && report.items == 1, "{report}");
        assert_eq!(held[..], [1, 2], "a batch that is held outlives the batcher");
    });
}

#[test]
fn c07_a_close_under_sustained_traffic_ends() {
    for mode in MODES {
        for deadline in [Deadline::never(), Deadline::after(Duration::from_millis(20))] {
            guarded("C07", move || {
                let builder = Batcher::builder().batch_items_max(16).queue_items_max(256);
                let rig: Rig<u64> = mode.start_any(builder, |_| Ok(()));
                let putters: Vec<_> = (0..4_u64)
                    .map(|putter| {
                        let batcher = rig.batcher.clone();
                        let way = WAYS[putter as usize];
                        thread::spawn(move || way.put_until_closed(&batcher, 0..u64::MAX).0)
                    })
                    .collect();
                eventually("traffic flows", || rig.batcher.stats().done > 1000);
                let receipt = rig.batcher.close(deadline);
                let accepted: u64 = putters.into_iter().map(|putter| putter.join().unwrap()).sum();
                assert!(receipt.is_balanced(), "{receipt:?}");
                assert_eq!(receipt.accepted, accepted, "{mode:?}");
                rig.end();
            });
        }
    }
}
