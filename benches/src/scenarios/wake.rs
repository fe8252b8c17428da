//! Scenario `wake`: a lone put in demand mode; from the put to the handler's first instruction.
//!
//! Beside it, in turns, a bare `thread::unpark` of a thread that parks: the least a wake-up can cost. Before each
//! sample the measuring thread spins long enough for both workers to be asleep.

use std::{
    hint::spin_loop,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use batchline::{Batch, Batcher};

use crate::{interleave::Role, latency::Latency};

/// The name of this scenario.
pub const SCENARIO: &str = "wake";
/// The bare wake-up.
pub const BARE: &str = "bare-unpark";
/// Ours.
pub const OURS: &str = "batchline-demand-put";

/// Long enough for a worker to give up spinning and park.
const PAUSE: Duration = Duration::from_micros(200);

/// Takes `samples` of each, alternating.
pub fn measure(samples: usize) -> Vec<Latency> {
    let stamp = Stamp::new();
    let bare = BareSleeper::start(Arc::clone(&stamp));
    let handler_stamp = Arc::clone(&stamp);
    let batcher = Batcher::<u64>::builder()
        .no_linger()
        .demand(true)
        .build(move |_: &mut Batch<u64>| handler_stamp.mark())
        .expect("the settings are sound");
    let (mut bare_latency, mut our_latency) =
        (Latency::new(Role::Floor, BARE), Latency::new(Role::Ours, OURS));
    for _ in 0..samples {
        bare_latency.record(stamp.time(|| bare.thread.thread().unpark()));
        our_latency.record(stamp.time(|| batcher.put(1).expect("the batcher is open")));
    }
    bare.stop();
    vec![bare_latency, our_latency]
}

/// Where the woken side notes the time.
#[derive(Debug)]
struct Stamp {
    epoch: Instant,
    marked_ns: AtomicU64,
}

impl Stamp {
    fn new() -> Arc<Self> {
        Arc::new(Self { epoch: Instant::now(), marked_ns: AtomicU64::new(0) })
    }

    fn now_ns(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    fn mark(&self) {
        self.marked_ns.store(self.now_ns(), Ordering::Release);
    }

    /// Pauses, wakes the other side, and says how long it took until the mark.
    fn time(&self, wake: impl FnOnce()) -> Duration {
        let pause = Instant::now();
        while pause.elapsed() < PAUSE {
            spin_loop();
        }
        self.marked_ns.store(0, Ordering::Relaxed);
        let woken_ns = self.now_ns();
        wake();
        loop {
            match self.marked_ns.load(Ordering::Acquire) {
                0 => spin_loop(),
                marked_ns => return Duration::from_nanos(marked_ns.saturating_sub(woken_ns)),
            }
        }
    }
}

/// A thread that does nothing but park and mark.
#[derive(Debug)]
struct BareSleeper {
    thread: JoinHandle<()>,
    stopping: Arc<AtomicBool>,
}

impl BareSleeper {
    fn start(stamp: Arc<Stamp>) -> Self {
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let thread = thread::spawn(move || {
            loop {
                thread::park();
                if stop.load(Ordering::Acquire) {
                    return;
                }
                stamp.mark();
            }
        });
        Self { thread, stopping }
    }

    fn stop(self) {
        self.stopping.store(true, Ordering::Release);
        self.thread.thread().unpark();
        self.thread.join().expect("the sleeper does not panic");
    }
}
