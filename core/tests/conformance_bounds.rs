//! Conformance C20 to C25: what a batcher, a batch and a setting may hold at most, and for how long.

mod support;

use batchline::{
    Batch, Batcher, BuildError, Builder, Clock, Deadline, Dispatch, FlushError, ItemOptions, Overflow,
    Oversize, PutError, PutManyError, Retry, SealReason, TicketError, VirtualClock,
};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex, OnceLock, Weak};
use std::thread;
use std::time::Duration;
use support::items::{Drops, Tracked};
use support::modes::{Kind, MODES, Mode, Rig};
use support::{Gate, OpenAtEnd, assert_balanced, eventually, guarded};

const MANY: usize = 10_000_000;

/// A batcher that notes the most items that were live at once, seen from its handler.
fn watching(mode: Mode, builder: Builder<u8>, peak: &Arc<AtomicU64>) -> Rig<u8> {
    let way = Arc::new(OnceLock::<Weak<Batcher<u8>>>::new());
    let (inner, peak) = (way.clone(), peak.clone());
    let rig = mode.start_any(builder, move |_| {
        if let Some(batcher) = inner.get().and_then(Weak::upgrade) {
            peak.fetch_max(batcher.stats().live, SeqCst);
        }
        Ok(())
    });
    way.set(Arc::downgrade(&rig.batcher)).unwrap();
    rig
}

fn thousand() -> Builder<u8> {
    Batcher::builder().batch_items_max(100).queue_items_max(1000)
}

#[test]
fn c20_ten_million_items_into_a_bound_of_a_thousand_block_and_never_exceed_it() {
    for mode in MODES {
        guarded("C20 block", move || {
            let peak = Arc::new(AtomicU64::new(0));
            let rig = watching(mode, thousand(), &peak);
            let mut items = vec![7; MANY];
            assert_eq!(rig.batcher.put_many(&mut items), Ok(MANY));
            assert!(items.is_empty());
            assert_eq!(rig.close().done, MANY as u64);
            let peak = peak.load(SeqCst);
            // With one consumer, nothing gets an outcome while its handler looks: the snapshot is exact.
            assert!(peak >= 1 && (peak <= 1000 || !mode.has_one_consumer()), "{peak} live, {mode:?}");
        });
    }
}

#[test]
fn c20_several_stuck_consumers_hold_no_more_than_the_bound() {
    for mode in MODES.into_iter().filter(|mode| mode.kind != Kind::Caller) {
        guarded("C20 stuck", move || {
            let gate = Arc::new(Gate::default());
            let pass = gate.clone();
            let rig: Rig<u8> = mode.start_any(thousand(), move |_| {
                pass.pass();
                Ok(())
            });
            let _open = OpenAtEnd(&gate);
            let putters: Vec<_> = (0..3)
                .map(|_| {
                    let batcher = rig.batcher.clone();
                    thread::spawn(move || batcher.put_many(&mut vec![7; 5000]).unwrap())
                })
                .collect();
            eventually("the queue is nearly full", || rig.batcher.stats().accepted > 900);
            for _ in 0..1000 {
                let stats = rig.batcher.stats();
                assert!(stats.live <= 1000 && stats.accepted <= 1000, "{stats:?}");
                thread::yield_now();
            }
            gate.open();
            putters.into_iter().for_each(|putter| assert_eq!(putter.join().unwrap(), 5000));
            assert_eq!(rig.close().done, 15_000);
        });
    }
}

#[test]
fn c20_ten_million_items_into_a_bound_of_a_thousand_are_refused_by_policy() {
    for ordered in [false, true] {
        let batcher = thousand().ordered(ordered).overflow(Overflow::Fail).build_poll().unwrap();
        let mut items = vec![7; MANY];
        let refusal = batcher.put_many(&mut items);
        assert_eq!(refusal, Err(PutManyError::Full { accepted: 1000 }));
        assert_eq!(items.len(), MANY - 1000);
        assert_eq!(batcher.put(8), Err(PutError::Full(8)));
        let stats = batcher.stats();
        assert_eq!((stats.accepted, stats.live), (1000, 1000));
        assert_eq!(batcher.close(Deadline::now()).items, vec![7; 1000]);
        assert_balanced(&batcher.stats());
    }
}

