//! Options of a batcher, chosen by a program: mostly sensible, sometimes nonsense, never such that the program, which
//! has one thread, would wait for itself.

use crate::drive::input::Input;
use batchline_ffi::options::{
    BL_DISPATCH_POLL, BL_NEVER, BL_OVERFLOW_BLOCK, BL_OVERFLOW_BLOCK_FOR, bl_options,
};

const MS: u64 = 1_000_000;

/// Options without functions.
pub(crate) fn choose(input: &mut Input<'_>) -> bl_options {
    let mut options = bl_options {
        record_size: input.pick(&[8, 0, 16, 1, 24, 256, 3]),
        batch_items_max: input.pick(&[10, 1, 3, 64]),
        linger_ns: input.pick(&[MS, BL_NEVER, 0, 10 * MS]),
        dispatch: input.pick(&[0, 2, 1]),
        overflow: input.pick(&[2, 0, 3, 1, 4]),
        overflow_wait_ns: input.short_ns(),
        free_deadline_ns: input.pick(&[30_000 * MS, 0, MS]),
        ..bl_options::default()
    };
    options.queue_items_max = options.batch_items_max * input.pick(&[4, 1, 100]);
    choose_more(input, &mut options);
    if input.rarely(6) {
        spoil(input, &mut options);
    }
    keep_from_waiting(&mut options);
    options
}

fn choose_more(input: &mut Input<'_>, options: &mut bl_options) {
    options.workers = input.pick(&[0, 1, 3]);
    options.demand = input.pick(&[0, 0, 1]);
    options.ordered = input.pick(&[0, 0, 1]);
    options.retry_calls_max = input.pick(&[0, 0, 5, 40]);
    options.keyed = input.pick(&[0, 0, 0, 1]);
    options.key_size = input.pick(&[1, 0]);
    options.dedup = input.pick(&[0, 0, 0, 1, 2]);
    options.dedup_window_ns = input.pick(&[60_000 * MS, MS]);
    options.dedup_keys_max = input.pick(&[0, 5]);
    options.dedup_at_cap = input.pick(&[0, 1]);
    options.tick_ns = input.pick(&[0, 0, 0, MS]);
    if input.rarely(3) {
        options.batch_bytes_max = input.pick(&[1000, 20]);
        options.queue_bytes_max = input.pick(&[0, 1000]);
        options.oversize = input.pick(&[0, 1]);
    }
    // What is refused together more often than not.
    if options.dispatch == BL_DISPATCH_POLL {
        (options.workers, options.retry_calls_max, options.keyed) = (0, 0, 0);
    }
    if options.dispatch == 1 {
        (options.workers, options.demand, options.keyed) = (0, 0, 0);
    }
    if options.demand == 1 {
        (options.tick_ns, options.linger_ns) = (0, bl_options::default().linger_ns);
    }
    if options.keyed == 1 {
        (options.ordered, options.tick_ns) = (0, 0);
    }
}

/// One option becomes nonsense. Sizes that are allowed and would take gigabytes are not tried.
fn spoil(input: &mut Input<'_>, options: &mut bl_options) {
    let value = input.nonsense();
    match input.below(19) {
        0 => options.record_size = value as usize,
        1 => options.batch_items_max = if value <= 1 << 24 { 0 } else { value as usize },
        2 => {
            options.queue_items_max = if value < 1 << 16 { value as usize } else { value as usize | 1 << 41 }
        }
        3 => options.batch_bytes_max = value as usize,
        4 => options.queue_bytes_max = value as usize,
        5 => options.linger_ns = value,
        6 => options.tick_ns = value,
        7 => options.overflow_wait_ns = value,
        8 => options.free_deadline_ns = value,
        9 => options.dispatch = value as u32,
        10 => options.overflow = value as u32,
        11 => options.workers = if value <= 1024 { 1025 } else { value as u32 | 1025 },
        12 => options.retry_calls_max = value as u32,
        13 => (options.key_offset, options.key_size) = (value as usize, input.nonsense() as usize),
        14 => options.in_flight_per_key_max = value as usize,
        15 => options.open_keys_max = value as usize,
        16 => (options.dedup, options.dedup_window_ns) = (1, value),
        17 => (options.dedup, options.dedup_bucket_ns) = (1, value),
        _ => (options.dedup, options.dedup_keys_max) = (1, value as usize),
    }
}

fn keep_from_waiting(options: &mut bl_options) {
    if options.dispatch == BL_DISPATCH_POLL {
        if options.overflow == BL_OVERFLOW_BLOCK {
            options.overflow = BL_OVERFLOW_BLOCK_FOR;
        }
        options.overflow_wait_ns = options.overflow_wait_ns.min(MS);
        options.free_deadline_ns = options.free_deadline_ns.min(MS);
    }
}
