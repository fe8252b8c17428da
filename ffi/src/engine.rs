//! From options to a batcher: chooses the core's types, and passes every option on to its builder, which checks it.

use crate::batch::Code;
use crate::blob::Blob;
use crate::guard::Refusal;
use crate::hooks::{BL_LOG_ERROR, Handler, LogHook};
use crate::item::Item;
use crate::key::{Key, KeyRange};
use crate::keyed::Keyed;
use crate::options::{self, BL_NEVER, Given, bl_options};
use crate::plain::Plain;
use crate::record::{RECORD_BYTES_MAX, Record, stride};
use crate::surface::{Reply, Surface};
use batchline::dedup::{AtCap, Window};
use batchline::{Batch, Batcher, Builder, Dispatch, FailureReport, Overflow, Oversize, Retry};
use std::ffi::CStr;
use std::sync::Arc;
use std::time::Duration;

/// The batcher that the options describe.
pub(crate) fn build(mut given: Given, on_log: Option<Arc<LogHook>>) -> Result<Box<dyn Surface>, Refusal> {
    let options = given.options;
    if options.record_size > RECORD_BYTES_MAX {
        return Err(out_of_range("record_size", options.record_size, "0 (byte strings) to 256"));
    }
    let handler = handler_of(&mut given)?;
    match stride(options.record_size) {
        _ if options.record_size == 0 => build_of::<Blob>(given, handler, on_log),
        8 => build_of::<Record<8>>(given, handler, on_log),
        16 => build_of::<Record<16>>(given, handler, on_log),
        32 => build_of::<Record<32>>(given, handler, on_log),
        64 => build_of::<Record<64>>(given, handler, on_log),
        128 => build_of::<Record<128>>(given, handler, on_log),
        _ => build_of::<Record<256>>(given, handler, on_log),
    }
}

pub(crate) fn out_of_range(field: &str, value: impl std::fmt::Display, allowed: &str) -> Refusal {
    Refusal::invalid(format!("{field} is {value}; allowed: {allowed}"))
}

/// The handler, which must be there unless batches are polled.
fn handler_of(given: &mut Given) -> Result<Option<Handler>, Refusal> {
    match (given.handler.take(), given.options.dispatch) {
        (None, options::BL_DISPATCH_POLL) => Ok(None),
        (Some(_), options::BL_DISPATCH_POLL) => {
            Err(Refusal::invalid("handler: there must be none with BL_DISPATCH_POLL"))
        }
        (None, _) => Err(Refusal::invalid("handler: there must be one, except with BL_DISPATCH_POLL")),
        (handler, _) => Ok(handler),
    }
}

fn build_of<T: Item>(
    given: Given,
    handler: Option<Handler>,
    on_log: Option<Arc<LogHook>>,
) -> Result<Box<dyn Surface>, Refusal> {
    let options = given.options;
    let builder = with_hooks(builder_of::<T>(&options)?, given, on_log);
    let builder = with_window(builder, &options)?;
    match (switch("keyed", options.keyed)?, handler) {
        (false, Some(handler)) => plain(builder, &options, handler),
        (false, None) => {
            let batcher = builder.build_poll()?;
            Ok(Box::new(Plain { batcher, record_size: options.record_size, is_polled: true }))
        }
        (true, Some(handler)) => keyed(builder, &options, handler),
        (true, None) => Err(Refusal::invalid("keyed: not with BL_DISPATCH_POLL")),
    }
}

fn plain<T: Item>(
    builder: Builder<T, Reply>,
    options: &bl_options,
    handler: Handler,
) -> Result<Box<dyn Surface>, Refusal> {
    let dispatch = match options.dispatch {
        options::BL_DISPATCH_THREAD => Dispatch::Thread,
        options::BL_DISPATCH_CALLER => Dispatch::Caller,
        other => return Err(out_of_range("dispatch", other, "BL_DISPATCH_THREAD, _CALLER or _POLL")),
    };
    let handle =
        move |batch: &mut Batch<T, Reply>| -> Result<(), Code> { handler.handle(std::ptr::null(), batch) };
    let batcher = builder.dispatch(dispatch).build(handle)?;
    Ok(Box::new(Plain { batcher, record_size: options.record_size, is_polled: false }))
}

fn keyed<T: Item>(
    builder: Builder<T, Reply>,
    options: &bl_options,
    handler: Handler,
) -> Result<Box<dyn Surface>, Refusal> {
    if options.dispatch != options::BL_DISPATCH_THREAD {
        return Err(out_of_range("dispatch", options.dispatch, "BL_DISPATCH_THREAD, with keyed"));
    }
    let range = key_range(options)?;
    let mut builder = builder.keyed::<Key>();
    if options.in_flight_per_key_max > 0 {
        builder = builder.in_flight_per_key_max(options.in_flight_per_key_max);
    }
    if options.open_keys_max > 0 {
        builder = builder.open_keys_max(options.open_keys_max);
    }
    let handle =
        move |key: &Key, batch: &mut Batch<T, Reply>| -> Result<(), Code> { handler.handle(key, batch) };
    Ok(Box::new(Keyed { batcher: builder.build(handle)?, record_size: options.record_size, range }))
}

/// The core's builder with all that is a plain value.
fn builder_of<T: Item>(options: &bl_options) -> Result<Builder<T, Reply>, Refusal> {
    let mut builder = Batcher::<T>::builder()
        .replies_or_default::<Reply>()
        .batch_items_max(options.batch_items_max)
        .oversize(oversize(options.oversize)?)
        .overflow(overflow(options)?)
        .demand(switch("demand", options.demand)?)
        .ordered(switch("ordered", options.ordered)?)
        .drop_deadline(Duration::from_nanos(options.free_deadline_ns));
    if !options.name.is_null() {
        // SAFETY: the caller gave a text that ends with NUL.
        let name = unsafe { CStr::from_ptr(options.name) };
        builder = builder.name(&*name.to_string_lossy());
    }
    if options.queue_items_max > 0 {
        builder = builder.queue_items_max(options.queue_items_max);
    }
    if options.workers > 0 {
        builder = builder.workers(options.workers as usize);
    }
    if options.retry_calls_max > 0 {
        builder = builder.retry(Retry::bisect(options.retry_calls_max));
    }
    Ok(with_bytes(with_times(builder, options), options))
}

