//! Conformance C30 to C35: when a batch is sealed, and what waiting costs. Virtual time, but where real silence is
//! the point.

mod support;

use batchline::{Batch, Batcher, Builder, Clock, Deadline, ItemOptions, SealReason, VirtualClock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use support::modes::{Kind, MODES, Rig};
use support::{assert_balanced, eventually, guarded, receive};

const MS: Duration = Duration::from_millis(1);

fn ms(count: u32) -> Duration {
    MS * count
}

fn polled(time: &VirtualClock, with: impl FnOnce(Builder<u64>) -> Builder<u64>) -> Batcher<u64> {
    with(Batcher::builder().clock(Clock::from(time)).batch_items_max(100)).build_poll().unwrap()
}

/// The batch that is due now, if there is one.
fn due(batcher: &Batcher<u64>) -> Option<(Vec<u64>, SealReason)> {
    batcher.next_batch(Duration::ZERO).map(|batch| (batch.to_vec(), batch.reason()))
}

#[test]
fn c30_an_item_with_a_short_linger_pulls_its_batch_forward_to_the_nanosecond() {
    for (ordered, other_lane) in [(false, false), (false, true), (true, false), (true, true)] {
        let time = VirtualClock::new();
        let batcher = polled(&time, |builder| builder.linger(ms(400)).ordered(ordered));
        let mut lane = batcher.producer();
        batcher.put(1).unwrap();
        time.advance(ms(100));
        let options = ItemOptions::new().linger(MS);
        if other_lane {
            lane.put_with(2, options).unwrap()
        } else {
            batcher.put_with(2, options).unwrap()
        }
        batcher.put(3).unwrap();
        time.advance(MS - Duration::from_nanos(1));
        assert_eq!(due(&batcher), None, "early");
        time.advance(Duration::from_nanos(1));
        let (batch, reason) = due(&batcher).expect("the short linger is over");
        assert!(batch.contains(&2) && reason == SealReason::Linger, "{batch:?} by {reason}");
        if !other_lane || ordered {
            assert_eq!(batch, [1, 2, 3], "it pulls the seal of its whole batch");
        }
        time.advance(ms(400));
        while due(&batcher).is_some() {}
        assert_eq!(batcher.stats().done, 3);
        assert_balanced(&batcher.stats());
    }
}

#[test]
fn c30_a_short_linger_does_not_outlive_its_batch() {
    let time = VirtualClock::new();
    let batcher = polled(&time, |builder| builder.linger(ms(400)));
    batcher.put_with(1, ItemOptions::new().linger(MS)).unwrap();
    time.advance(MS);
    assert_eq!(due(&batcher), Some((vec![1], SealReason::Linger)));
    batcher.put(2).unwrap();
    time.advance(ms(399));
    assert_eq!(due(&batcher), None, "the pull of an older batch seals a younger one");
    time.advance(MS);
    assert_eq!(due(&batcher), Some((vec![2], SealReason::Linger)));
    assert_balanced(&batcher.stats());
}

#[test]
fn c30_a_short_linger_wakes_a_sleeping_consumer() {
    for mode in MODES {
        guarded("C30", move || {
            let time = VirtualClock::new();
            let builder = Batcher::builder().clock(Clock::from(&time)).linger(ms(400));
            let rig: Rig<u64> = mode.start_any(builder, |_| Ok(()));
            for round in 1..=50 {
                rig.batcher.put(1).unwrap();
                eventually("somebody watches the clock", || time.timers() > 0);
                let options = ItemOptions::new().linger(MS);
                let ticket = rig.batcher.submit_with(2, options).unwrap();
                time.advance(MS);
                ticket.wait().unwrap();
                eventually("both are handled", || rig.batcher.stats().done == 2 * round);
            }
            assert!(rig.batcher.stats().batches_for(SealReason::Linger) >= 50);
            rig.close();
        });
    }
}

#[test]
fn c30_a_put_with_a_short_linger_is_handled_within_a_few_real_milliseconds() {
    guarded("C30 real", || {
        let builder = Batcher::builder().linger(ms(400));
        let batcher = builder.build(|_: &mut Batch<u64>| ()).unwrap();
        let mut times = Vec::new();
        for _ in 0..20 {
            batcher.put(1).unwrap();
            let start = Instant::now();
            batcher.submit_with(2, ItemOptions::new().linger(MS)).unwrap().wait().unwrap();
            times.push(start.elapsed());
        }
        assert!(times.iter().min() < Some(&ms(8)), "late each time: {times:?}");
        batcher.close(Deadline::never());
        assert_balanced(&batcher.stats());
    });
}

#[test]
fn c31_a_changed_linger_takes_effect_on_an_open_batch_and_the_old_timer_is_gone() {
    let time = VirtualClock::new();
    let batcher = polled(&time, |builder| builder.linger(ms(1000)));
    batcher.put(1).unwrap();
    time.advance(ms(3));
    batcher.set_linger(ms(5)).unwrap();
    assert_eq!(due(&batcher), None);
    time.advance(ms(2));
    assert_eq!(due(&batcher), Some((vec![1], SealReason::Linger)));
    batcher.put(2).unwrap();
    time.advance(ms(4));
    batcher.set_linger(ms(1000)).unwrap();
    time.advance(ms(995));
    assert_eq!(due(&batcher), None, "the old timer still seals");
    time.advance(MS);
    assert_eq!(due(&batcher), Some((vec![2], SealReason::Linger)));
    assert_balanced(&batcher.stats());
}

#[test]
fn c31_a_changed_tick_takes_effect_on_an_open_batch_and_the_old_one_is_gone() {
    let time = VirtualClock::new();
    let batcher = polled(&time, |builder| builder.no_linger().tick(ms(100)));
    batcher.put(1).unwrap();
    time.advance(ms(1));
    batcher.set_tick(Some(ms(10))).unwrap();
    time.advance(ms(8));
    assert_eq!(due(&batcher), None);
    time.advance(ms(1));
    assert_eq!(due(&batcher), Some((vec![1], SealReason::Tick)));
    batcher.put(2).unwrap();
    batcher.set_tick(None).unwrap();
    time.advance(ms(100_000));
    assert_eq!(due(&batcher), None, "the tick was ended");
    batcher.set_tick(Some(ms(10))).unwrap();
    assert_eq!(due(&batcher), Some((vec![2], SealReason::Tick)));
    assert_balanced(&batcher.stats());
}

#[test]
fn c31_a_changed_linger_reaches_threads_that_sleep() {
    for mode in MODES {
        guarded("C31", move || {
            let time = VirtualClock::new();
            let builder = Batcher::builder().clock(Clock::from(&time)).linger(ms(1000));
            let rig: Rig<u64> = mode.start_any(builder, |_| Ok(()));
            for _ in 0..50 {
                rig.batcher.set_linger(ms(1000)).unwrap();
                let ticket = rig.batcher.submit(1).unwrap();
                eventually("somebody watches the clock", || time.timers() > 0);
                time.advance(ms(2));
                rig.batcher.set_linger(ms(2)).unwrap();
                ticket.wait().unwrap();
            }
            eventually("the handlers are done", || rig.batcher.stats().live == 0);
            eventually("no timer is left", || time.timers() == 0);
            let stats = rig.batcher.stats();
            assert_eq!(stats.batches_for(SealReason::Linger), 50, "{stats:?}");
            rig.close();
        });
    }
}

#[test]
fn c31_an_old_timer_does_not_seal_after_the_linger_was_raised() {
    for mode in MODES {
        guarded("C31 raised", move || {
            let time = VirtualClock::new();
            let builder = Batcher::builder().clock(Clock::from(&time)).linger(ms(10));
            let rig: Rig<u64> = mode.start_any(builder, |_| Ok(()));
            for _ in 0..50 {
                rig.batcher.set_linger(ms(10)).unwrap();
                rig.batcher.put(1).unwrap();
                eventually("somebody watches the clock", || time.timers() > 0);
                rig.batcher.set_linger(ms(10_000)).unwrap();
                time.advance(ms(20));
                rig.batcher.flush().unwrap();
            }
            let stats = rig.batcher.stats();
            assert_eq!(
                (stats.batches_for(SealReason::Linger), stats.batches_for(SealReason::Flush)),
                (0, 50)
            );
            rig.close();
        });
    }
}

#[test]
fn c31_linger_and_tick_change_while_items_flow() {
    for mode in MODES {
        guarded("C31 flow", move || {
            let stop = Arc::new(AtomicBool::new(false));
            let rig: Rig<u64> = mode.start_any(Batcher::builder().batch_items_max(64), |_| Ok(()));
            let putter = keep_putting(&rig, &stop);
            for round in 0..200 {
                rig.batcher.set_linger(Duration::from_micros(round % 7 * 500)).unwrap();
                rig.batcher.set_tick((round % 3 == 0).then(|| Duration::from_micros(100 + round))).unwrap();
                thread::yield_now();
            }
            stop.store(true, SeqCst);
            let accepted = putter.join().unwrap();
            rig.batcher.set_tick(None).unwrap();
            rig.batcher.set_linger(MS).unwrap();
            rig.batcher.submit(1).unwrap().wait().unwrap();
            assert_eq!(rig.close().done, accepted + 1);
        });
    }
}

fn keep_putting(rig: &Rig<u64>, stop: &Arc<AtomicBool>) -> JoinHandle<u64> {
    let (batcher, stop) = (rig.batcher.clone(), stop.clone());
    thread::spawn(move || {
        let mut accepted = 0;
        while !stop.load(SeqCst) {
            batcher.put(1).unwrap();
            accepted += 1;
        }
        accepted
    })
}

#[test]
fn c32_a_late_timer_never_seals_a_younger_batch_early() {
    for ordered in [false, true] {
        let time = VirtualClock::new();
        let batcher = polled(&time, |builder| builder.batch_items_max(2).linger(ms(10)).ordered(ordered));
        for _ in 0..20 {
            batcher.put(1).unwrap();
            time.advance(ms(9));
            batcher.put(2).unwrap();
            assert_eq!(due(&batcher), Some((vec![1, 2], SealReason::Size)));
            batcher.put(3).unwrap();
            time.advance(ms(1));
            assert_eq!(due(&batcher), None, "the first batch's timer sealed the second");
            time.advance(ms(9) - Duration::from_nanos(1));
            assert_eq!(due(&batcher), None);
            time.advance(Duration::from_nanos(1));
            assert_eq!(due(&batcher), Some((vec![3], SealReason::Linger)));
        }
        assert_balanced(&batcher.stats());
    }
}

#[test]
fn c32_a_late_timer_of_a_flushed_batch_never_seals_a_younger_one_in_any_mode() {
    for mode in MODES {
        guarded("C32", move || {
            let time = VirtualClock::new();
            let builder = Batcher::builder().clock(Clock::from(&time)).linger(ms(10));
            let rig: Rig<u64> = mode.start_any(builder, |_| Ok(()));
            for _ in 0..50 {
                rig.batcher.put(1).unwrap();
                eventually("somebody watches the clock", || time.timers() > 0);
                time.advance(ms(9));
                rig.batcher.flush().unwrap();
                rig.batcher.put(2).unwrap();
                time.advance(ms(2));
                rig.batcher.flush().unwrap();
            }
            let stats = rig.batcher.stats();
            assert_eq!((stats.batches, stats.batches_for(SealReason::Flush)), (100, 100), "{stats:?}");
            rig.close();
        });
    }
}

#[test]
fn c32_the_lingers_of_several_lanes_keep_their_own_time() {
    let time = VirtualClock::new();
    let batcher = polled(&time, |builder| builder.linger(ms(10)));
    let (mut first, mut second) = (batcher.producer(), batcher.producer());
    first.put(1).unwrap();
    time.advance(ms(6));
    second.put(2).unwrap();
    time.advance(ms(4));
    // What is due takes along what waits elsewhere, or leaves it its time; it is late in no case.
    let (batch, _) = due(&batcher).expect("the first lane is due");
    assert!(batch.contains(&1), "{batch:?}");
    first.put(3).unwrap();
    if batch.contains(&2) {
        time.advance(ms(6));
        assert_eq!(due(&batcher), None, "the timer of an item that is gone");
    } else {
        time.advance(ms(6));
        assert!(due(&batcher).expect("the second lane is due").0.contains(&2));
    }
    time.advance(ms(4));
    while due(&batcher).is_some() {}
    assert_eq!(batcher.stats().done, 3);
    assert_balanced(&batcher.stats());
}

#[test]
fn c33_an_idle_batcher_arms_no_timer_and_wakes_nobody_in_virtual_time() {
    for mode in MODES {
        for tick in [None, Some(ms(5))] {
            guarded("C33", move || {
                let time = VirtualClock::new();
                let builder = Batcher::builder().clock(Clock::from(&time)).linger(ms(10));
                let builder = if let Some(tick) = tick { builder.tick(tick) } else { builder };
                let rig: Rig<u64> = mode.start_any(builder, |_| Ok(()));
                for _ in 0..3 {
                    let ticket = rig.batcher.submit(1).unwrap();
                    eventually("somebody watches the clock", || time.timers() > 0);
                    time.advance(ms(10));
                    ticket.wait().unwrap();
                    rig.batcher.flush().unwrap();
                    eventually("no timer is armed", || time.timers() == 0);
                }
                let before = rig.batcher.stats().wakeups;
                for _ in 0..100 {
                    time.advance(ms(1000));
                    assert_eq!(time.timers(), 0);
                }
                let after = rig.batcher.stats().wakeups;
                // A worker may have been on its way to sleep, once each.
                assert!(after - before <= 3, "{} wake-ups in silence", after - before);
                rig.close();
            });
        }
    }
}

/// How often the threads of this process with that name gave up the processor by themselves.
fn switches(name: &str) -> (usize, u64) {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let threads: Vec<u64> = tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("status")).ok())
        .filter(|status| status.lines().next().is_some_and(|line| line.ends_with(&format!("\t{name}"))))
        .map(|status| {
            let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap();
            line.rsplit('\t').next().unwrap().parse::<u64>().unwrap()
        })
        .collect();
    (threads.len(), threads.iter().sum())
}