#[test]
fn c20_refused_items_are_counted_as_items_not_as_calls() {
    let batcher = thousand().overflow(Overflow::Fail).build_poll().unwrap();
    assert!(batcher.put_many(&mut vec![7; 1500]).is_err());
    assert_eq!(batcher.stats().refused, 500);
    assert_eq!(batcher.close(Deadline::now()).handed_back, 1000);
    assert!(batcher.put_many(&mut vec![7; 50]).is_err());
    assert_eq!(batcher.stats().refused, 550);
    assert_balanced(&batcher.stats());
}

#[test]
fn c20_drop_newest_drops_what_is_over_and_says_how_many_it_took() {
    let (told, reports) = channel();
    let batcher = thousand()
        .overflow(Overflow::DropNewest)
        .on_failure(move |report| told.send(report.items).unwrap())
        .build_poll()
        .unwrap();
    let mut items = vec![7; 3000];
    assert_eq!(batcher.put_many(&mut items), Ok(1000), "how many were accepted");
    assert!(items.is_empty());
    assert_eq!(batcher.put(1), Ok(()));
    assert!(matches!(batcher.submit(1).map(drop), Err(PutError::Full(1))));
    let stats = batcher.stats();
    assert_eq!((stats.accepted, stats.dropped), (1000, 2001));
    assert_eq!(reports.try_iter().sum::<u64>(), 2001);
    assert_eq!(batcher.close(Deadline::now()).items.len(), 1000);
    assert_balanced(&batcher.stats());
}

#[test]
fn c20_run_in_caller_keeps_the_bound() {
    guarded("C20 run in caller", || {
        let (peak, gate) = (Arc::new(AtomicU64::new(0)), Arc::new(Gate::default()));
        let (way, most, pass) = (Arc::new(OnceLock::<Weak<Batcher<u8>>>::new()), peak.clone(), gate.clone());
        let (inner, putter) = (way.clone(), thread::current().id());
        let builder = thousand().overflow(Overflow::RunInCaller);
        let built = builder.build(move |_: &mut Batch<u8>| {
            // The worker stays at the gate, so that the putter's snapshots are exact.
            if thread::current().id() != putter {
                return pass.pass();
            }
            let batcher = inner.get().and_then(Weak::upgrade).expect("the batcher is there");
            most.fetch_max(batcher.stats().live, SeqCst);
        });
        let batcher = Arc::new(built.unwrap());
        let _open = OpenAtEnd(&gate);
        way.set(Arc::downgrade(&batcher)).unwrap();
        assert_eq!(batcher.put_many(&mut vec![7; MANY / 10]), Ok(MANY / 10));
        gate.open();
        batcher.flush().unwrap();
        assert!((1..=1000).contains(&peak.load(SeqCst)), "{peak:?}");
        assert_eq!(batcher.stats().done, MANY as u64 / 10);
        assert_balanced(&batcher.stats());
    });
}

#[test]
fn c20_the_bound_counts_bytes_too() {
    for mode in MODES {
        guarded("C20 bytes", move || {
            let (live, peak) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
            let builder = Batcher::<Vec<u8>>::builder()
                .batch_items_max(64)
                .weigher(Vec::len)
                .batch_bytes_max(1000)
                .queue_bytes_max(5000);
            let (way, most) = (Arc::new(OnceLock::<Weak<Batcher<Vec<u8>>>>::new()), peak.clone());
            let inner = way.clone();
            let rig = mode.start_any(builder, move |items| {
                let bytes: usize = items.iter().map(Vec::len).sum();
                live.fetch_max(bytes as u64, SeqCst);
                if let Some(batcher) = inner.get().and_then(Weak::upgrade) {
                    most.fetch_max(batcher.stats().bytes_live, SeqCst);
                }
                if bytes <= 1000 { Ok(()) } else { Err(format!("a batch of {bytes} bytes")) }
            });
            way.set(Arc::downgrade(&rig.batcher)).unwrap();
            let mut items: Vec<Vec<u8>> = (0..3000).map(|item| vec![0; item % 900 + 1]).collect();
            assert_eq!(rig.batcher.put_many(&mut items), Ok(3000));
            let receipt = rig.close();
            assert_eq!((receipt.done, receipt.failed), (3000, 0));
            let peak = peak.load(SeqCst);
            assert!(peak >= 1 && (peak <= 5000 || !mode.has_one_consumer()), "{peak} bytes live, {mode:?}");
        });
    }
}

