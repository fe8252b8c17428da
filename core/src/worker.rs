//! Worker threads: each takes a batch, handles it, and takes the next, until the batcher is closed.

use crate::clock::NEVER_NS;
use crate::dispatch::{Next, Role};
use crate::engine::Engine;
use crate::handler::BoxedHandler;
use crate::sync::thread::{self, JoinHandle};
use std::io;
use std::sync::Arc;

/// Starts one worker.
pub(crate) fn start<T: Send + 'static, R: Send + 'static>(
    engine: &Arc<Engine<T, R>>,
    index: usize,
    role: Role,
    mut handler: BoxedHandler<T, R>,
) -> io::Result<JoinHandle<()>> {
    let name = format!("{}-{index}", engine.settings.name);
    let engine = engine.clone();
    thread::Builder::new().name(name).spawn(move || {
        sharpen_timer();
        let mut desk = engine.desk();
        while let Next::Batch(batch) = engine.next(&mut desk, role, NEVER_NS) {
            engine.handle(&mut desk, batch, &mut *handler);
        }
    })
}

/// Asks the kernel to wake this thread when it said and not up to 50 us later, which is its habit.
#[cfg(all(target_os = "linux", not(miri)))]
fn sharpen_timer() {
    // SAFETY: this prctl takes one integer, and changes only how the calling thread's timers are rounded.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) };
}

#[cfg(not(all(target_os = "linux", not(miri))))]
fn sharpen_timer() {}
