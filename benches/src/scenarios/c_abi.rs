//! Group `c-abi`: what a put costs a program in C, beside the same put in Rust.
//!
//! One thread puts flat out into batches of 1000; a handler sums them; the clock stops when the close has handled all.
//! The calls of C are made by pointers that the optimizer cannot see through, as a shared library's are: nothing of
//! them is inlined. The handler is a function of C's kind, too, and reads the batch by its view.

use std::{ffi::c_void, hint::black_box, ptr, sync::Arc, time::Instant};

use batchline::{Batch, Batcher, Deadline};
use batchline_ffi::{
    batch::{bl_batch, bl_batch_get_view, bl_batch_view},
    batcher::{bl_batcher, bl_batcher_free, bl_batcher_new, bl_close},
    options::{BL_NEVER, bl_options},
    put::{bl_put, bl_put_many},
    status::BL_OK,
};

use crate::{
    counting_alloc::uncounted,
    interleave::{Contender, Role, Run, Sampling},
    load::{BATCH_ITEMS_MAX, Load, QUEUE_ITEMS_MAX, Shape},
    scenarios::put::SAMPLE_EVERY,
    sink::Sink,
};

/// The group of these scenarios.
pub const GROUP: &str = "c-abi";
/// By size of the item.
pub const SCENARIOS: [&str; 2] = ["items-of-8-bytes", "items-of-64-bytes"];
/// `Batcher::put`.
pub const RUST: &str = "rust-put";
/// `bl_put` of a record.
pub const PUT: &str = "bl_put";
/// `bl_put` of a byte string.
pub const PUT_STRING: &str = "bl_put-strings";
/// `bl_put_many` of 64 records.
pub const PUT_MANY: &str = "bl_put_many-64";

const SHAPE: Shape = Shape::batches_of(BATCH_ITEMS_MAX);
const CHUNK_ITEMS: usize = 64;

type Item<const WORDS: usize> = [u64; WORDS];
type PutCall = unsafe extern "C" fn(*const bl_batcher, *const c_void, usize) -> i32;
type PutManyCall = unsafe extern "C" fn(*const bl_batcher, *const c_void, usize, *mut usize) -> i32;

/// Everybody, in this scenario.
pub fn contenders(scenario: &str) -> Vec<Contender> {
    if scenario == SCENARIOS[0] { contenders_of::<1>() } else { contenders_of::<8>() }
}

fn contenders_of<const WORDS: usize>() -> Vec<Contender> {
    let contender = |role, name: &str, drive: fn(u64, Sampling) -> Run| Contender {
        role,
        name: name.to_owned(),
        producers: 1,
        batch_items_max: SHAPE.batch_items_max,
        run: Box::new(drive),
    };
    vec![
        contender(Role::Rival, RUST, drive_rust::<WORDS>),
        contender(Role::Ours, PUT, |items, sampling| {
            drive_c::<WORDS>(items, sampling, Calls::of_records(WORDS))
        }),
        contender(Role::Ours, PUT_STRING, |items, sampling| {
            drive_c::<WORDS>(items, sampling, Calls::of_strings())
        }),
        contender(Role::Ours, PUT_MANY, drive_many::<WORDS>),
    ]
}

fn drive_rust<const WORDS: usize>(items: u64, sampling: Sampling) -> Run {
    let sink = Arc::new(Sink::new(SHAPE));
    let handled = Arc::clone(&sink);
    let batcher = uncounted(|| {
        let builder = Batcher::<Item<WORDS>>::builder()
            .batch_items_max(SHAPE.batch_items_max)
            .queue_items_max(SHAPE.queue_items_max)
            .linger(SHAPE.linger);
        builder.build(move |batch: &mut Batch<Item<WORDS>>| {
            handled.handle_sum(batch.len(), batch.iter().fold(0, |sum: u64, item| sum.wrapping_add(item[0])));
        })
    });
    let batcher = batcher.expect("the settings are sound");
    let put = |item| assert!(batcher.put([item; WORDS]).is_ok(), "the batcher is open");
    let finish = || assert!(batcher.close(Deadline::never()).is_balanced(), "the receipt adds up");
    run(items, sampling, &sink, put, finish)
}

/// Puts, finishes and verifies.
fn run(items: u64, sampling: Sampling, sink: &Sink, mut put: impl FnMut(u64), finish: impl FnOnce()) -> Run {
    let (load, mut samples_ns) = (Load { producers: 1, items }, Vec::new());
    let started = Instant::now();
    match sampling {
        Sampling::Off => (0..items).for_each(&mut put),
        Sampling::On => {
            for item in 0..items {
                let before = (item % SAMPLE_EVERY == 0).then(Instant::now);
                put(item);
                samples_ns.extend(before.map(|before| before.elapsed().as_nanos() as u64));
            }
        }
    }
    finish();
    let elapsed = started.elapsed();
    Run { elapsed, items, batches: Some(sink.verify(load)), samples_ns, ..Run::default() }
}