#[test]
fn c21_handler_concurrency_never_exceeds_the_workers() {
    for workers in [1, 2, 5] {
        guarded("C21", move || {
            let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let (inside, peak) = (running.clone(), most.clone());
            let builder = Batcher::builder().batch_items_max(4).queue_items_max(64).workers(workers);
            let built = builder.build(move |_: &mut Batch<u64>| {
                peak.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
                (0..20).for_each(|_| thread::yield_now());
                inside.fetch_sub(1, SeqCst);
            });
            let batcher = Arc::new(built.unwrap());
            let start = Arc::new(Barrier::new(200));
            let producers: Vec<_> = (0..200)
                .map(|item| {
                    let (batcher, start) = (batcher.clone(), start.clone());
                    thread::spawn(move || {
                        start.wait();
                        (0..20).for_each(|_| batcher.put(item).unwrap());
                    })
                })
                .collect();
            producers.into_iter().for_each(|producer| producer.join().unwrap());
            batcher.flush().unwrap();
            assert_eq!(batcher.stats().done, 4000);
            assert!((1..=workers).contains(&most.load(SeqCst)), "{most:?} of {workers}");
            assert_balanced(&batcher.stats());
        });
    }
}

#[test]
fn c22_no_batch_exceeds_its_items_on_any_path() {
    for mode in MODES {
        guarded("C22 items", move || {
            let largest = Arc::new(AtomicUsize::new(0));
            let peak = largest.clone();
            let rig: Rig<u64> = mode.start_any(Batcher::builder().batch_items_max(10), move |items| {
                peak.fetch_max(items.len(), SeqCst);
                Ok(())
            });
            let producers: Vec<_> = (0..4)
                .map(|thread| {
                    let batcher = rig.batcher.clone();
                    thread::spawn(move || {
                        for size in 0..40 {
                            batcher.put_many(&mut vec![0; size]).unwrap();
                            drop(batcher.submit(1).unwrap());
                            if size % 4 == thread {
                                batcher.flush().unwrap();
                            }
                        }
                    })
                })
                .collect();
            producers.into_iter().for_each(|producer| producer.join().unwrap());
            let batcher = rig.batcher.clone();
            assert_eq!(rig.close().done, 4 * (40 * 39 / 2 + 40));
            assert!((1..=10).contains(&largest.load(SeqCst)));
            assert_eq!(batcher.stats().batch_items_peak, largest.load(SeqCst) as u64);
        });
    }
}

/// Takes everything that waits, in a batcher whose pollers are this thread.
fn poll_all(batcher: &Batcher<usize>) -> Vec<(Vec<usize>, SealReason)> {
    std::iter::from_fn(|| batcher.next_batch(Duration::ZERO))
        .map(|batch| (batch.to_vec(), batch.reason()))
        .collect()
}

