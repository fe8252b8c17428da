//! Conformance C10 to C15: who gets which outcome, and that nobody else is touched by it.

mod support;

use batchline::{
    Batch, Batcher, Clock, Deadline, Dispatch, Failure, FailureKind, FailureReport, ItemOptions, Overflow,
    PutError, PutManyError, Retry, SealReason, Ticket, TicketError, VirtualClock,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use support::modes::{Kind, MODES, Rig};
use support::{Gate, OpenAtEnd, assert_balanced, eventually, guarded};

const BAD: u64 = 666;

fn failed_with(outcome: &Result<(), TicketError>, text: &str) -> bool {
    matches!(outcome, Err(TicketError::Failed(Failure::Error(error))) if error.to_string() == text)
}

/// Fails each batch with a bad item, and keeps what was in which batch.
type Seen = Arc<Mutex<Vec<Vec<u64>>>>;

fn fails_bad_batches(seen: &Seen) -> impl Fn(&mut [u64]) -> Result<(), String> + Send + Sync + use<> {
    let seen = seen.clone();
    move |items| {
        seen.lock().unwrap().push(items.to_vec());
        if items.contains(&BAD) { Err("a bad item".into()) } else { Ok(()) }
    }
}

/// Checks each ticket against the batch its item was in.
#[track_caller]
fn assert_fates(seen: &Seen, tickets: Vec<(u64, Ticket)>, reason: SealReason) {
    let bad: Vec<u64> =
        seen.lock().unwrap().iter().filter(|batch| batch.contains(&BAD)).flatten().copied().collect();
    assert!(bad.contains(&BAD));
    for (item, ticket) in tickets {
        let outcome = ticket.wait();
        let expected = bad.contains(&item);
        assert_eq!(failed_with(&outcome, "a bad item"), expected, "item {item} by {reason}: {outcome:?}");
        assert_eq!(outcome.is_ok(), !expected);
    }
}

#[test]
fn c10_a_handler_error_reaches_every_submitter_of_its_batch_and_no_other_by_any_trigger() {
    for mode in MODES {
        for reason in [SealReason::Size, SealReason::Linger, SealReason::Flush, SealReason::Close] {
            guarded("C10", move || {
                let (time, seen) = (VirtualClock::new(), Seen::default());
                let builder = Batcher::builder()
                    .batch_items_max(4)
                    .linger(Duration::from_secs(1))
                    .clock(Clock::from(&time))
                    .on_failure(|_| {});
                let rig: Rig<u64> = mode.start_any(builder, fails_bad_batches(&seen));
                let mut tickets = Vec::new();
                let count = if reason == SealReason::Size { 4 } else { 3 };
                for first in [10, BAD, 20] {
                    let items = (0..count).map(|item| if item == 0 { first } else { first + 1000 + item });
                    for item in items {
                        tickets.push((item, rig.batcher.submit(item).unwrap()));
                    }
                    seal_for(reason, &rig, &time, tickets.len() as u64, first == 20);
                }
                assert_fates(&seen, tickets, reason);
                rig.batcher.close(Deadline::never());
                let stats = rig.batcher.stats();
                assert!(stats.batches_for(reason) >= 1 && stats.failed_batches == 1, "{reason}: {stats:?}");
                assert_eq!(stats.failed, if reason == SealReason::Close { stats.failed } else { count });
                rig.end();
            });
        }
    }
}

/// Lets the batch that is open be sealed for this reason, and waits for its outcomes.
fn seal_for(reason: SealReason, rig: &Rig<u64>, time: &VirtualClock, submitted: u64, last: bool) {
    match reason {
        SealReason::Linger => time.advance(Duration::from_secs(1)),
        SealReason::Flush => rig.batcher.flush().unwrap(),
        SealReason::Close if last => drop(rig.batcher.close(Deadline::never())),
        SealReason::Close => return,
        _ => {}
    }
    eventually("the batch is handled", || {
        let stats = rig.batcher.stats();
        stats.done + stats.failed == submitted
    });
}

#[test]
fn c10_a_panic_reaches_every_submitter_of_its_batch() {
    for dispatch in [Dispatch::Thread, Dispatch::Caller] {
        guarded("C10 panic", move || {
            let built = Batcher::builder()
                .batch_items_max(2)
                .dispatch(dispatch)
                .on_failure(|_| {})
                .build(|batch: &mut Batch<u64>| assert!(!batch.contains(&BAD), "bad"));
            let batcher = built.unwrap();
            let tickets: Vec<_> =
                [1, 2, 3, BAD, 5, 6].map(|item| batcher.submit(item).unwrap()).into_iter().collect();
            batcher.flush().unwrap();
            let outcomes: Vec<_> = tickets.into_iter().map(Ticket::wait).collect();
            let panicked =
                |at: usize| matches!(&outcomes[at], Err(TicketError::Failed(Failure::Panicked(_))));
            assert!(panicked(2) && panicked(3), "{outcomes:?}");
            assert!([0, 1, 4, 5].iter().all(|at| outcomes[*at].is_ok()), "{outcomes:?}");
            assert_eq!((batcher.stats().panics, batcher.stats().failed), (1, 2));
            assert_balanced(&batcher.stats());
        });
    }
}

#[test]
fn c11_a_failing_or_panicking_handler_leaves_a_counter_and_a_hook_call() {
    for mode in MODES {
        guarded("C11", move || {
            let reports = Arc::new(Mutex::new(Vec::<FailureReport>::new()));
            let told = reports.clone();
            let builder = Batcher::builder()
                .name("orders")
                .batch_items_max(3)
                .on_failure(move |report| told.lock().unwrap().push(report.clone()));
            let rig: Rig<u64> = mode.start_any(builder, |items| {
                assert!(items[0] != 7, "seven");
                Err("no".into())
            });
            // A poller that panics is its owner's affair: see panics.rs.
            let first = if matches!(mode.kind, Kind::Poll(_)) { 1 } else { 7 };
            rig.batcher.put_many(&mut vec![first, 2, 3]).unwrap();
            rig.batcher.flush().unwrap();
            rig.batcher.put_many(&mut vec![4, 5]).unwrap();
            rig.batcher.flush().unwrap();
            let stats = rig.batcher.stats();
            assert_eq!((stats.failed, stats.failed_batches), (5, 2));
            assert_eq!(stats.panics, u64::from(first == 7));
            let reports = reports.lock().unwrap();
            assert_eq!(reports.len(), 2);
            assert!(reports.iter().all(|report| &*report.batcher == "orders"));
            assert!(matches!(reports[1].kind, FailureKind::Failed(Failure::Error(_))), "{}", reports[1]);
            assert_eq!((reports[1].items, reports[1].batch_items), (2, 2));
            assert_eq!(reports[1].reason, Some(SealReason::Flush));
            drop(rig.batcher.close(Deadline::never()));
            rig.end();
        });
    }
}

#[test]
fn c11_with_default_settings_a_failure_is_told_on_stderr() {
    let this = std::env::current_exe().unwrap();
    let run = std::process::Command::new(this)
        .args(["--exact", "alone_a_failure_with_default_settings", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && stderr.contains("the disk is full"), "{stderr}");
}

#[test]
#[ignore = "run by the test above in a process of its own, which reads its stderr"]
fn alone_a_failure_with_default_settings() {
    let batcher = Batcher::builder().build(|_: &mut Batch<u64>| Err::<(), _>("the disk is full")).unwrap();
    batcher.put(1).unwrap();
    batcher.flush().unwrap();
    assert_eq!(batcher.stats().failed, 1);
    assert_balanced(&batcher.stats());
}

#[test]
fn c12_a_cancelled_item_never_reaches_the_handler_and_no_other_is_touched() {
    for mode in MODES {
        guarded("C12", move || {
            let seen = Seen::default();
            let builder = Batcher::builder().batch_items_max(100).linger(Duration::from_secs(3600));
            let rig: Rig<u64> = mode.start_any(builder, fails_bad_batches(&seen));
            let tickets: Vec<_> = (0..50).map(|item| rig.batcher.submit(item).unwrap()).collect();
            let cancelled: Vec<bool> =
                tickets.iter().enumerate().map(|(item, ticket)| item % 3 == 0 && ticket.cancel()).collect();
            assert_eq!(cancelled.iter().filter(|cancelled| **cancelled).count(), 17);
            rig.batcher.flush().unwrap();
            let handled = seen.lock().unwrap().concat();
            assert!(handled.into_iter().eq((0..50).filter(|item| item % 3 != 0)), "order is kept, too");
            for (ticket, cancelled) in tickets.into_iter().zip(cancelled) {
                let outcome = ticket.wait();
                assert_eq!(matches!(outcome, Err(TicketError::Cancelled)), cancelled);
                assert_eq!(outcome.is_ok(), !cancelled);
            }
            let stats = rig.batcher.stats();
            assert_eq!((stats.cancelled, stats.done), (17, 33));
            rig.close();
        });
    }
}

#[test]
fn c12_cancel_races_with_dispatch_and_each_item_gets_exactly_one_outcome() {
    for mode in MODES {
        guarded("C12 race", move || {
            let seen = Arc::new((0..4000).map(|_| AtomicU64::new(0)).collect::<Vec<_>>());
            let count = seen.clone();
            let builder = Batcher::builder().batch_items_max(3);
            let rig: Rig<u64> = mode.start_any(builder, move |items| {
                for item in &*items {
                    count[*item as usize].fetch_add(1, SeqCst);
                }
                Ok(())
            });
            let (pass, tickets) = channel::<(u64, Ticket)>();
            let canceller = thread::spawn(move || {
                let mut cancelled = 0;
                for (item, ticket) in tickets {
                    let confirmed = ticket.cancel();
                    let outcome = ticket.wait();
                    assert_eq!(matches!(outcome, Err(TicketError::Cancelled)), confirmed, "{outcome:?}");
                    assert_eq!(outcome.is_ok(), !confirmed);
                    let handled = seen[item as usize].load(SeqCst);
                    assert_eq!(handled, u64::from(!confirmed), "item {item}");
                    cancelled += u64::from(confirmed);
                }
                cancelled
            });
            for item in 0..4000 {
                pass.send((item, rig.batcher.submit(item).unwrap())).unwrap();
            }
            drop(pass);
            let cancelled = canceller.join().unwrap();
            rig.batcher.flush().unwrap();
            let stats = rig.batcher.stats();
            assert_eq!((stats.cancelled, stats.done), (cancelled, 4000 - cancelled));
            rig.close();
        });
    }
}

#[test]
fn c12_an_expired_item_never_reaches_the_handler_and_no_other_is_touched() {
    for with_tickets in [false, true] {
        let time = VirtualClock::new();
        let (told, reports) = channel();
        let batcher = Batcher::<u64>::builder()
            .clock(Clock::from(&time))
            .linger(Duration::from_secs(1))
            .batch_items_max(100)
            .on_failure(move |report| told.send(report.clone()).unwrap())
            .build_poll()
            .unwrap();
        let mut tickets = Vec::new();
        for item in 0..6_u64 {
            let options =
                ItemOptions::new().deadline(Duration::from_millis(if item % 2 == 0 { 20 } else { 9000 }));
            if with_tickets {
                tickets.push(batcher.submit_with(item, options).unwrap());
            } else {
                batcher.put_with(item, options).unwrap();
            }
        }
        batcher.put(6).unwrap();
        time.advance(Duration::from_millis(20));
        let batch = batcher.next_batch(Duration::ZERO).expect("half of the deadline is over");
        assert_eq!(batch[..], [1, 3, 5, 6]);
        drop(batch);
        for (item, ticket) in tickets.into_iter().enumerate() {
            let outcome = ticket.wait();
            assert_eq!(matches!(outcome, Err(TicketError::Expired)), item % 2 == 0, "{item}: {outcome:?}");
        }
        assert_eq!((batcher.stats().expired, batcher.stats().done), (3, 4));
        let report = reports.try_recv().expect("expiry leaves a trace");
        assert!(matches!(report.kind, FailureKind::Expired) && report.items == 3, "{report}");
        assert_balanced(&batcher.stats());
    }
}

#[test]
fn c12_a_wait_gives_an_item_up_at_its_deadline_and_then_the_handler_never_sees_it() {
    guarded("C12 deadline of a wait", || {
        let time = VirtualClock::new();
        let batcher = Arc::new(
            Batcher::<u64>::builder()
                .clock(Clock::from(&time))
                .batch_items_max(2)
                .no_linger()
                .build_poll()
                .unwrap(),
        );
        let ticket = batcher.submit_with(1, ItemOptions::new().deadline(Duration::from_secs(5))).unwrap();
        let waiter = thread::spawn(move || ticket.wait());
        eventually("the waiter sleeps until the deadline", || time.timers() == 1);
        time.advance(Duration::from_secs(5));
        assert!(matches!(waiter.join().unwrap(), Err(TicketError::Expired)));
        batcher.put(2).unwrap();
        assert_eq!(batcher.next_batch(Duration::ZERO).unwrap()[..], [2]);
        assert_eq!((batcher.stats().expired, batcher.stats().done), (1, 1));
        assert_balanced(&batcher.stats());
    });
}

#[test]
fn c13_a_wrong_number_of_results_fails_the_batch_and_names_both_numbers() {
    for (dispatch, wrong) in [(Dispatch::Thread, 2), (Dispatch::Caller, 4), (Dispatch::Thread, 0)] {
        guarded("C13", move || {
            let built = Batcher::<u64>::builder()
                .replies::<u64>()
                .batch_items_max(3)
                .dispatch(dispatch)
                .on_failure(|_| {})
                .build(move |batch: &mut Batch<u64, u64>| {
                    let count = if batch.contains(&BAD) { wrong } else { batch.len() };
                    (0..count as u64).map(Ok).collect::<Vec<Result<u64, String>>>()
                });
            let batcher = built.unwrap();
            let tickets = [1, BAD, 3, 4, 5, 6].map(|item| batcher.submit(item).unwrap());
            batcher.flush().unwrap();
            let outcomes = tickets.map(Ticket::wait);
            for outcome in &outcomes[..3] {
                let text = outcome.as_ref().unwrap_err().to_string();
                assert!(text.contains(&wrong.to_string()) && text.contains('3'), "{text}");
                assert!(matches!(
                    outcome,
                    Err(TicketError::Failed(Failure::WrongReplyCount { expected: 3, got })) if *got == wrong
                ));
            }
            assert!(outcomes[3..].iter().map(|outcome| *outcome.as_ref().unwrap()).eq(0..3));
            assert_eq!((batcher.stats().failed, batcher.stats().done), (3, 3));
            assert_balanced(&batcher.stats());
        });
    }
}

#[test]
fn c13_an_item_without_a_reply_that_is_owed_fails_alone() {
    guarded("C13 no reply", || {
        let built = Batcher::<u64>::builder()
            .replies::<u64>()
            .batch_items_max(3)
            .no_linger()
            .on_failure(|_| {})
            .build(|batch: &mut Batch<u64, u64>| {
                assert_eq!(batch.len(), 3);
                batch.reply(0, 10);
                batch.fail(1, "one");
            });
        let batcher = built.unwrap();
        let [first, second, third] = [0, 1, 2].map(|item| batcher.submit(item).unwrap());
        assert_eq!(first.wait().unwrap(), 10);
        assert_eq!(second.wait().unwrap_err().to_string(), "the handler failed: one");
        assert!(matches!(third.wait(), Err(TicketError::Failed(Failure::NoReply))));
        batcher.flush().unwrap();
        assert_eq!((batcher.stats().failed, batcher.stats().done), (2, 1));
        assert_balanced(&batcher.stats());
    });
}

/// Handler calls that bisection may add for `bad` bad items of `n`.
fn bound(n: u64, bad: u64) -> u64 {
    1 + bad * 2 * u64::from(n.next_power_of_two().ilog2())
}

#[test]
fn c14_with_bisection_one_bad_item_fails_alone_within_the_stated_bound() {
    for dispatch in [Dispatch::Thread, Dispatch::Caller] {
        for panics in [false, true] {
            for (n, bad) in [(1000, 0), (1000, 999), (1000, 500), (64, 13), (3, 1), (1, 0)] {
                guarded("C14", move || bisect_one(dispatch, panics, n, bad));
            }
        }
    }
}

fn bisect_one(dispatch: Dispatch, panics: bool, n: u64, bad: u64) {
    let handled = Arc::new(Mutex::new(BTreeMap::<u64, u64>::new()));
    let count = handled.clone();
    let built = Batcher::builder()
        .batch_items_max(n as usize)
        .dispatch(dispatch)
        .retry(Retry::bisect(20))
        .on_failure(|_| {})
        .build(move |batch: &mut Batch<u64>| {
            if batch.contains(&bad) {
                assert!(!panics, "bad");
                return Err("bad");
            }
            batch.iter().for_each(|item| *count.lock().unwrap().entry(*item).or_default() += 1);
            Ok(())
        });
    let batcher = built.unwrap();
    let tickets: Vec<_> = (0..n).map(|item| batcher.submit(item).unwrap()).collect();
    batcher.flush().unwrap();
    for (item, ticket) in (0..).zip(tickets) {
        assert_eq!(ticket.wait().is_err(), item == bad, "item {item} of {n}");
    }
    let stats = batcher.stats();
    assert_eq!((stats.done, stats.failed, stats.failed_batches), (n - 1, 1, 1));
    assert!(stats.handler_calls <= bound(n, 1), "{} calls for {n} items", stats.handler_calls);
    assert!(handled.lock().unwrap().values().all(|times| *times == 1), "an item succeeded twice");
    assert_balanced(&stats);
}

#[test]
fn c14_bisection_stays_within_its_budget_when_everything_is_bad() {
    for calls_max in [0, 1, 2, 5, 100] {
        guarded("C14 budget", move || {
            let built = Batcher::builder()
                .batch_items_max(256)
                .retry(Retry::bisect(calls_max))
                .on_failure(|_| {})
                .build(|_: &mut Batch<u64>| Err::<(), _>("all bad"));
            let batcher = built.unwrap();
            batcher.put_many(&mut (0..256).collect()).unwrap();
            batcher.flush().unwrap();
            let stats = batcher.stats();
            assert_eq!((stats.failed, stats.failed_batches), (256, 1));
            assert!(stats.handler_calls <= 1 + u64::from(calls_max), "{stats:?}");
            assert_balanced(&stats);
        });
    }
}

#[test]
fn c14_bisection_among_cancelled_items_gives_each_its_own_outcome() {
    guarded("C14 gaps", || {
        let built = Batcher::builder()
            .batch_items_max(8)
            .retry(Retry::bisect(100))
            .on_failure(|_| {})
            .build(|batch: &mut Batch<u64>| if batch.contains(&5) { Err("five") } else { Ok(()) });
        let batcher = built.unwrap();
        let tickets: Vec<_> = (0..7).map(|item| batcher.submit(item).unwrap()).collect();
        let cancelled = [0, 4, 6].map(|item: usize| tickets[item].cancel());
        batcher.put(7).unwrap();
        batcher.flush().unwrap();
        let outcomes: Vec<_> = tickets.into_iter().map(Ticket::wait).collect();
        if cancelled == [true; 3] {
            assert!([1, 2, 3].iter().all(|item: &usize| outcomes[*item].is_ok()), "{outcomes:?}");
        }
        assert!(failed_with(&outcomes[5], "five"), "{outcomes:?}");
        assert_eq!(batcher.stats().failed, 1);
        assert_balanced(&batcher.stats());
    });
}

#[test]
fn c15_a_blocked_put_honours_its_deadline_to_the_nanosecond_of_a_virtual_clock() {
    guarded("C15 virtual", || {
        let time = VirtualClock::new();
        let builder =
            Batcher::<u64>::builder().batch_items_max(1).queue_items_max(1).clock(Clock::from(&time));
        let batcher = Arc::new(builder.no_linger().build_poll().unwrap());
        batcher.put(1).unwrap();
        let (putting, done) = (batcher.clone(), Arc::new(AtomicBool::new(false)));
        let ended = done.clone();
        let putter = thread::spawn(move || {
            let result = putting.put_timeout(2, Duration::from_millis(5));
            ended.store(true, SeqCst);
            result
        });
        eventually("the put is blocked", || time.timers() == 1);
        time.advance(Duration::from_nanos(4_999_999));
        assert!(!done.load(SeqCst) && time.timers() == 1, "the put gave up early");
        time.advance(Duration::from_nanos(1));
        assert_eq!(putter.join().unwrap(), Err(PutError::TimedOut(2)));
        assert_eq!(batcher.put_timeout(3, Duration::ZERO), Err(PutError::TimedOut(3)));
        assert_eq!(batcher.close(Deadline::now()).items, [1]);
        assert_balanced(&batcher.stats());
    });
}

#[test]
fn c15_a_put_timeout_of_zero_times_out_also_at_time_zero() {
    let time = VirtualClock::new();
    let builder = Batcher::<u64>::builder().batch_items_max(1).queue_items_max(1).clock(Clock::from(&time));
    let batcher = builder.no_linger().build_poll().unwrap();
    batcher.put(1).unwrap();
    assert_eq!(batcher.put_timeout(2, Duration::ZERO), Err(PutError::TimedOut(2)));
    assert_eq!(batcher.close(Deadline::now()).items, [1]);
    assert_balanced(&batcher.stats());
}

/// Whether one of several tries of `act` took its 20 ms and not much more; the machine is noisy.
#[track_caller]
fn takes_about_20_ms(act: impl Fn()) {
    let mut times = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        act();
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(20), "gave up early: {took:?}");
        if took < Duration::from_millis(26) {
            return;
        }
        times.push(took);
    }
    panic!("late each time: {times:?}");
}