/// A batcher of C's, closed and freed when it is dropped.
struct Handle(*mut bl_batcher);

/// What a contender of C calls, and what its items are.
#[derive(Clone, Copy)]
struct Calls {
    record_size: usize,
    is_string: bool,
}

impl Calls {
    fn of_records(words: usize) -> Self {
        Self { record_size: words * size_of::<u64>(), is_string: false }
    }

    fn of_strings() -> Self {
        Self { record_size: 0, is_string: true }
    }
}

/// The handler of C: `user_data` is the sink.
unsafe extern "C" fn handle(user_data: *mut c_void, batch: *mut bl_batch) -> i32 {
    // SAFETY: a view of zeros is a view.
    let mut view: bl_batch_view = unsafe { std::mem::zeroed() };
    // SAFETY: the batch is good while the handler runs.
    assert_eq!(unsafe { bl_batch_get_view(batch, &raw mut view) }, BL_OK);
    let first = view.items.cast::<u8>();
    // SAFETY: `len` items of at least a word lie `stride` bytes apart; of a byte string, the first word is its address.
    let word = |index: usize| unsafe { first.add(index * view.stride).cast::<u64>().read() };
    let is_string = view.stride == 2 * size_of::<usize>();
    // SAFETY: each byte string here begins with a word.
    let begin = |string: u64| unsafe { (string as *const u64).read() };
    let number = |index| if is_string { begin(word(index)) } else { word(index) };
    // SAFETY: the sink outlives the batcher.
    let sink = unsafe { &*user_data.cast::<Sink>() };
    sink.handle_sum(view.len, (0..view.len).map(number).fold(0, u64::wrapping_add));
    BL_OK
}

impl Handle {
    fn open(sink: &Sink, record_size: usize) -> Self {
        let mut options = bl_options {
            record_size,
            batch_items_max: SHAPE.batch_items_max,
            queue_items_max: QUEUE_ITEMS_MAX,
            linger_ns: SHAPE.linger.as_nanos() as u64,
            ..bl_options::default()
        };
        options.handler.call = Some(handle);
        options.handler.user_data = ptr::from_ref(sink).cast_mut().cast();
        let mut batcher = ptr::null_mut();
        // SAFETY: the options are whole, and the handler fits them.
        assert_eq!(unsafe { bl_batcher_new(&raw const options, &raw mut batcher) }, BL_OK);
        Self(batcher)
    }

    fn close(&self) {
        // SAFETY: the batcher is not freed yet.
        assert_eq!(unsafe { bl_close(self.0, BL_NEVER, ptr::null_mut()) }, BL_OK);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: nobody uses it any more.
        unsafe { bl_batcher_free(self.0) };
    }
}

fn drive_c<const WORDS: usize>(items: u64, sampling: Sampling, calls: Calls) -> Run {
    let sink = Sink::new(SHAPE);
    let handle = uncounted(|| Handle::open(&sink, calls.record_size));
    let put: PutCall = black_box(bl_put);
    let size = if calls.is_string { WORDS * size_of::<u64>() } else { calls.record_size };
    let put_one = |item| {
        let item: Item<WORDS> = [item; WORDS];
        // SAFETY: the batcher is not freed yet, and the item has as many bytes.
        assert_eq!(unsafe { put(handle.0, ptr::from_ref(&item).cast(), size) }, BL_OK);
    };
    run(items, sampling, &sink, put_one, || handle.close())
}

/// One call is one operation, of 64 items, which are written into an array first.
fn drive_many<const WORDS: usize>(items: u64, sampling: Sampling) -> Run {
    let sink = Sink::new(SHAPE);
    let handle = uncounted(|| Handle::open(&sink, WORDS * size_of::<u64>()));
    let put_many: PutManyCall = black_box(bl_put_many);
    let (mut chunk, mut samples_ns) = ([[0; WORDS]; CHUNK_ITEMS], Vec::new());
    let started = Instant::now();
    for from in (0..items).step_by(CHUNK_ITEMS) {
        let len = (items - from).min(CHUNK_ITEMS as u64) as usize;
        (from..).zip(&mut chunk[..len]).for_each(|(item, record)| *record = [item; WORDS]);
        let before = (sampling == Sampling::On && from % SAMPLE_EVERY == 0).then(Instant::now);
        // SAFETY: the batcher is not freed yet, and so many records were filled.
        assert_eq!(unsafe { put_many(handle.0, chunk.as_ptr().cast(), len, ptr::null_mut()) }, BL_OK);
        samples_ns.extend(before.map(|before| before.elapsed().as_nanos() as u64));
    }
    handle.close();
    let elapsed = started.elapsed();
    let batches = Some(sink.verify(Load { producers: 1, items }));
    Run { elapsed, items, batches, samples_ns, ..Run::default() }
}
