//! What is kept must not grow with what has passed through. Each measurement runs in a process of its own:
//! it calls its own test binary again with the one test.

use crate::support::guarded;
use crate::{end, ms};
use batchline::{Batch, Batcher, Clock, ItemOptions, KeyedBatcher, VirtualClock};
use std::process::{Command, Stdio};
use std::{env, fs};

const ALONE: &str = "BATCHLINE_MEASURE_ALONE";

/// More than noise, much less than 32 bytes for each of the hundreds of thousands of batches or items below.
const GROWTH_KIB_MAX: u64 = 3 * 1024;

/// Whether this process runs `test` alone; if not, starts one that does.
#[track_caller]
fn alone(test: &str) -> bool {
    if env::var_os(ALONE).is_some() {
        return true;
    }
    let mut command = Command::new(env::current_exe().expect("the test binary has a path"));
    command
        .args(["--exact", test, "--nocapture"])
        .env(ALONE, "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = command.output().expect("the test binary runs");
    let (told, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("1 passed") && output.status.success(), "{told}{failed}");
    false
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it is there");
    line.split_whitespace().nth(1).expect("a number").parse().expect("of KiB")
}

/// Runs `round` a tenth as often to warm up, then measures what the rest adds.
#[track_caller]
fn assert_no_growth(rounds: u64, mut round: impl FnMut(u64)) {
    (0..rounds / 10).for_each(&mut round);
    let before = resident_kib();
    (0..rounds).for_each(&mut round);
    let growth = resident_kib().saturating_sub(before);
    assert!(growth < GROWTH_KIB_MAX, "{rounds} rounds left {growth} KiB behind");
}

fn put_to_many_keys_and_flush(batcher: &KeyedBatcher<u64, u64>) {
    for key in 0..64 {
        batcher.put(&key, 0).unwrap();
    }
    batcher.flush().unwrap();
}

#[test]
fn flushed_batches_without_a_linger_leave_no_timers_behind() {
    if alone("memory::flushed_batches_without_a_linger_leave_no_timers_behind") {
        guarded("timers of flushed batches", || {
            let builder = Batcher::builder().batch_items_max(2).no_linger();
            let batcher = builder.keyed().build(|_: &u64, _: &mut Batch<u64>| ()).unwrap();
            assert_no_growth(6000, |_| put_to_many_keys_and_flush(&batcher));
            end(&batcher);
        });
    }
}

#[test]
fn full_batches_without_a_linger_leave_no_timers_behind() {
    if alone("memory::full_batches_without_a_linger_leave_no_timers_behind") {
        guarded("timers of full batches", || {
            let builder = Batcher::builder().batch_items_max(2).no_linger();
            let batcher = builder.keyed().build(|_: &u64, _: &mut Batch<u64>| ()).unwrap();
            assert_no_growth(600_000, |item| batcher.put(&(item / 2 % 64), item).unwrap());
            end(&batcher);
        });
    }
}

#[test]
fn keys_that_are_idle_again_and_again_leave_no_marks_behind() {
    if alone("memory::keys_that_are_idle_again_and_again_leave_no_marks_behind") {
        guarded("marks of idle times", || {
            let builder = Batcher::builder().batch_items_max(1).keyed().idle_keys_max(4096);
            let batcher = builder.build(|_: &u64, _: &mut Batch<u64>| ()).unwrap();
            // These are idle for ever, one at least in each part of the table.
            (1000..1256).for_each(|key| batcher.put(&key, 0).unwrap());
            batcher.flush().unwrap();
            assert_no_growth(10_000, |_| put_to_many_keys_and_flush(&batcher));
            end(&batcher);
        });
    }
}

#[test]
fn items_with_a_linger_of_their_own_leave_no_timers_behind() {
    if alone("memory::items_with_a_linger_of_their_own_leave_no_timers_behind") {
        guarded("timers of pulls", || {
            let time = VirtualClock::new();
            let builder =
                Batcher::builder().clock(Clock::from(&time)).batch_items_max(1000).linger(ms(3_600_000));
            let batcher = builder.keyed().build(|_: &u64, _: &mut Batch<u64>| ()).unwrap();
            let options = ItemOptions::new().linger(ms(1_800_000));
            assert_no_growth(300_000, |item| batcher.put_with(&(item % 3), item, options).unwrap());
            end(&batcher);
        });
    }
}
