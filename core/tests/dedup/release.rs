//! C44: closing releases everything, and an idle batcher forgets by itself.

use crate::support::modes::{Kind, MODES, Rig};
use crate::support::{PATIENCE, eventually, guarded};
use crate::{Alive, BUCKET, WINDOW, window};
use batchline::{Batch, Batcher, Builder, Clock, Deadline, Dispatch, VirtualClock};
use std::time::{Duration, Instant};

fn counted(alive: &Alive) -> Builder<u64> {
    let alive = alive.clone();
    Batcher::builder().batch_items_max(16).on_failure(|_| {}).dedup(window(), move |item| alive.key(*item))
}

#[cfg(target_os = "linux")]
mod threads {
    use super::*;
    use std::process::{Command, Stdio};
    use std::{env, fs};

    const ALONE: &str = "BATCHLINE_MEASURE_ALONE";

    /// Whether this process runs `test` alone; if not, starts one that does.
    fn alone(test: &str) -> bool {
        if env::var_os(ALONE).is_some() {
            return true;
        }
        let mut command = Command::new(env::current_exe().expect("the test binary has a path"));
        command.args(["--exact", test, "--nocapture"]).env(ALONE, "1");
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("it runs");
        let (told, failed) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(told.contains("1 passed") && output.status.success(), "{told}{failed}");
        false
    }

    fn count() -> usize {
        fs::read_dir("/proc/self/task").expect("Linux has it").count()
    }

    #[test]
    fn c44_twenty_lives_leave_no_thread_and_no_key_behind() {
        if !alone("release::threads::c44_twenty_lives_leave_no_thread_and_no_key_behind") {
            return;
        }
        guarded("C44", || {
            let (alive, before) = (Alive::default(), count());
            for _ in 0..20 {
                for mode in MODES {
                    let rig: Rig<u64> = mode.start_any(counted(&alive), |items| match items[0] % 3 {
                        0 => Err("every third".into()),
                        _ => Ok(()),
                    });
                    (0..200).for_each(|item| drop(rig.batcher.put(item / 2)));
                    let batcher = rig.batcher.clone();
                    rig.close();
                    assert_eq!(alive.count(), 0, "{mode:?}: closed, and not yet dropped");
                    drop(batcher);
                }
                // A thread that was joined may be listed for a moment still.
                eventually("no thread is left", || count() == before);
            }
        });
    }
}

#[test]
fn c44_closing_with_items_still_waiting_releases_every_key() {
    for mode in MODES.into_iter().filter(|mode| !matches!(mode.kind, Kind::Poll(_))) {
        guarded("C44 handed back", move || {
            let alive = Alive::default();
            let rig: Rig<u64> = mode.start(counted(&alive).no_linger().batch_items_max(1000), |_| Ok(()));
            (0..100).for_each(|item| rig.batcher.put(item).unwrap());
            assert_eq!(alive.count(), 100);
            rig.batcher.close(Deadline::now());
            rig.batcher.close(Deadline::never());
            assert_eq!(alive.count(), 0);
        });
    }
}

#[test]
fn c44_dropping_a_batcher_or_a_window_releases_every_key() {
    guarded("C44 dropped", || {
        let alive = Alive::default();
        for _ in 0..20 {
            let batcher = counted(&alive).build_poll().unwrap();
            (0..100).for_each(|item| batcher.put(item).unwrap());
            drop(batcher);
            assert_eq!(alive.count(), 0);
            let seen = batchline::dedup::Dedup::new(window()).unwrap();
            (0..100).for_each(|id| drop(seen.is_new(alive.key(id % 50))));
            assert_eq!(alive.count(), 50);
            drop(seen);
            assert_eq!(alive.count(), 0);
        }
    });
}

#[test]
fn c44_a_keyed_batcher_releases_every_key() {
    guarded("C44 keyed", || {
        let alive = Alive::default();
        for _ in 0..20 {
            let batcher = counted(&alive).keyed::<u64>().build(|_: &u64, _: &mut Batch<u64>| ()).unwrap();
            (0..100).for_each(|item| batcher.put(&(item % 5), item).unwrap());
            batcher.close(Deadline::never());
            assert_eq!(alive.count(), 0);
        }
    });
}

