//! Scenario `linger`: a lone item each time, linger 1 ms; how late its handler starts.
//!
//! Beside it, in turns, a bare `park_timeout` of 1 ms on the measuring thread: what the kernel's timer allows. A
//! handler that starts before its linger is over is counted as early, not as zero.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use batchline::{Batch, Batcher};

use crate::{interleave::Role, latency::Latency};

/// The name of this scenario.
pub const SCENARIO: &str = "linger";
/// The bare timer.
pub const BARE: &str = "bare-park-timeout";
/// Ours.
pub const OURS: &str = "batchline-linger";

const LINGER: Duration = Duration::from_millis(1);

/// Takes `samples` of each, alternating.
pub fn measure(samples: usize) -> Vec<Latency> {
    let (started, starts) = mpsc::channel();
    let batcher = Batcher::<u64>::builder()
        .linger(LINGER)
        .build(move |_: &mut Batch<u64>| started.send(Instant::now()).expect("the measuring thread waits"))
        .expect("the settings are sound");
    let (mut bare, mut ours) = (Overshoot::new(Role::Floor, BARE), Overshoot::new(Role::Ours, OURS));
    for _ in 0..samples {
        let parked = Instant::now();
        thread::park_timeout(LINGER);
        bare.record(parked.elapsed());
        let put = Instant::now();
        batcher.put(1).expect("the batcher is open");
        let start = starts.recv().expect("the handler runs");
        ours.record(start.duration_since(put));
    }
    vec![bare.into_latency(), ours.into_latency()]
}

/// How far waits went past the linger.
struct Overshoot {
    latency: Latency,
    early: u64,
}

impl Overshoot {
    fn new(role: Role, name: &str) -> Self {
        Self { latency: Latency::new(role, name), early: 0 }
    }

    fn record(&mut self, waited: Duration) {
        match waited.checked_sub(LINGER) {
            Some(overshoot) => self.latency.record(overshoot),
            None => self.early += 1,
        }
    }

    fn into_latency(mut self) -> Latency {
        self.latency.remark = format!("{} early", self.early);
        self.latency
    }
}