#[test]
fn c22_no_batch_exceeds_its_bytes_when_sealed_by_bytes_linger_or_from_several_lanes() {
    for ordered in [false, true] {
        guarded("C22 bytes", move || {
            let time = VirtualClock::new();
            let builder = Batcher::<usize>::builder()
                .batch_items_max(100)
                .weigher(|bytes| *bytes)
                .batch_bytes_max(100)
                .ordered(ordered)
                .clock(Clock::from(&time))
                .linger(Duration::from_secs(1));
            let batcher = Arc::new(builder.build_poll().unwrap());
            let mut producers: Vec<_> = (0..5).map(|_| batcher.producer()).collect();
            for weight in [60, 60, 30, 0, 7, 100, 99, 1, 1] {
                producers.iter_mut().for_each(|producer| producer.put(weight).unwrap());
            }
            let mut batches = poll_all(&batcher);
            time.advance(Duration::from_secs(1));
            batches.extend(poll_all(&batcher));
            for (batch, reason) in &batches {
                assert!(batch.iter().sum::<usize>() <= 100, "{batch:?} by {reason}");
            }
            assert!(batches.iter().any(|(_, reason)| *reason == SealReason::Bytes));
            assert_eq!(batches.iter().map(|(batch, _)| batch.len()).sum::<usize>(), 45);
            assert_balanced(&batcher.stats());
        });
    }
}

#[test]
fn c22_no_batch_exceeds_its_bytes_when_flushed_or_closed() {
    for mode in MODES {
        for closes in [false, true] {
            guarded("C22 flush and close", move || {
                let builder = Batcher::<usize>::builder()
                    .batch_items_max(50)
                    .weigher(|bytes| *bytes)
                    .batch_bytes_max(100)
                    .no_linger();
                let rig = mode.start_any(builder, |items| {
                    let bytes: usize = items.iter().sum();
                    if bytes <= 100 { Ok(()) } else { Err(format!("{bytes} bytes")) }
                });
                let mut producers: Vec<_> = (0..3).map(|_| rig.batcher.producer()).collect();
                for weight in (0..60).map(|item| item * 37 % 101) {
                    producers.iter_mut().for_each(|producer| producer.put(weight).unwrap());
                    if !closes && weight % 7 == 0 {
                        rig.batcher.flush().unwrap();
                    }
                }
                drop(producers);
                let receipt = rig.close();
                assert_eq!((receipt.done, receipt.failed), (180, 0), "a batch was too heavy, {mode:?}");
            });
        }
    }
}

#[test]
fn c22_an_item_over_the_byte_cap_is_refused_with_a_clear_error_by_default() {
    for mode in MODES {
        guarded("C22 refuse", move || {
            let builder = Batcher::<usize>::builder().weigher(|bytes| *bytes).batch_bytes_max(100);
            let rig = mode.start_any(builder, |_| Ok(()));
            let error = rig.batcher.put(101).unwrap_err();
            assert!(
                matches!(&error, PutError::TooLarge { item: 101, bytes: 101, bytes_max: 100 }),
                "{error}"
            );
            let text = error.to_string();
            assert!(text.contains("101") && text.contains("100"), "{text}");
            let mut items = vec![1, 2, 500, 3];
            assert_eq!(rig.batcher.put_many(&mut items), Err(PutManyError::TooLarge { accepted: 2 }));
            assert_eq!(items, [500, 3]);
            assert!(matches!(rig.batcher.submit(usize::MAX).map(drop), Err(PutError::TooLarge { .. })));
            assert_eq!(rig.close().done, 2);
        });
    }
}

#[test]
fn c22_an_item_over_the_queues_byte_bound_is_refused_and_does_not_block_for_ever() {
    for oversize in [Oversize::Refuse, Oversize::Alone] {
        let builder =
            Batcher::<usize>::builder().weigher(|bytes| *bytes).queue_bytes_max(100).oversize(oversize);
        let batcher = builder.build(|_: &mut Batch<usize>| ()).unwrap();
        batcher.put_timeout(100, Duration::MAX).unwrap();
        let put = batcher.put_timeout(101, Duration::from_millis(1));
        assert!(
            matches!(put, Err(PutError::TooLarge { item: 101, bytes: 101, .. })),
            "{put:?}, {oversize:?}"
        );
        let mut items = vec![102, 1];
        batcher.flush().unwrap();
        assert!(matches!(batcher.try_put(101), Err(PutError::TooLarge { .. })), "{oversize:?}");
        if oversize == Oversize::Alone {
            assert_eq!(batcher.put_many(&mut items), Err(PutManyError::TooLarge { accepted: 0 }));
        }
        batcher.close(Deadline::never());
        assert_balanced(&batcher.stats());
    }
}