#[cfg(target_os = "linux")]
#[test]
fn c33_an_idle_batcher_does_not_wake_in_a_second_of_real_silence() {
    type Setup = fn(Builder<u64>) -> Builder<u64>;
    let setups: [(&str, Setup); 4] = [
        ("c33linger", |builder| builder.linger(MS)),
        ("c33tick", |builder| builder.no_linger().tick(MS)),
        ("c33demand", |builder| builder.demand(true)),
        ("c33caller", |builder| builder.linger(MS).dispatch(batchline::Dispatch::Caller)),
    ];
    guarded("C33 real", move || {
        let batchers = setups.map(|(name, setup)| {
            let batcher = setup(Batcher::builder().name(name)).build(|_: &mut Batch<u64>| ()).unwrap();
            batcher.submit(1).unwrap().wait().unwrap();
            batcher.flush().unwrap();
            (format!("{name}-0"), batcher)
        });
        let asleep = |name: &str| {
            let before = switches(name);
            thread::sleep(ms(50));
            before == switches(name)
        };
        batchers.iter().for_each(|(name, _)| eventually("the worker sleeps", || asleep(name)));
        let count = || batchers.each_ref().map(|(name, batcher)| (switches(name), batcher.stats().wakeups));
        let before = count();
        assert!(before.iter().all(|((threads, _), _)| *threads == 1), "{before:?}");
        // This second is what is measured, not a wait for something to happen.
        thread::sleep(Duration::from_secs(1));
        assert_eq!(before, count());
        for (_, batcher) in batchers {
            batcher.close(Deadline::never());
            assert_balanced(&batcher.stats());
        }
    });
}

