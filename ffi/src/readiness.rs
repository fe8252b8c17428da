//! A descriptor that is readable while a batch may be ready.
//!
//! ```text
//! watching   no byte in the socket; the thread waits in the core for a batch
//! ready      one byte in the socket; the thread waits for a poller that finds nothing
//! ended      one byte in the socket, for good: the batcher is closed
//! ```
//!
//! The thread takes no batch. It sees that one may be there and writes a byte; pollers take batches until one finds
//! none, which takes the byte out and lets the thread watch again. A batch that comes in between is seen by the
//! thread's next look.

use crate::batcher::FOR_EVER;
use crate::guard::Refusal;
use crate::status::BL_SYSTEM;
use crate::surface::Surface;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Watching,
    Ready,
    Ended,
}

struct Shared {
    phase: Mutex<Phase>,
    changed: Condvar,
    /// The end that pollers wait for, and read from.
    readable: UnixStream,
    written: UnixStream,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the byte, unless it is there.
    fn make_readable(&self, phase: &mut Phase, next: Phase) {
        if *phase == Phase::Watching {
            // A socket that holds nothing has room for a byte.
            let _ = (&self.written).write(&[1]);
        }
        *phase = next;
    }

    /// Waits for a poller that finds nothing; false at the end.
    fn wait_for_watch(&self) -> bool {
        let phase = self.changed.wait_while(self.lock(), |phase| *phase == Phase::Ready);
        *phase.unwrap_or_else(PoisonError::into_inner) == Phase::Watching
    }
}

pub(crate) struct Readiness {
    shared: Arc<Shared>,
    surface: Arc<dyn Surface>,
    thread: Option<JoinHandle<()>>,
}

impl Readiness {
    pub(crate) fn start(surface: Arc<dyn Surface>) -> Result<Self, Refusal> {
        let (readable, written) = UnixStream::pair().map_err(system)?;
        readable.set_nonblocking(true).map_err(system)?;
        written.set_nonblocking(true).map_err(system)?;
        let shared = Arc::new(Shared {
            phase: Mutex::new(Phase::Watching),
            changed: Condvar::new(),
            readable,
            written,
        });
        let (watched, of) = (shared.clone(), surface.clone());
        let thread =
            std::thread::Builder::new().name("batchline-watch".into()).spawn(move || watch(&watched, &*of));
        Ok(Self { shared, surface, thread: Some(thread.map_err(system)?) })
    }

    pub(crate) fn descriptor(&self) -> i32 {
        self.shared.readable.as_raw_fd()
    }

    /// A poller has found nothing.
    pub(crate) fn watch_again(&self) {
        let mut phase = self.shared.lock();
        if *phase == Phase::Ready {
            let _ = (&self.shared.readable).read(&mut [0]);
            *phase = Phase::Watching;
            self.shared.changed.notify_all();
        }
    }
}

fn system(error: std::io::Error) -> Refusal {
    Refusal::new(BL_SYSTEM, error.to_string())
}

fn watch(shared: &Shared, surface: &dyn Surface) {
    while shared.wait_for_watch() {
        if !surface.wait_for_batch(FOR_EVER) {
            continue;
        }
        let mut phase = shared.lock();
        let is_over = *phase == Phase::Ended || surface.is_over();
        shared.make_readable(&mut phase, if is_over { Phase::Ended } else { Phase::Ready });
    }
}

impl Drop for Readiness {
    fn drop(&mut self) {
        *self.shared.lock() = Phase::Ended;
        self.shared.changed.notify_all();
        let Some(thread) = self.thread.take() else { return };
        // The thread may be about to wait in the core, where a wake-up is not kept for it.
        while !thread.is_finished() {
            self.surface.wake_pollers();
            std::thread::sleep(Duration::from_micros(100));
        }
        let _ = thread.join();
    }
}