#[test]
fn c22_an_item_over_the_byte_cap_goes_alone_as_configured() {
    for mode in MODES {
        guarded("C22 alone", move || {
            let seen = Arc::new(Mutex::new(Vec::new()));
            let batches = seen.clone();
            let builder = Batcher::<usize>::builder()
                .weigher(|bytes| *bytes)
                .batch_bytes_max(100)
                .queue_bytes_max(1000)
                .oversize(Oversize::Alone);
            let rig = mode.start_any(builder, move |items| {
                batches.lock().unwrap().push(items.to_vec());
                Ok(())
            });
            assert_eq!(rig.batcher.put_many(&mut vec![10, 20, 700, 30, 40, 900, 50]), Ok(7));
            let error = rig.batcher.put(1001).unwrap_err();
            assert!(matches!(error, PutError::TooLarge { item: 1001, .. }), "{error}");
            rig.close();
            let seen = seen.lock().unwrap();
            assert_eq!(seen.concat().len(), 7);
            for batch in seen.iter().filter(|batch| batch.iter().sum::<usize>() > 100) {
                assert_eq!(batch.len(), 1, "{batch:?}");
            }
        });
    }
}

fn refusal(builder: Builder<usize>) -> BuildError {
    builder.build(|_: &mut Batch<usize>| ()).map(drop).expect_err("a nonsense setting")
}

#[test]
fn c23_a_nonsense_setting_is_refused_with_its_name_and_the_allowed_range() {
    let new = Batcher::<usize>::builder;
    let day = Duration::from_secs(86_400);
    let second = Duration::from_secs(1);
    let weighed = || new().weigher(|bytes| *bytes);
    let cases: Vec<(Builder<usize>, &str, &str)> = vec![
        (new().batch_items_max(0), "batch_items_max", "1 to 16777216"),
        (new().batch_items_max((1 << 24) + 1), "batch_items_max", "1 to 16777216"),
        (new().batch_items_max(usize::MAX), "batch_items_max", "1 to 16777216"),
        (new().queue_items_max(999), "queue_items_max", "1000 to"),
        (new().queue_items_max(0), "queue_items_max", "1000 to"),
        (new().queue_items_max(usize::MAX), "queue_items_max", "1000 to"),
        (new().workers(0), "workers", "1 to 1024"),
        (new().workers(1025), "workers", "1 to 1024"),
        (new().linger(day + Duration::from_nanos(1)), "linger", "0 to 86400s"),
        (new().linger(Duration::MAX), "linger", "0 to 86400s"),
        (new().tick(Duration::ZERO), "tick", "1µs to 86400s"),
        (new().tick(Duration::MAX), "tick", "1µs to 86400s"),
        (new().batch_bytes_max(10), "batch_bytes_max", "weigher"),
        (new().queue_bytes_max(10), "queue_bytes_max", "weigher"),
        (weighed().batch_bytes_max(0), "batch_bytes_max", "1 to"),
        (weighed().queue_bytes_max(0), "queue_bytes_max", "1 to"),
        (weighed().batch_bytes_max(100).queue_bytes_max(99), "queue_bytes_max", "100 to"),
        (new().demand(true).tick(second), "tick", "unset"),
        (new().demand(true).linger(second), "linger", "unset"),
        (new().demand(true).dispatch(Dispatch::Caller), "demand", "false"),
        (new().workers(2).dispatch(Dispatch::Caller), "workers", "unset"),
    ];
    for (builder, field, allowed) in cases {
        let error = refusal(builder);
        let text = error.to_string();
        assert_eq!(error.field(), field, "{text}");
        assert!(text.starts_with(field) && text.contains("allowed: "), "{text}");
        assert!(text.contains(&allowed.replace('µ', "u")) || text.contains(allowed), "{text}");
    }
}