#[test]
fn c34_a_lone_item_in_demand_mode_starts_its_handler_without_any_timer() {
    for mode in MODES.into_iter().filter(|mode| mode.kind != Kind::Caller) {
        guarded("C34", move || {
            let time = VirtualClock::new();
            let (told, started) = channel();
            let builder = Batcher::builder().demand(true).clock(Clock::from(&time));
            let rig: Rig<u64> =
                mode.start_any(builder, move |items| told.send(items.len()).map_err(|e| e.to_string()));
            for _ in 0..500 {
                rig.batcher.put(1).unwrap();
                assert_eq!(receive("a lone item", &started), 1);
            }
            let mut producer = rig.batcher.producer();
            for _ in 0..100 {
                producer.put(1).unwrap();
                assert_eq!(receive("a lone item of a producer", &started), 1);
            }
            assert_eq!((time.timers(), time.now()), (0, Duration::ZERO));
            assert_eq!(rig.close().done, 600);
        });
    }
}

#[test]
fn c35_sustained_traffic_on_one_lane_starves_neither_flush_nor_linger_nor_another_lane() {
    for mode in MODES {
        guarded("C35", move || {
            let stop = Arc::new(AtomicBool::new(false));
            let builder = Batcher::builder().batch_items_max(32).queue_items_max(1024).linger(MS);
            let rig: Rig<u64> = mode.start_any(builder, |_| Ok(()));
            let putters = [keep_putting(&rig, &stop), keep_putting(&rig, &stop)];
            eventually("traffic flows", || rig.batcher.stats().done > 1000);
            for _ in 0..30 {
                rig.batcher.flush().unwrap();
                rig.batcher.submit(2).unwrap().wait().unwrap();
                let options = ItemOptions::new().deadline(Duration::from_secs(30));
                rig.batcher.submit_with(3, options).unwrap().wait().unwrap();
                rig.batcher.producer().submit(4).unwrap().wait().unwrap();
            }
            stop.store(true, SeqCst);
            let accepted: u64 = putters.into_iter().map(|putter| putter.join().unwrap()).sum();
            assert_eq!(rig.close().done, accepted + 90);
        });
    }
}

