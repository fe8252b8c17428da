//! The life of one batcher, from its options to its end.

use crate::drive::choices;
use crate::drive::input::Input;
use crate::drive::out::Out;
use crate::drive::puts::Room;
use crate::drive::seen::{self, Fate, Seen, is_refusal, nothing};
use crate::drive::wrong;
use batchline_ffi::batch::{bl_batch, bl_bytes};
use batchline_ffi::batcher::{
    bl_batcher, bl_batcher_free, bl_batcher_new, bl_close, bl_flush, bl_set_linger, bl_set_tick,
};
use batchline_ffi::hooks::{bl_failure_hook, bl_handler, bl_log_hook};
use batchline_ffi::options::{
    BL_DEDUP_JOIN, BL_DISPATCH_POLL, BL_NEVER, BL_OVERFLOW_DROP_NEWEST, bl_options,
};
use batchline_ffi::poll::{bl_batch_done, bl_next_batch, bl_poll_fd};
use batchline_ffi::receipt::{
    bl_receipt, bl_receipt_counts, bl_receipt_free, bl_receipt_get_counts, bl_receipt_next,
};
use batchline_ffi::stats::{bl_get_stats, bl_stats};
use batchline_ffi::status::{BL_CLOSED, BL_END, BL_INVALID, BL_OK, BL_PANIC, BL_TIMED_OUT};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

pub(crate) struct Life {
    pub(crate) batcher: *mut bl_batcher,
    pub(crate) seen: Arc<Seen>,
    pub(crate) rooms: Vec<Room>,
    pub(crate) outs: Vec<Out>,
    /// Whether every accepted item was counted here.
    pub(crate) is_counted: bool,
    pub(crate) joins: bool,
    /// Whether a full queue drops new items, and counts them as put.
    pub(crate) drops: bool,
    is_polled: bool,
    batches: Vec<(*mut bl_batch, Vec<usize>)>,
    receipts: Vec<*mut bl_receipt>,
    frees_due: usize,
}

/// Options with all user data, as `Seen` counts its frees.
fn with_user_data(mut options: bl_options, seen: &Arc<Seen>, input: &mut Input<'_>) -> bl_options {
    let handle =
        (options.dispatch != BL_DISPATCH_POLL).then_some(seen::handle as unsafe extern "C" fn(_, _) -> _);
    let log = input.rarely(2).then_some(seen::log as unsafe extern "C" fn(_, _, _));
    options.handler = bl_handler { call: handle, user_data: seen.lend(), free_user_data: Some(seen::free) };
    options.on_failure =
        bl_failure_hook { call: Some(seen::fail), user_data: seen.lend(), free_user_data: Some(seen::free) };
    options.on_log = bl_log_hook { call: log, user_data: seen.lend(), free_user_data: Some(seen::free) };
    options
}

impl Life {
    /// Makes a batcher; none if the options were refused.
    pub(crate) fn begin(input: &mut Input<'_>) -> Option<Self> {
        let options = choices::choose(input);
        let seen = Arc::new(Seen {
            behaviour: input.byte(),
            record_size: options.record_size,
            batch_items_max: options.batch_items_max,
            ..Seen::default()
        });
        let options = with_user_data(options, &seen, input);
        let mut batcher = ptr::null_mut();
        let out = if input.rarely(32) { nothing() } else { &raw mut batcher };
        // SAFETY: the options are whole, and their functions fit.
        let status = unsafe { bl_batcher_new(&raw const options, out) };
        if status != BL_OK {
            assert!(is_refusal(status), "a batcher was refused with {status}");
            assert_eq!(seen.frees.load(SeqCst), 3, "user data of a batcher that was not made");
            return None;
        }
        seen.batcher.store(batcher, SeqCst);
        let life = Self {
            batcher,
            seen,
            rooms: Vec::new(),
            outs: Vec::new(),
            is_counted: true,
            joins: options.dedup == BL_DEDUP_JOIN,
            drops: options.overflow == BL_OVERFLOW_DROP_NEWEST,
            is_polled: options.dispatch == BL_DISPATCH_POLL,
            batches: Vec::new(),
            receipts: Vec::new(),
            frees_due: 3,
        };
        Some(life)
    }