#[test]
fn c23_settings_that_need_a_shared_handler_are_refused_without_one() {
    let new = Batcher::<usize>::builder;
    let per_worker = |builder: Builder<usize>| {
        builder.build_per_worker(|_| |_: &mut Batch<usize>| ()).map(drop).unwrap_err().field()
    };
    assert_eq!(per_worker(new().dispatch(Dispatch::Caller)), "dispatch");
    assert_eq!(per_worker(new().overflow(Overflow::RunInCaller)), "overflow");
    let polled = |builder: Builder<usize>| builder.build_poll().map(drop).unwrap_err().field();
    assert_eq!(polled(new().dispatch(Dispatch::Caller)), "dispatch");
    assert_eq!(polled(new().overflow(Overflow::RunInCaller)), "overflow");
    assert_eq!(polled(new().retry(Retry::bisect(3))), "retry");
}

#[test]
fn c23_a_setting_changed_later_is_checked_alike() {
    let batcher = Batcher::<u64>::builder().build_poll().unwrap();
    assert_eq!(batcher.set_linger(Duration::MAX).unwrap_err().field(), "linger");
    assert_eq!(batcher.set_tick(Some(Duration::ZERO)).unwrap_err().field(), "tick");
    let demand = Batcher::<u64>::builder().demand(true).build_poll().unwrap();
    assert_eq!(demand.set_linger(Duration::ZERO).unwrap_err().field(), "linger");
    assert_eq!(demand.set_tick(Some(Duration::from_secs(1))).unwrap_err().field(), "tick");
}

#[test]
fn c24_batches_of_one_are_dispatched_at_once_and_never_wait_for_the_linger() {
    for mode in MODES {
        guarded("C24", move || {
            let time = VirtualClock::new();
            let builder = Batcher::builder()
                .batch_items_max(1)
                .linger(Duration::from_secs(3600))
                .clock(Clock::from(&time));
            let rig: Rig<u64> =
                mode.start_any(builder, |items| if items.len() == 1 { Ok(()) } else { Err("many".into()) });
            let mut producer = rig.batcher.producer();
            for item in 0..300 {
                rig.batcher.submit(item).unwrap().wait().unwrap();
                rig.batcher.put(item).unwrap();
                producer.put(item).unwrap();
                rig.batcher.put_many(&mut vec![item; 3]).unwrap();
            }
            eventually("everything is handled, and time stands still", || rig.batcher.stats().done == 1800);
            let stats = rig.batcher.stats();
            assert_eq!((stats.batches, stats.batches_for(SealReason::Size)), (1800, 1800));
            rig.close();
        });
    }
}

#[test]
fn c25_items_are_dropped_once_when_their_handler_returns() {
    for mode in MODES {
        guarded("C25", move || {
            let drops = Drops::new(100);
            let rig: Rig<Tracked> =
                mode.start_any(Batcher::builder().batch_items_max(10).on_failure(|_| {}), |items| {
                    if items.iter().any(|item| item.id == 55) { Err("no".into()) } else { Ok(()) }
                });
            for (at, item) in drops.items().into_iter().enumerate() {
                let ticket = rig.batcher.submit(item).unwrap();
                if at % 10 == 9 {
                    assert_eq!(ticket.wait().is_err(), at == 59);
                    assert_eq!(drops.total(), at as u32 + 1, "a slab holds on to handled items");
                }
            }
            drops.assert_each_once();
            let receipt = rig.close();
            assert_eq!((receipt.done, receipt.failed), (90, 10));
            drops.assert_each_once();
        });
    }
}