fn with_times<T: Item>(mut builder: Builder<T, Reply>, options: &bl_options) -> Builder<T, Reply> {
    if options.tick_ns > 0 {
        builder = builder.tick(Duration::from_nanos(options.tick_ns));
    }
    match options.linger_ns {
        BL_NEVER => builder.no_linger(),
        // The core refuses a linger beside these: they decide when a batch is sealed. The default is not a choice.
        linger_ns if linger_ns == bl_options::default().linger_ns => builder,
        linger_ns => builder.linger(Duration::from_nanos(linger_ns)),
    }
}

fn with_bytes<T: Item>(mut builder: Builder<T, Reply>, options: &bl_options) -> Builder<T, Reply> {
    if options.batch_bytes_max == 0 && options.queue_bytes_max == 0 {
        return builder;
    }
    let record_size = options.record_size;
    builder = builder.weigher(move |item: &T| if record_size > 0 { record_size } else { item.bytes().len() });
    if options.batch_bytes_max > 0 {
        builder = builder.batch_bytes_max(options.batch_bytes_max);
    }
    if options.queue_bytes_max > 0 {
        builder = builder.queue_bytes_max(options.queue_bytes_max);
    }
    builder
}

fn with_hooks<T: Item>(
    builder: Builder<T, Reply>,
    given: Given,
    on_log: Option<Arc<LogHook>>,
) -> Builder<T, Reply> {
    match (given.on_failure, on_log) {
        (Some(hook), _) => builder.on_failure(move |report: &FailureReport| hook.report(report)),
        (None, Some(log)) => {
            builder.on_failure(move |report: &FailureReport| log.log(BL_LOG_ERROR, report.to_string()))
        }
        (None, None) => builder,
    }
}

fn with_window<T: Item>(
    builder: Builder<T, Reply>,
    options: &bl_options,
) -> Result<Builder<T, Reply>, Refusal> {
    let at_cap = at_cap("dedup_at_cap", options.dedup_at_cap)?;
    let range = key_range(options)?;
    let mut window = Window::new(Duration::from_nanos(options.dedup_window_ns)).at_cap(at_cap);
    if options.dedup_bucket_ns > 0 {
        window = window.bucket(Duration::from_nanos(options.dedup_bucket_ns));
    }
    if options.dedup_keys_max > 0 {
        window = window.keys_max(options.dedup_keys_max);
    }
    match options.dedup {
        options::BL_DEDUP_NONE => Ok(builder),
        options::BL_DEDUP_REFUSE => Ok(builder.dedup(window, move |item: &T| range.of(item.bytes()))),
        options::BL_DEDUP_JOIN => Ok(builder.dedup_join(window, move |item: &T| range.of(item.bytes()))),
        other => Err(out_of_range("dedup", other, "BL_DEDUP_NONE, _REFUSE or _JOIN")),
    }
}

pub(crate) fn at_cap(field: &str, value: u32) -> Result<AtCap, Refusal> {
    match value {
        options::BL_AT_CAP_REFUSE => Ok(AtCap::Refuse),
        options::BL_AT_CAP_FORGET_OLDEST => Ok(AtCap::ForgetOldest),
        other => Err(out_of_range(field, other, "BL_AT_CAP_REFUSE or _FORGET_OLDEST")),
    }
}

/// Which bytes are the key. Of a record, the slot's spare bytes are not among them.
fn key_range(options: &bl_options) -> Result<KeyRange, Refusal> {
    let (offset, size, record_size) = (options.key_offset, options.key_size, options.record_size);
    if record_size == 0 {
        return Ok(KeyRange { offset, size });
    }
    let end = if size == 0 { Some(record_size) } else { offset.checked_add(size) };
    match end {
        Some(end) if offset < end && end <= record_size => Ok(KeyRange { offset, size: end - offset }),
        _ => Err(Refusal::invalid(format!(
            "key_offset {offset} and key_size {size} reach beyond the record_size of {record_size}"
        ))),
    }
}

fn switch(field: &str, value: u32) -> Result<bool, Refusal> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(out_of_range(field, other, "0 or 1")),
    }
}

fn oversize(value: u32) -> Result<Oversize, Refusal> {
    match value {
        options::BL_OVERSIZE_REFUSE => Ok(Oversize::Refuse),
        options::BL_OVERSIZE_ALONE => Ok(Oversize::Alone),
        other => Err(out_of_range("oversize", other, "BL_OVERSIZE_REFUSE or _ALONE")),
    }
}

fn overflow(options: &bl_options) -> Result<Overflow, Refusal> {
    Ok(match options.overflow {
        options::BL_OVERFLOW_BLOCK => Overflow::Block,
        options::BL_OVERFLOW_BLOCK_FOR => Overflow::BlockFor(Duration::from_nanos(options.overflow_wait_ns)),
        options::BL_OVERFLOW_FAIL => Overflow::Fail,
        options::BL_OVERFLOW_DROP_NEWEST => Overflow::DropNewest,
        options::BL_OVERFLOW_RUN_IN_CALLER => Overflow::RunInCaller,
        other => return Err(out_of_range("overflow", other, "a BL_OVERFLOW_ number, 0 to 4")),
    })
}
