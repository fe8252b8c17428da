//! C42: no duplicate passes inside the window, and none is refused after the window and one bucket.

use crate::support::{PATIENCE, guarded};
use crate::{ms, plain};
use batchline::dedup::{Dedup, Window};
use batchline::{Batcher, Clock, PutError, VirtualClock};
use std::time::{Duration, Instant};

const BUCKETS: [Duration; 3] = [ms(1), ms(10), ms(50)];

/// When each of three keys was put last.
type Puts = [Option<Duration>; 3];

/// Puts each key, and checks what happens against the time since it was put.
fn put_each(batcher: &Batcher<u64>, now: Duration, window: Duration, bucket: Duration, puts: &mut Puts) {
    for (key, last) in puts.iter_mut().enumerate() {
        // The second and third key are put at times of their own, so that each meets all parts of a bucket.
        if !now.as_micros().is_multiple_of(7 * key as u128 * 100 + 100) {
            continue;
        }
        match (batcher.put(key as u64), *last) {
            (Ok(()), Some(put)) => assert!(now - put >= window, "passed {:?} after its put", now - put),
            (Ok(()), None) => {}
            (Err(PutError::Duplicate(_)), Some(put)) => {
                assert!(now - put < window + bucket, "refused {:?} after its put", now - put);
                continue;
            }
            (result, last) => panic!("{result:?} at {now:?}, put at {last:?}"),
        }
        *last = Some(now);
        drop(batcher.next_batch(Duration::ZERO).expect("a batch of one"));
    }
}

#[test]
fn c42_the_window_is_kept_to_the_bucket_on_a_virtual_clock() {
    for bucket in BUCKETS {
        for window in [bucket, ms(50), ms(200), ms(333)] {
            let time = VirtualClock::new();
            let builder = Batcher::builder().batch_items_max(1).clock(Clock::from(&time));
            let settings = Window::new(window).bucket(bucket);
            let batcher = builder.dedup(settings, |item| *item).build_poll().unwrap();
            let mut puts = [None; 3];
            while time.now() < 5 * (window + bucket) {
                put_each(&batcher, time.now(), window, bucket, &mut puts);
                time.advance(Duration::from_micros(100));
            }
            assert!(batcher.stats().accepted >= 8, "every key was put again: {:?}", batcher.stats());
        }
    }
}

#[test]
fn c42_a_key_is_forgotten_when_its_bucket_ends_plus_the_window_and_not_before() {
    for bucket in BUCKETS {
        for offset in [0, 1, bucket.as_nanos() as u64 - 1] {
            let time = VirtualClock::new();
            let seen = Dedup::with_clock(Window::new(ms(200)).bucket(bucket), Clock::from(&time)).unwrap();
            time.advance(7 * bucket + Duration::from_nanos(offset));
            assert!(seen.is_new(1).unwrap());
            let end = 8 * bucket + ms(200);
            time.advance(end - time.now() - Duration::from_nanos(1));
            assert!(!seen.is_new(1).unwrap() && seen.contains(&1) && seen.len() == 1);
            time.advance(Duration::from_nanos(1));
            assert!(!seen.contains(&1) && seen.is_empty());
            assert!(seen.is_new(1).unwrap());
        }
    }
}

#[test]
fn c42_a_refused_duplicate_does_not_lengthen_the_window() {
    let time = VirtualClock::new();
    let seen = Dedup::with_clock(Window::new(ms(100)).bucket(ms(10)), Clock::from(&time)).unwrap();
    assert!(seen.is_new(1).unwrap());
    for _ in 0..109 {
        time.advance(ms(1));
        assert!(!seen.is_new(1).unwrap());
    }
    time.advance(ms(1));
    assert!(seen.is_new(1).unwrap());
}

/// The bounds are those of what was measured around each call, so a slow machine can not break them.
#[test]
fn c42_the_window_is_kept_on_the_system_clock() {
    guarded("C42 system clock", || {
        let (window, bucket) = (ms(150), ms(50));
        let builder = plain(1).dedup(Window::new(window).bucket(bucket), |item| *item);
        let batcher = builder.build_poll().unwrap();
        let before = Instant::now();
        batcher.put(1).unwrap();
        let after = Instant::now();
        drop(batcher.next_batch(Duration::ZERO));
        loop {
            let asked = Instant::now();
            if batcher.put(1).is_ok() {
                assert!(before.elapsed() >= window, "passed after {:?}", before.elapsed());
                return;
            }
            assert!(asked - after < window + bucket, "refused after {:?}", asked - after);
            assert!(asked - after < PATIENCE);
            std::thread::yield_now();
        }
    });
}