#[test]
fn c15_a_blocked_put_honours_its_deadline_within_a_few_milliseconds() {
    for mode in MODES.into_iter().filter(|mode| mode.kind != Kind::Caller) {
        guarded("C15", move || {
            let gate = Arc::new(Gate::default());
            let pass = gate.clone();
            let consumers = match mode.kind {
                Kind::Thread(count) | Kind::Poll(count) => count,
                Kind::Caller => 1,
            };
            let builder = Batcher::builder()
                .batch_items_max(2)
                .queue_items_max(2 * consumers)
                .overflow(Overflow::BlockFor(Duration::from_millis(20)));
            let rig: Rig<u64> = mode.start_any(builder, move |_| {
                pass.pass();
                Ok(())
            });
            let _open = OpenAtEnd(&gate);
            for _ in 0..consumers {
                rig.batcher.put_many(&mut vec![1, 2]).unwrap();
            }
            gate.await_waiting(consumers);
            takes_about_20_ms(|| {
                assert_eq!(rig.batcher.put_timeout(3, Duration::from_millis(20)), Err(PutError::TimedOut(3)));
            });
            takes_about_20_ms(|| assert_eq!(rig.batcher.put(4), Err(PutError::TimedOut(4))));
            takes_about_20_ms(|| {
                let mut items = vec![5, 6];
                assert_eq!(rig.batcher.put_many(&mut items), Err(PutManyError::TimedOut { accepted: 0 }));
                assert_eq!(items, [5, 6]);
            });
            takes_about_20_ms(|| assert_eq!(rig.batcher.submit(7).map(drop), Err(PutError::TimedOut(7))));
            gate.open();
            rig.close();
        });
    }
}

#[test]
fn c15_a_blocked_put_goes_on_as_soon_as_there_is_room() {
    guarded("C15 room", || {
        let time = VirtualClock::new();
        let builder =
            Batcher::<u64>::builder().batch_items_max(7).queue_items_max(8).clock(Clock::from(&time));
        let batcher = Arc::new(builder.demand(true).build_poll().unwrap());
        batcher.put_many(&mut (0..7).collect()).unwrap();
        let held = batcher.next_batch(Duration::ZERO).expect("a full batch");
        batcher.put(7).unwrap();
        let small = batcher.next_batch(Duration::ZERO).expect("the last place");
        let (putting, (told, result)) = (batcher.clone(), channel());
        thread::spawn(move || told.send(putting.put_timeout(8, Duration::from_secs(3600))));
        eventually("the put is blocked", || time.timers() == 1);
        // One place of eight is free again; the other seven stay in hand.
        drop(small);
        let put = result.recv_timeout(Duration::from_secs(5));
        assert_eq!(put, Ok(Ok(())), "there is room, and the put sleeps on");
        drop(held);
        drop(batcher.next_batch(Duration::ZERO));
        assert_eq!(batcher.stats().done, 9);
        assert_balanced(&batcher.stats());
    });
}