#[test]
fn c35_sustained_traffic_on_one_lane_never_starves_a_virtual_deadline_of_another() {
    let time = VirtualClock::new();
    let batcher = polled(&time, |builder| builder.batch_items_max(4).linger(ms(10)));
    let (mut busy, mut quiet) = (batcher.producer(), batcher.producer());
    quiet.put(1_000_000).unwrap();
    let mut handled_after = None;
    for step in 0..40_u32 {
        time.advance(MS);
        busy.put_many(&mut vec![1, 2, 3, 4]).unwrap();
        let (batch, _) = due(&batcher).expect("a full batch, at least");
        if batch.contains(&1_000_000) {
            handled_after.get_or_insert(step + 1);
        }
    }
    assert!(handled_after.is_some_and(|step| step <= 10), "{handled_after:?}");
    time.advance(ms(10));
    while due(&batcher).is_some() {}
    assert_eq!(batcher.stats().done, 161);
    assert_balanced(&batcher.stats());
}

#[test]
fn c35_a_close_with_a_deadline_is_not_starved() {
    guarded("C35 close", || {
        let rig: Rig<u64> = MODES[0].start(Batcher::builder().batch_items_max(8), |_| Ok(()));
        let batcher = rig.batcher.clone();
        let putter =
            thread::spawn(move || (0..).take_while(|item| batcher.put(*item).is_ok()).count() as u64);
        eventually("traffic flows", || rig.batcher.stats().done > 1000);
        let receipt = rig.batcher.close(Deadline::after(Duration::from_secs(20)));
        assert!(!receipt.timed_out && receipt.is_balanced(), "{receipt:?}");
        assert_eq!(putter.join().unwrap(), receipt.accepted);
        rig.end();
    });
}

#[test]
fn a_tick_seals_at_multiples_since_the_batcher_was_built() {
    let time = VirtualClock::new();
    time.advance(ms(3));
    let batcher = polled(&time, |builder| builder.no_linger().tick(ms(10)));
    batcher.put(1).unwrap();
    time.advance(ms(7));
    assert_eq!(due(&batcher), None, "the tick counts from the clock's zero, not from the build");
    time.advance(ms(3));
    assert_eq!(due(&batcher), Some((vec![1], SealReason::Tick)));
    assert_balanced(&batcher.stats());
}

#[test]
fn an_earlier_linger_beats_a_tick_and_the_other_way_round() {
    let time = VirtualClock::new();
    let batcher = polled(&time, |builder| builder.linger(ms(4)).tick(ms(10)));
    batcher.put(1).unwrap();
    time.advance(ms(4));
    assert_eq!(due(&batcher), Some((vec![1], SealReason::Linger)));
    time.advance(ms(4));
    batcher.put(2).unwrap();
    time.advance(ms(2));
    assert_eq!(due(&batcher), Some((vec![2], SealReason::Tick)));
    assert_balanced(&batcher.stats());
}