#[test]
fn c25_every_outcome_drops_its_item_exactly_once() {
    guarded("C25 outcomes", || {
        let (time, drops) = (VirtualClock::new(), Drops::new(12));
        let builder =
            Batcher::<Tracked>::builder().batch_items_max(100).clock(Clock::from(&time)).on_failure(|_| {});
        let batcher = builder.linger(Duration::from_secs(1)).build_poll().unwrap();
        let deadline = ItemOptions::new().deadline(Duration::from_millis(10));
        let mut tickets = Vec::new();
        for id in 0..8 {
            let options = if id % 4 == 1 { deadline } else { ItemOptions::new() };
            tickets.push(batcher.submit_with(drops.item(id), options).unwrap());
        }
        assert!(tickets[2].cancel() && tickets[6].cancel());
        time.advance(Duration::from_secs(1));
        let mut batch = batcher.next_batch(Duration::ZERO).unwrap();
        assert_eq!((1..8).map(|id| drops.of(id)).sum::<u32>(), 4, "cancelled and expired ones are gone");
        assert!(batch.iter().map(|item| item.id).eq([0, 3, 4, 7]));
        batch.fail(1, "no");
        let mut drain = batch.drain();
        assert_eq!(drain.next().map(|item| item.id), Some(0));
        assert_eq!((drops.of(0), drops.of(3)), (1, 0));
        drop(drain);
        assert_eq!(drops.total(), 8, "what a drain did not yield is dropped with it");
        drop(batch);
        (8..11).for_each(|id| batcher.put(drops.item(id)).unwrap());
        let receipt = batcher.close(Deadline::now());
        assert_eq!((drops.total(), receipt.items.len()), (8, 3), "handed-back items are the caller's");
        assert_eq!(batcher.put(drops.item(11)).unwrap_err().into_item().id, 11);
        drop(receipt);
        drops.assert_each_once();
        assert!(matches!(tickets.remove(0).wait(), Ok(())));
        assert!(matches!(tickets.remove(2).wait(), Err(TicketError::Failed(_))));
        let stats = batcher.stats();
        assert_eq!(
            (stats.done, stats.failed, stats.cancelled, stats.expired, stats.handed_back),
            (3, 1, 2, 2, 3)
        );
        assert_balanced(&stats);
    });
}

#[test]
fn c25_a_batcher_that_gives_up_on_items_drops_them_once() {
    guarded("C25 drop", || {
        let drops = Drops::new(2500);
        let gate = Arc::new(Gate::default());
        let pass = gate.clone();
        let built = Batcher::builder()
            .batch_items_max(100)
            .drop_deadline(Duration::ZERO)
            .on_failure(|_| {})
            .build(move |_: &mut Batch<Tracked>| pass.pass());
        let batcher = built.unwrap();
        let _open = OpenAtEnd(&gate);
        assert_eq!(batcher.put_many(&mut drops.items()), Ok(2500));
        gate.await_waiting(1);
        assert_eq!(batcher.flush_timeout(Duration::ZERO), Err(FlushError::TimedOut));
        drop(batcher);
        assert_eq!(drops.total(), 2400);
        gate.open();
        eventually("the stuck batch is dropped", || drops.total() == 2500);
        drops.assert_each_once();
    });
}

#[test]
fn c25_a_refused_item_comes_back_and_is_not_dropped() {
    let drops = Drops::new(4);
    let builder = Batcher::builder().batch_items_max(2).queue_items_max(2).overflow(Overflow::Fail);
    let batcher = builder.build_poll().unwrap();
    let mut items = drops.items();
    assert_eq!(batcher.put_many(&mut items), Err(PutManyError::Full { accepted: 2 }));
    assert_eq!((items.len(), drops.total()), (2, 0));
    let back = batcher.put(items.remove(0)).unwrap_err().into_item();
    assert_eq!((back.id, drops.total()), (2, 0));
    drop(batcher.next_batch(Duration::ZERO).expect("a full batch"));
    assert_eq!(drops.total(), 2);
    drop((items, back));
    drops.assert_each_once();
    assert_balanced(&batcher.stats());
}

#[test]
fn c25_large_items_from_several_lanes_are_dropped_once() {
    for mode in MODES.into_iter().filter(|mode| mode.kind != Kind::Caller) {
        guarded("C25 large", move || {
            let drops = Drops::new(300);
            let rig: Rig<(Tracked, [u8; 300])> =
                mode.start_any(Batcher::builder().batch_items_max(32), |_| Ok(()));
            let mut producers: Vec<_> = (0..3).map(|_| rig.batcher.producer()).collect();
            for (at, item) in drops.items().into_iter().enumerate() {
                producers[at % 3].put((item, [0; 300])).unwrap();
            }
            rig.batcher.flush().unwrap();
            drops.assert_each_once();
            rig.close();
        });
    }
}
