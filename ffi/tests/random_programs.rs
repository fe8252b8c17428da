//! A few thousand pseudo-random programs of ABI calls. `ffi/fuzz` runs the same, guided by coverage.

mod drive;

use std::sync::mpsc;
use std::time::Duration;

/// A generator of pseudo-random bytes: the same programs on every run.
struct Bytes(u64);

impl Bytes {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn program(seed: u64) -> Vec<u8> {
        let mut bytes = Self(seed);
        let length = 20 + bytes.next() % 400;
        (0..length).map(|_| bytes.next() as u8).collect()
    }
}

/// Runs programs in a thread, so that one that hangs is named.
fn run(seeds: std::ops::Range<u64>) {
    let (tell, told) = mpsc::channel();
    let runner = std::thread::spawn(move || {
        for seed in seeds {
            tell.send(seed).unwrap();
            drive::drive(&Bytes::program(seed));
        }
    });
    let mut last = None;
    loop {
        match told.recv_timeout(Duration::from_secs(60)) {
            Ok(seed) => last = Some(seed),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("program {last:?} hangs"),
        }
    }
    assert!(runner.join().is_ok(), "program {last:?} went wrong");
}

#[test]
fn random_programs_of_calls_keep_every_promise() {
    run(0..1500);
}

#[test]
fn more_random_programs_of_calls_keep_every_promise() {
    run(1_000_000..1_001_500);
}

#[test]
fn the_shortest_programs_keep_every_promise() {
    (0..=255_u8).for_each(|byte| drive::drive(&[byte]));
    drive::drive(&[]);
}