/// Waits until the number does not change any more; returns it.
fn settled(mut count: impl FnMut() -> u64) -> u64 {
    let (mut last, mut since, start) = (count(), Instant::now(), Instant::now());
    while since.elapsed() < Duration::from_millis(30) {
        assert!(start.elapsed() < PATIENCE, "it never settles");
        std::thread::sleep(Duration::from_millis(1));
        let now = count();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    last
}

fn forgets_by_itself(builder: Builder<u64>, alive: &Alive, time: &VirtualClock, sleepers: u64) {
    let batcher = builder.clock(Clock::from(time)).build(|_: &mut Batch<u64>| ()).unwrap();
    settled(|| batcher.stats().wakeups);
    assert_eq!(time.timers(), 0, "nothing is remembered, so nobody waits for a time");
    for round in 0..3 {
        (0..100).for_each(|item| batcher.put(item).unwrap());
        batcher.flush().unwrap();
        let before = settled(|| batcher.stats().wakeups);
        assert_eq!(alive.count(), 100);
        time.advance(WINDOW);
        assert_eq!(settled(|| batcher.stats().wakeups), before, "round {round}: woken inside the window");
        time.advance(BUCKET);
        eventually("the keys are forgotten", || alive.count() == 0);
        let after = settled(|| batcher.stats().wakeups);
        assert!((1..=2 * sleepers).contains(&(after - before)), "{} wake-ups", after - before);
        eventually("no timer is armed", || time.timers() == 0);
        time.advance(10 * WINDOW);
        assert_eq!(settled(|| batcher.stats().wakeups), after, "round {round}: woken for an empty window");
        assert_eq!(batcher.window_stats().unwrap().bytes, 0, "the memory was given back");
    }
}

#[test]
fn c44_an_idle_batcher_forgets_by_itself_with_one_or_two_wake_ups() {
    for sleepers in [1, 3] {
        for demand in [false, true] {
            guarded("C44 idle", move || {
                let (alive, time) = (Alive::default(), VirtualClock::new());
                let builder = counted(&alive).workers(sleepers as usize);
                let builder = if demand { builder.demand(true) } else { builder.no_linger() };
                forgets_by_itself(builder, &alive, &time, sleepers);
            });
        }
    }
}

#[test]
fn c44_an_idle_caller_mode_batcher_with_a_timer_forgets_by_itself() {
    guarded("C44 idle caller", || {
        let (alive, time) = (Alive::default(), VirtualClock::new());
        let builder = counted(&alive).dispatch(Dispatch::Caller).linger(Duration::from_secs(3600));
        forgets_by_itself(builder, &alive, &time, 1);
    });
}

#[test]
fn c44_an_idle_keyed_batcher_forgets_by_itself() {
    guarded("C44 idle keyed", || {
        let (alive, time) = (Alive::default(), VirtualClock::new());
        let builder = counted(&alive).clock(Clock::from(&time)).no_linger().keyed::<u64>();
        let batcher = builder.build(|_: &u64, _: &mut Batch<u64>| ()).unwrap();
        (0..100).for_each(|item| batcher.put(&(item % 5), item).unwrap());
        batcher.flush().unwrap();
        let before = settled(|| batcher.stats().wakeups);
        time.advance(WINDOW + BUCKET);
        eventually("the keys are forgotten", || alive.count() == 0);
        let after = settled(|| batcher.stats().wakeups);
        assert!((1..=2).contains(&(after - before)), "{} wake-ups", after - before);
        assert_eq!(time.timers(), 0);
    });
}

#[test]
fn c44_a_waiting_poller_forgets_for_an_idle_polled_batcher() {
    guarded("C44 idle poller", || {
        let (alive, time) = (Alive::default(), VirtualClock::new());
        let batcher = counted(&alive).clock(Clock::from(&time)).demand(true).build_poll().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| while batcher.next_batch(Duration::MAX).is_some() {});
            (0..100).for_each(|item| batcher.put(item).unwrap());
            batcher.flush().unwrap();
            settled(|| batcher.stats().wakeups);
            time.advance(WINDOW + BUCKET);
            eventually("the keys are forgotten", || alive.count() == 0);
            batcher.close(Deadline::never());
        });
    });
}

#[test]
fn c44_a_linger_is_kept_while_a_sweep_is_due_sooner() {
    guarded("C44 linger beside a sweep", || {
        let (alive, time) = (Alive::default(), VirtualClock::new());
        let builder = counted(&alive).clock(Clock::from(&time)).linger(3 * WINDOW).workers(2);
        let batcher = builder.build(|_: &mut Batch<u64>| ()).unwrap();
        batcher.put(1).unwrap();
        batcher.flush().unwrap();
        settled(|| batcher.stats().wakeups);
        let ticket = batcher.submit(2).unwrap();
        for _ in 0..6 {
            assert!(!ticket.is_done());
            time.advance(WINDOW / 2);
            settled(|| batcher.stats().wakeups);
        }
        ticket.wait().unwrap();
    });
}