    pub(crate) fn run(mut self, input: &mut Input<'_>) {
        while !input.is_over() {
            if !self.step(input) {
                break;
            }
        }
        self.end(input);
    }

    /// One call or a few; false at the end of this life.
    fn step(&mut self, input: &mut Input<'_>) -> bool {
        match input.below(32) {
            0..=7 => self.put_one(input),
            8..=9 => self.put_many(input),
            10 => self.reserve(input),
            11..=12 => self.commit(input),
            13..=15 => self.submit(input),
            16 => self.cancel(input),
            17 => self.wait_for_one(input),
            18..=20 => self.take_batch(input),
            21..=22 => self.settle_batch(input),
            23 => self.flush(input),
            24 => self.change_times(input),
            25 => self.read_stats(input),
            26 => self.go_wrong(input),
            27 => wrong::without_handles(),
            28 => wrong::read_last_error(input),
            29 => self.put_in_threads(input),
            30 => self.watch(),
            _ => return self.close_or_end(input),
        }
        true
    }

    fn wait_for_one(&mut self, input: &mut Input<'_>) {
        if !self.outs.is_empty() {
            let at = usize::from(input.byte()) % self.outs.len();
            self.outs[at].wait(input.short_ns());
        }
    }

    fn take_batch(&mut self, input: &mut Input<'_>) {
        let mut batch = ptr::null_mut();
        // SAFETY: the batcher is not freed.
        let status = unsafe { bl_next_batch(self.batcher, input.short_ns(), &raw mut batch) };
        if status == BL_OK {
            let good = seen::settle(&self.seen, batch, input.byte());
            self.batches.push((batch, good));
        } else if self.is_polled {
            assert!(status == BL_TIMED_OUT || status == BL_CLOSED, "no batch: {status}");
        } else {
            assert!(is_refusal(status), "a batcher with a handler was polled: {status}");
        }
    }

    fn settle_batch(&mut self, input: &mut Input<'_>) {
        if self.batches.is_empty() {
            return;
        }
        let at = usize::from(input.byte()) % self.batches.len();
        let (batch, good) = self.batches.swap_remove(at);
        let code = input.pick(&[0, 0, 5]);
        if code == 0 {
            seen::note_done(&self.seen, batch, &good);
        }
        // SAFETY: it was polled and is done here.
        assert_eq!(unsafe { bl_batch_done(batch, code) }, BL_OK);
    }

    fn flush(&mut self, input: &mut Input<'_>) {
        let timeout_ns = if self.is_polled || input.rarely(2) { input.short_ns() } else { BL_NEVER };
        // SAFETY: the batcher is not freed.
        let status = unsafe { bl_flush(self.batcher, timeout_ns) };
        assert!([BL_OK, BL_TIMED_OUT, BL_CLOSED].contains(&status), "a flush returned {status}");
        assert!(timeout_ns != BL_NEVER || status != BL_TIMED_OUT);
    }

    fn change_times(&mut self, input: &mut Input<'_>) {
        let time_ns = if input.rarely(4) { input.nonsense() } else { input.short_ns() };
        // SAFETY: the batcher is not freed.
        let status = unsafe {
            if input.byte().is_multiple_of(2) {
                bl_set_linger(self.batcher, time_ns)
            } else {
                bl_set_tick(self.batcher, time_ns)
            }
        };
        assert!(status == BL_OK || is_refusal(status), "a time was refused with {status}");
    }

    fn watch(&mut self) {
        let mut fd = -1;
        // SAFETY: the batcher is not freed.
        let status = unsafe { bl_poll_fd(self.batcher, &raw mut fd) };
        assert_eq!(status == BL_OK, self.is_polled && fd >= 0);
    }

    /// A close; once in a while that is all of this life.
    fn close_or_end(&mut self, input: &mut Input<'_>) -> bool {
        let has_receipt = !input.rarely(4);
        self.close(if self.is_polled { input.short_ns() } else { BL_NEVER }, has_receipt);
        !input.rarely(2)
    }

    fn close(&mut self, timeout_ns: u64, has_receipt: bool) {
        let mut receipt = ptr::null_mut();
        let out = if has_receipt { &raw mut receipt } else { nothing() };
        // SAFETY: the batcher is not freed.
        assert_eq!(unsafe { bl_close(self.batcher, timeout_ns, out) }, BL_OK);
        if has_receipt {
            self.read_receipt(receipt);
            self.receipts.push(receipt);
        }
    }

    fn read_receipt(&self, receipt: *mut bl_receipt) {
        let mut counts = MaybeUninit::<bl_receipt_counts>::uninit();
        // SAFETY: the receipt is not freed.
        assert_eq!(unsafe { bl_receipt_get_counts(receipt, counts.as_mut_ptr()) }, BL_OK);
        // SAFETY: they were written.
        let c = unsafe { counts.assume_init() };
        let ended = c.done + c.failed + c.cancelled + c.expired + c.handed_back + c.still_running;
        assert_eq!(c.accepted, ended, "{c:?}");
        let mut item = MaybeUninit::<bl_bytes>::uninit();
        let mut items = 0;
        // SAFETY: as above.
        while unsafe { bl_receipt_next(receipt, item.as_mut_ptr()) } == BL_OK {
            // SAFETY: it was written, and what it points to lives as long as the receipt.
            let bytes = unsafe {
                let item = item.assume_init();
                std::slice::from_raw_parts(item.data.cast::<u8>(), item.size)
            };
            self.seen.note(bytes, |fate| fate.handed_back += 1);
            items += 1;
        }
        // SAFETY: as above.
        assert_eq!(unsafe { bl_receipt_next(receipt, item.as_mut_ptr()) }, BL_END);
        assert!(items <= c.handed_back);
    }

    fn end(mut self, input: &mut Input<'_>) {
        // A handler that calls the batcher may not do so while it is freed.
        let must_close = self.seen.behaviour & 2 != 0;
        if must_close || !input.rarely(3) {
            self.close(if self.is_polled { 0 } else { BL_NEVER }, true);
            while !self.batches.is_empty() {
                self.settle_batch(input);
            }
            self.check_ledger();
        }
        while !self.batches.is_empty() {
            self.settle_batch(input);
        }
        self.discard_all();
        self.seen.batcher.store(nothing(), SeqCst);
        // SAFETY: nobody uses it any more: handlers that would have ended, and polled batches are done.
        unsafe { bl_batcher_free(self.batcher) };
        self.outs.iter_mut().for_each(Out::must_end);
        self.check_frees();
        self.check_fates();
        // SAFETY: each is freed here, after its batcher.
        self.receipts.drain(..).for_each(|receipt| unsafe { bl_receipt_free(receipt) });
    }

    fn check_ledger(&self) {
        let mut stats = bl_stats { struct_size: size_of::<bl_stats>(), ..bl_stats::default() };
        // SAFETY: the batcher is not freed.
        let status = unsafe { bl_get_stats(self.batcher, &raw mut stats) };
        assert!(status == BL_OK && status != BL_PANIC && status != BL_INVALID);
        let ended = stats.done + stats.failed + stats.cancelled + stats.expired + stats.handed_back;
        assert_eq!(stats.accepted, ended + stats.live, "{stats:?}");
        assert_eq!((stats.live, stats.queued, stats.in_hand, stats.bytes_live), (0, 0, 0, 0), "{stats:?}");
        assert_eq!(stats.done, self.seen.done.load(SeqCst), "what was done: {stats:?}");
        if self.is_counted {
            let taken = stats.accepted + stats.dropped + stats.joined;
            assert_eq!(taken, self.seen.put.load(SeqCst), "what was put: {stats:?}");
        }
    }

    fn check_frees(&self) {
        let begin = Instant::now();
        while self.seen.frees.load(SeqCst) < self.frees_due || Arc::strong_count(&self.seen) > 1 {
            assert!(begin.elapsed() < Duration::from_secs(20), "user data was not freed");
            std::thread::sleep(Duration::from_micros(50));
        }
        assert_eq!(self.seen.frees.load(SeqCst), self.frees_due, "user data was freed too often");
    }

    fn check_fates(&self) {
        let is_right = |fate: &Fate| {
            let ends = fate.done + fate.handed_back;
            ends <= 1 && (ends + fate.seen == 0 || !fate.is_refused && !fate.is_cancelled)
        };
        let fates = self.seen.fates.lock().unwrap();
        let wrong: Vec<_> = fates.iter().filter(|(_, fate)| !is_right(fate)).collect();
        assert!(wrong.is_empty(), "{wrong:x?}");
    }
}
