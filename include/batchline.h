/*
 * batchline.h: many small operations become few large ones.
 *
 *     struct bl_options options;
 *     bl_options_init(&options, sizeof options);
 *     options.record_size = sizeof(struct event);
 *     options.handler.call = store;                 // int32_t store(void *user_data, struct bl_batch *batch)
 *     struct bl_batcher *batcher;
 *     if (bl_batcher_new(&options, &batcher) != BL_OK) { ... bl_last_error(text, sizeof text) ... }
 *     bl_put(batcher, &event, sizeof event);        // from any thread
 *     bl_flush(batcher, BL_NEVER);                  // everything put before has its outcome
 *     bl_batcher_free(batcher);
 *
 * STATUS. A call returns BL_OK (0) or the number of a reason. bl_status_string names it; bl_last_error has the details
 * of the last call on this thread that did not return BL_OK. Out-parameters come last and are written only on BL_OK,
 * except where a call says otherwise.
 *
 * OWNERSHIP. What a call makes for you, you free: bl_batcher_free, bl_receipt_free, bl_batch_done for a polled batch,
 * bl_commit or bl_discard for reserved room. Items are copied in: your memory is yours again when the call returns.
 * Room that is reserved for a record is its slot in the batch: nothing is copied while nothing else is put in between.
 * User data in options belongs to the batcher from the call of bl_batcher_new on, also when that fails; its free
 * function is called exactly once, when nothing can call back any more. The one exception: a struct_size that no
 * version of this header has, when nothing of the options is read. A request belongs to you, but you do not touch it
 * while it is out.
 *
 * POINTERS. What you see of a batch lives as long as the batch: until the handler returns, or until bl_batch_done. What
 * you see of a receipt lives until bl_receipt_free. The report of a failure hook and the message of a log hook live
 * until the hook returns. Static texts live for ever.
 *
 * THREADS. Every call on a batcher may be made on any thread at any time, except bl_batcher_free: that is the last one,
 * and nobody uses the batcher during it or afterwards (a handler or callback that does is a reason to bl_close first). A batch, a receipt and a request without a callback are used by
 * one thread at a time; which one may change.
 *
 * CALLBACKS. The handler runs on worker threads, with BL_DISPATCH_CALLER and BL_OVERFLOW_RUN_IN_CALLER also on threads
 * that put, flush or close; on several at once if there are several. Hooks run where a batch ends. The callback of a
 * request runs where its batch ends, or inside bl_submit or bl_request_cancel. Callbacks must return: no longjmp, no
 * C++ exception may leave them (the process is aborted then).
 * Inside a handler of the same batcher you may put, submit and read stats; a put that would have to wait for room
 * returns BL_REENTRANT, and so does bl_flush; bl_close begins the close and returns at once; bl_batcher_free lets the
 * handlers end the batcher. Inside a hook or a request's callback the same holds; they should be short, as the rest
 * of the batch waits for them.
 *
 * ITEMS. With a record_size, items are records of that size, and those of a batch lie one behind the other, `stride`
 * bytes apart. Without one they are byte strings, and a batch is an array of struct bl_bytes, which has the layout of
 * struct iovec; copy it to adjust it after a short writev, for that array itself must not be changed.
 *
 * TIME. Durations are nanoseconds in 64 bits. BL_NEVER stands for no limit. An item with a deadline is sealed at half
 * that time at the latest. A batch that is full to the byte is sealed when the next item comes, or by its linger.
 *
 * OUTCOMES. Of a batch, submitters are told before the failure hook. A request without a callback is polled or waited
 * for until it is finished, if need be after bl_batcher_free; one that is given up before leaves its memory behind.
 *
 * MEMORY. When the system has none, the process is aborted.
 *
 * PANICS. A defect in the library becomes BL_PANIC and a text in bl_last_error; nothing unwinds into your code.
 *
 * FORK. A child process has none of the batcher's threads. In it, calls that would wait for them return BL_FORKED and
 * bl_batcher_free does nothing; do not put. Make a batcher of the child's own, or fork before the first one is made.
 *
 * VERSIONS. The soname has the ABI's major number. Structs that grow have their size in front, so a program goes on
 * working with a newer library of the same major number. Numbers of statuses and reasons are never used again.
 */


#ifndef BATCHLINE_H
#define BATCHLINE_H

/* Generated from ffi/ by `cargo xtask header`; do not edit. */

#include <stddef.h>
#include <stdint.h>

/* Calls of the library. Define BL_API yourself to declare them otherwise, for instance as imported. */
#ifndef BL_API
#define BL_API
#endif

struct bl_request;


// Sealed with as many items as a batch may have.
#define BL_SEAL_SIZE 0

// Sealed by the byte bound.
#define BL_SEAL_BYTES 1

// Its first item had waited for its linger.
#define BL_SEAL_LINGER 2

// A worker was free.
#define BL_SEAL_DEMAND 3

// The fixed cadence came round.
#define BL_SEAL_TICK 4

// By `bl_flush`.
#define BL_SEAL_FLUSH 5

// By `bl_close`.
#define BL_SEAL_CLOSE 6

// Something was lost or failed.
#define BL_LOG_ERROR 1

// What an operator may want to know.
#define BL_LOG_INFO 3

// Items failed.
#define BL_FAILURE_FAILED 0

// Items passed their deadline.
#define BL_FAILURE_EXPIRED 1

// The queue was full and `BL_OVERFLOW_DROP_NEWEST` dropped items.
#define BL_FAILURE_DROPPED 2

// The batcher was freed before these items were handled.
#define BL_FAILURE_ABANDONED 3

// No limit in time: wait for as long as it takes; or, as a linger, none.
#define BL_NEVER UINT64_MAX

// Worker threads run the handler.
#define BL_DISPATCH_THREAD 0

// The putting threads run it, each for the batch that its put filled.
#define BL_DISPATCH_CALLER 1

// There is no handler: your threads take batches by `bl_next_batch`.
#define BL_DISPATCH_POLL 2

// A full queue makes a put wait.
#define BL_OVERFLOW_BLOCK 0

// It waits for `overflow_wait_ns`, then `BL_TIMED_OUT`.
#define BL_OVERFLOW_BLOCK_FOR 1

// `BL_FULL`.
#define BL_OVERFLOW_FAIL 2

// The new item is dropped and counted; the put returns `BL_OK`.
#define BL_OVERFLOW_DROP_NEWEST 3

// The putting thread handles a batch, then tries again.
#define BL_OVERFLOW_RUN_IN_CALLER 4

// An item over `batch_bytes_max` is refused: `BL_TOO_LARGE`.
#define BL_OVERSIZE_REFUSE 0

// It is a batch of its own.
#define BL_OVERSIZE_ALONE 1

// No deduplication window.
#define BL_DEDUP_NONE 0

// An item whose key was put within the window is refused: `BL_DUPLICATE`.
#define BL_DEDUP_REFUSE 1

// A submitted one gets the outcome of the first; a put one is refused.
#define BL_DEDUP_JOIN 2

// A new key is refused when `dedup_keys_max` are remembered: `BL_WINDOW_FULL`.
#define BL_AT_CAP_REFUSE 0

// The oldest ones are forgotten for it.
#define BL_AT_CAP_FORGET_OLDEST 1

// The call did what it says.
#define BL_OK 0

// The request has no outcome yet.
#define BL_PENDING 1

// There is nothing more to iterate over.
#define BL_END 2

// An argument or an option cannot work; `bl_last_error` says which, and what is allowed.
#define BL_INVALID 10

// Batchline itself panicked; a defect. The message is in `bl_last_error`.
#define BL_PANIC 11

// This kind of batcher has no such call: for instance `bl_next_batch` with a handler.
#define BL_UNSUPPORTED 12

// The operating system refused: a thread or a descriptor could not be had.
#define BL_SYSTEM 13

// The process has forked since the batcher was made: its threads are in the parent.
#define BL_FORKED 14

// The queue is full, and the overflow policy is to say so.
#define BL_FULL 20

// The time ran out first.
#define BL_TIMED_OUT 21

// The batcher is closed or closing.
#define BL_CLOSED 22

// The item alone is over the byte bound.
#define BL_TOO_LARGE 23

// From inside a handler of the same batcher: it would have to wait for itself.
#define BL_REENTRANT 24

// The item's key was put within the window.
#define BL_DUPLICATE 25

// As many keys as the window's cap allows are remembered.
#define BL_WINDOW_FULL 26

// The handler failed the item; the request's `code` is what it said.
#define BL_FAILED 30

// The item was cancelled before the handler got it.
#define BL_CANCELLED 31

// The item's deadline passed before the handler got it.
#define BL_EXPIRED 32

// The batcher closed before the item was handled; it is in the receipt.
#define BL_HANDED_BACK 33

// The request joined another item of its key, and that one found no room.
#define BL_NOT_ACCEPTED 34

// Too late to cancel: the handler has the item, or it has an outcome.
#define BL_TOO_LATE 35

// Rises with every change that is not compatible; it is in the soname.
#define BL_ABI_MAJOR 0

// Rises with every compatible addition.
#define BL_ABI_MINOR 1

// A batch.
struct bl_batch;

// A batcher. Made by `bl_batcher_new`, freed by `bl_batcher_free`; every other call may run on any thread at any time.
struct bl_batcher;

// The receipt of a close.
struct bl_receipt;

// A window. Every call but `bl_window_free` may be made on any thread at any time.
struct bl_window;

// What there is to see of a batch at once. Good as long as the batch.
struct bl_batch_view {
    // Of fixed-size records: the first record; the next one is `stride` bytes further on. Of byte strings: an array of
    // `struct bl_bytes`, which must not be changed. Records may be; a changed one is what a second call of the handler
    // sees.
    void *items;
    // How many items; never 0.
    size_t len;
    // How far apart they lie: the record size rounded up to a power of two, at least 8; of byte strings
    // `sizeof(struct bl_bytes)`.
    size_t stride;
    // Why it was sealed: a `BL_SEAL_` number.
    int32_t reason;
    // 0.
    int32_t reserved;
    // What the items weigh together; 0 when no byte bound was set.
    uint64_t bytes;
};

// A byte string: the layout of `struct iovec`.
struct bl_bytes {
    // Its first byte.
    const void *data;
    // How many bytes.
    size_t size;
};

// Handles one batch: 0 when it is done; any other number fails the whole batch with that code. May run on several
// threads at once. The batch is good until it returns.
typedef int32_t (*bl_handle_fn)(void *user_data, struct bl_batch *batch);

// Frees the user data of a callback.
typedef void (*bl_free_fn)(void *user_data);

// A handler as it stands in the options. The user data belongs to the batcher as soon as `bl_batcher_new` is called.
struct bl_handler {
    // Handles batches; NULL for none.
    bl_handle_fn call;
    // The first argument of each call.
    void *user_data;
    // Called once with `user_data` when no call can follow, also when no batcher could be made; NULL for nothing.
    bl_free_fn free_user_data;
};

// What a failure hook is told.
struct bl_failure {
    // The batcher's name.
    const char *batcher;
    // In words.
    const char *message;
    // How many items it happened to.
    uint64_t items;
    // How many items the batch had.
    uint64_t batch_items;
    // A `BL_FAILURE_` number.
    int32_t kind;
    // What the handler said; 0 when no handler did.
    int32_t code;
    // Why the batch was sealed, a `BL_SEAL_` number; -1 for items that were in no batch.
    int32_t reason;
    // 0.
    int32_t reserved;
};

// Hears of items that failed, expired or were dropped; once per batch. The report is good until it returns.
typedef void (*bl_failure_fn)(void *user_data, const struct bl_failure *report);

// A failure hook as it stands in the options; as `struct bl_handler`.
struct bl_failure_hook {
    // Hears of failures; NULL for none.
    bl_failure_fn call;
    // The first argument of each call.
    void *user_data;
    // As in `struct bl_handler`.
    bl_free_fn free_user_data;
};

// Hears what a log should have: failures without a failure hook, and the close. `message` is good until it returns.
typedef void (*bl_log_fn)(void *user_data, int32_t level, const char *message);

// A log hook as it stands in the options; as `struct bl_handler`.
struct bl_log_hook {
    // Takes lines for a log; NULL for none.
    bl_log_fn call;
    // The first argument of each call.
    void *user_data;
    // As in `struct bl_handler`.
    bl_free_fn free_user_data;
};

// Everything there is to choose about a batcher. Fill it with `bl_options_init`, then change what you want.
struct bl_options {
    // `sizeof(struct bl_options)`; set by `bl_options_init`.
    size_t struct_size;
    // For threads, logs and metrics; copied. NULL: "batchline".
    const char *name;
    // Bytes of each item, 1 to 256; 0 for byte strings. Default 0.
    size_t record_size;
    // Items in a batch at most, 1 to 2^24. Default 1000.
    size_t batch_items_max;
    // Accepted items without an outcome at most; 0 for the default of 64 batches.
    size_t queue_items_max;
    // Bytes in a batch at most; 0 for no bound. Default 0.
    size_t batch_bytes_max;
    // Bytes without an outcome at most; 0 for no bound. Default 0.
    size_t queue_bytes_max;
    // How long an item waits for its batch to fill; `BL_NEVER` for no limit. Default 10 ms. To be left at that with
    // `demand`: a free worker does not wait.
    uint64_t linger_ns;
    // A fixed cadence on which batches are sealed; 0 for none. Default 0.
    uint64_t tick_ns;
    // How long a put waits for room under `BL_OVERFLOW_BLOCK_FOR`. Default 0.
    uint64_t overflow_wait_ns;
    // How long `bl_batcher_free` lets handlers finish what was accepted. Default 30 s.
    uint64_t free_deadline_ns;
    // Who runs the handler: a `BL_DISPATCH_` number. Default `BL_DISPATCH_THREAD`.
    uint32_t dispatch;
    // What a full queue does: a `BL_OVERFLOW_` number. Default `BL_OVERFLOW_BLOCK`.
    uint32_t overflow;
    // What an item over `batch_bytes_max` does: a `BL_OVERSIZE_` number. Default `BL_OVERSIZE_REFUSE`.
    uint32_t oversize;
    // Worker threads, 1 to 1024; 0 for the default of 1. Not with `BL_DISPATCH_POLL`.
    uint32_t workers;
    // 1: a free worker takes whatever waits, instead of letting it linger. Default 0.
    uint32_t demand;
    // 1: one order over all putting threads, at the price of a lock. Default 0.
    uint32_t ordered;
    // Handler calls that a failed batch may cost in all while it is halved to find the bad items; 0 for no retry.
    // Default 0.
    uint32_t retry_calls_max;
    // 1: a batch has items of one key only. Default 0.
    uint32_t keyed;
    // Where in an item its key begins, for `keyed` and `dedup`. Default 0.
    size_t key_offset;
    // How long the key is; 0 for the rest of the item. Default 0.
    size_t key_size;
    // Batches of one key that are handled at a time; 0 for the default of 1.
    size_t in_flight_per_key_max;
    // Keys with an open batch at most; 0 for the default of 4096.
    size_t open_keys_max;
    // Whether keys are remembered: a `BL_DEDUP_` number. Default `BL_DEDUP_NONE`.
    uint32_t dedup;
    // What a full window does: a `BL_AT_CAP_` number. Default `BL_AT_CAP_REFUSE`.
    uint32_t dedup_at_cap;
    // How long a key is remembered, 1 ms to 366 days. Default 60 s.
    uint64_t dedup_window_ns;
    // How finely; 0 for a 16th of the window, at least 1 ms.
    uint64_t dedup_bucket_ns;
    // Keys to be remembered at most; 0 for the default of 2^20.
    size_t dedup_keys_max;
    // Handles batches. None with `BL_DISPATCH_POLL`.
    struct bl_handler handler;
    // Hears of failures. Without one they go to `on_log`; without that, to the standard error stream.
    struct bl_failure_hook on_failure;
    // Takes lines for a log.
    struct bl_log_hook on_log;
};

// What one item may ask for itself. `{sizeof(struct bl_item_options), BL_NEVER, BL_NEVER}` asks for nothing.
struct bl_item_options {
    // `sizeof(struct bl_item_options)`.
    size_t struct_size;
    // The longest this item may wait for its batch to be sealed; `BL_NEVER` for the batcher's linger.
    uint64_t linger_ns;
    // How long from now a handler may be given the item; after that it expires. `BL_NEVER` for no deadline.
    uint64_t deadline_ns;
};

// What became of all items: `accepted` is the sum of the six that follow it.
struct bl_receipt_counts {
    // Items that were taken in.
    uint64_t accepted;
    // Items that were handled.
    uint64_t done;
    // Items that failed.
    uint64_t failed;
    // Items that were cancelled.
    uint64_t cancelled;
    // Items that passed their deadline.
    uint64_t expired;
    // Items that were handed back, by this close or an earlier one.
    uint64_t handed_back;
    // Items in handlers that still ran at the deadline.
    uint64_t still_running;
    // 1 when the deadline cut the drain short.
    uint64_t timed_out;
};

// Called once with the finished request, on a thread of the batcher, or inside `bl_submit` or `bl_request_cancel`.
// From then on the request is the caller's again. It must not block; it may submit again.
typedef void (*bl_request_fn)(struct bl_request *request);

// A request for the outcome of one item. It belongs to the caller, who fills `user_data` and `callback`; it must stay
// where it is, untouched, until it is finished. It begins with all zero; a finished one may be used again as it is.
struct bl_request {
    // For the caller; never touched.
    void *user_data;
    // Called when the request is finished; NULL when it is polled or waited for.
    bl_request_fn callback;
    // How it ended: `BL_OK`, `BL_FAILED`, `BL_CANCELLED`, `BL_EXPIRED`, `BL_HANDED_BACK` or `BL_NOT_ACCEPTED`. While
    // it is out: `BL_PENDING`.
    int32_t status;
    // With `BL_FAILED`: what the handler said.
    int32_t code;
    // With `BL_OK`: what the handler replied.
    uint64_t reply;
    // The library's.
    uint64_t room[2];
};

// Counters since the batcher was made; `accepted` is the sum of `done`, `failed`, `cancelled`, `expired`,
// `handed_back` and `live`. New ones are added at the end.
struct bl_stats {
    // `sizeof(struct bl_stats)`, set by the caller; no more is written.
    size_t struct_size;
    // Items that were taken in.
    uint64_t accepted;
    // Items that were refused.
    uint64_t refused;
    // Of the refused: items whose key was put within the window.
    uint64_t duplicates;
    // Submitted duplicates that joined the first item of their key; they were not accepted.
    uint64_t joined;
    // Items that `BL_OVERFLOW_DROP_NEWEST` dropped; they were not accepted.
    uint64_t dropped;
    // Items that were handled.
    uint64_t done;
    // Items that failed.
    uint64_t failed;
    // Items that were cancelled.
    uint64_t cancelled;
    // Items that passed their deadline.
    uint64_t expired;
    // Items that were handed back by a close.
    uint64_t handed_back;
    // Items without an outcome.
    uint64_t live;
    // Of those: items that wait for a handler.
    uint64_t queued;
    // Of those: items that a handler or poller has.
    uint64_t in_hand;
    // Bytes of the items without an outcome; 0 without a byte bound.
    uint64_t bytes_live;
    // Batches.
    uint64_t batches;
    // Batches by the `BL_SEAL_` number of their reason.
    uint64_t batches_by_reason[7];
    // Items of the largest batch.
    uint64_t batch_items_peak;
    // Calls of the handler, or batches polled.
    uint64_t handler_calls;
    // Batches in which anything failed.
    uint64_t failed_batches;
    // Times a worker was woken from its sleep.
    uint64_t wakeups;
    // Keys in the deduplication window.
    uint64_t window_keys;
    // Keys that the window forgot before their time, at its cap.
    uint64_t window_forgotten;
    // Memory of the window.
    uint64_t window_bytes;
};

// What there is to choose about a window. Fill it with `bl_window_options_init`.
struct bl_window_options {
    // `sizeof(struct bl_window_options)`; set by `bl_window_options_init`.
    size_t struct_size;
    // How long a key is remembered, 1 ms to 366 days. Default 60 s.
    uint64_t window_ns;
    // How finely; 0 for a 16th of the window, at least 1 ms. A key is remembered for at most one bucket longer.
    uint64_t bucket_ns;
    // Keys to be remembered at most; 0 for the default of 2^20.
    size_t keys_max;
    // What a full window does: a `BL_AT_CAP_` number. Default `BL_AT_CAP_REFUSE`.
    uint32_t at_cap;
    // 0.
    uint32_t reserved;
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// How many items the batch has; 0 for NULL.
//
// `batch` is NULL or a batch of a running handler, or one that was polled and is not done.
BL_API size_t bl_batch_len(struct bl_batch *batch);

// All there is to see of a batch, in one call.
//
// As `bl_batch_len`; `view` may be written.
BL_API int32_t bl_batch_get_view(struct bl_batch *batch, struct bl_batch_view *view);

// One item: where it is and how long. Of a record, its size is the record size.
//
// As `bl_batch_len`; `item` may be written.
BL_API int32_t bl_batch_item(struct bl_batch *batch, size_t index, struct bl_bytes *item);

// The key that all items of this batch have, in a keyed batcher.
//
// As `bl_batch_len`; `key` may be written.
BL_API int32_t bl_batch_key(struct bl_batch *batch, struct bl_bytes *key);

// Fails one item alone; its submitter gets `BL_FAILED` and `code`. A later call for the same item, or
// `bl_batch_reply`, replaces this one.
BL_API int32_t bl_batch_fail(struct bl_batch *batch, size_t index, int32_t code);

// Replies to the submitter of one item: a number of yours. Without a reply it is 0.
BL_API int32_t bl_batch_reply(struct bl_batch *batch, size_t index, uint64_t reply);

// Makes a batcher. All user data in the options belongs to it from the call on, also when the call fails.
//
// `options` is NULL or points to as many bytes as its `struct_size` says; functions in it fit their types; `batcher`
// may be written.
BL_API
int32_t bl_batcher_new(const struct bl_options *options,
                       struct bl_batcher **batcher);

// Closes a batcher within its `free_deadline_ns`, if `bl_close` was not called, and frees it. What then has no outcome
// is given up and reported to the failure hook; use `bl_close` to get it back. NULL is nothing to free. From inside
// a handler of the same batcher it returns at once, and the batcher ends when the handlers have. In a child process
// after a fork it does nothing but leak.
//
// `batcher` is NULL or a batcher that was not freed, which nobody uses any more; its polled batches are done.
BL_API
void bl_batcher_free(struct bl_batcher *batcher);

// Seals everything that was accepted before, and waits until it has its outcome, for `timeout_ns` at most:
// `BL_TIMED_OUT` then, and the batches stay sealed. Inside a handler of the same batcher: `BL_REENTRANT`.
//
// `batcher` is NULL or a batcher that was not freed.
BL_API int32_t bl_flush(const struct bl_batcher *batcher, uint64_t timeout_ns);

// Refuses new items, handles what was accepted, and hands back what is left after `timeout_ns`: 0 hands back at once
// what no handler has. `receipt` gets what became of everything; with NULL, items that are handed back are dropped,
// counted. A second close waits for the first. The batcher must still be freed. Inside a handler it begins the close
// and returns at once. With `BL_DISPATCH_POLL` other threads must go on polling while it waits: they get what there
// is, then `BL_CLOSED`.
//
// `batcher` is NULL or a batcher that was not freed; `receipt` is NULL or may be written.
BL_API
int32_t bl_close(const struct bl_batcher *batcher,
                 uint64_t timeout_ns,
                 struct bl_receipt **receipt);

// Changes the linger, also of batches that are open now. A keyed batcher has no such call.
BL_API int32_t bl_set_linger(const struct bl_batcher *batcher, uint64_t linger_ns);

// Changes the tick of a batcher that was made with one; 0 takes it away.
BL_API int32_t bl_set_tick(const struct bl_batcher *batcher, uint64_t tick_ns);

// Copies the text of the last call of this thread that did not return `BL_OK` into `buffer`: at most `size` bytes,
// with a NUL at the end if `size` is not 0. Returns the length of the whole text without the NUL; 0 when there is
// none.
// `buffer` may be NULL when `size` is 0. A call that succeeds leaves the text as it is.
//
// `buffer` points to `size` bytes that may be written.
BL_API
size_t bl_last_error(char *buffer,
                     size_t size);

// Fills `options` with the defaults. `struct_size` is `sizeof(struct bl_options)` as your compiler sees it.
//
// `options` points to `struct_size` bytes that may be written.
BL_API int32_t bl_options_init(struct bl_options *options, size_t struct_size);

// Takes the next batch, waiting for it for `timeout_ns` at most: `BL_TIMED_OUT` when there is none, `BL_CLOSED` when
// there will be none any more. The batch is yours until `bl_batch_done`. Any number of threads may poll.
//
// `batcher` is NULL or a batcher that was not freed; `batch` may be written.
BL_API
int32_t bl_next_batch(const struct bl_batcher *batcher,
                      uint64_t timeout_ns,
                      struct bl_batch **batch);

// Settles a polled batch and frees it: with code 0 its items are done, except those that `bl_batch_fail` failed; any
// other code fails them all.
//
// `batch` is NULL or a batch that `bl_next_batch` gave and that is not done.
BL_API
int32_t bl_batch_done(struct bl_batch *batch,
                      int32_t code);

// A descriptor that is readable while a batch may be ready, or when the batcher is closed, for `poll`, `epoll`,
// `kqueue` or an event loop. Do not read from it: `bl_next_batch` does; call that with a timeout of 0 whenever it is
// readable, until it says `BL_TIMED_OUT`. The first call starts a thread that watches for batches. The descriptor
// belongs to the batcher and is closed by `bl_batcher_free`.
//
// `batcher` is NULL or a batcher that was not freed; `fd` may be written.
BL_API
int32_t bl_poll_fd(const struct bl_batcher *batcher,
                   int32_t *fd);

// Copies one item in. What a full queue does is the overflow option.
//
// `batcher` is NULL or a batcher that was not freed; `item` is NULL or points to `size` bytes.
BL_API int32_t bl_put(const struct bl_batcher *batcher, const void *item, size_t size);

// As `bl_put`, but a full queue is `BL_FULL` at once, whatever the overflow option.
BL_API int32_t bl_try_put(const struct bl_batcher *batcher, const void *item, size_t size);

// As `bl_put`, but waits for room for `timeout_ns` at most, then `BL_TIMED_OUT`. A keyed batcher has no such call.
BL_API
int32_t bl_put_timeout(const struct bl_batcher *batcher,
                       const void *item,
                       size_t size,
                       uint64_t timeout_ns);

// As `bl_put`, with a linger and a deadline of the item's own. NULL options ask for nothing.
//
// As `bl_put`; `options` is NULL or points to a struct of the size that it says.
BL_API
int32_t bl_put_with(const struct bl_batcher *batcher,
                    const void *item,
                    size_t size,
                    const struct bl_item_options *options);

// Copies `count` records in, which lie one behind the other, each of the record size. `accepted`, unless it is NULL,
// gets how many were accepted, also when the call fails: those are the first ones, except that in a deduplicating
// batcher duplicates are passed over (`BL_DUPLICATE` if there were any, and all others were accepted), and that those
// which `BL_OVERFLOW_DROP_NEWEST` drops are not counted.
//
// `batcher` is NULL or a batcher that was not freed; `records` is NULL or points to `count` records; `accepted` is
// NULL or may be written.
BL_API
int32_t bl_put_many(const struct bl_batcher *batcher,
                    const void *records,
                    size_t count,
                    size_t *accepted);

// As `bl_put_many`, of byte strings wherever they lie.
//
// As `bl_put_many`; `strings` is NULL or points to `count` of them, each good.
BL_API
int32_t bl_put_strings(const struct bl_batcher *batcher,
                       const struct bl_bytes *strings,
                       size_t count,
                       size_t *accepted);

// As `bl_put_many`, of `count` byte strings that lie one behind the other in `data`; `sizes` says how long each is.
//
// As `bl_put_many`; `sizes` is NULL or points to `count` numbers, and `data` to as many bytes as they sum up to.
BL_API
int32_t bl_put_packed(const struct bl_batcher *batcher,
                      const void *data,
                      const uint32_t *sizes,
                      size_t count,
                      size_t *accepted);

// The counts of a receipt.
//
// `receipt` is NULL or a receipt that was not freed; `counts` may be written.
BL_API int32_t bl_receipt_get_counts(const struct bl_receipt *receipt, struct bl_receipt_counts *counts);

// The next item that is handed back: where it lies and how long it is, good until the receipt is freed. `BL_END` after
// the last one.
//
// As `bl_receipt_get_counts`, and nobody else uses the receipt meanwhile; `item` may be written.
BL_API
int32_t bl_receipt_next(struct bl_receipt *receipt,
                        struct bl_bytes *item);

// Frees a receipt with its items. NULL is nothing to free.
//
// `receipt` is NULL or a receipt that was not freed.
BL_API void bl_receipt_free(struct bl_receipt *receipt);

// Puts one item and asks for its outcome. On `BL_OK` the request is out; otherwise it is as if it had not been
// submitted, and no callback is called.
//
// `batcher` is NULL or a batcher that was not freed; `item` is NULL or points to `size` bytes; `options` is NULL or
// points to a struct of the size that it says; `request` is NULL or a request. One that is out is refused.
BL_API
int32_t bl_submit(const struct bl_batcher *batcher,
                  const void *item,
                  size_t size,
                  const struct bl_item_options *options,
                  struct bl_request *request);

// Whether a request is finished: `BL_PENDING`, or how it ended. For requests without a callback; by one thread at a
// time.
//
// `request` is NULL or was submitted.
BL_API
int32_t bl_request_poll(struct bl_request *request);

// Waits until a request is finished, for `timeout_ns` at most: `BL_PENDING`, or how it ended. For requests without a
// callback; by one thread at a time.
//
// `request` is NULL or was submitted.
BL_API
int32_t bl_request_wait(struct bl_request *request,
                        uint64_t timeout_ns);

// Cancels a request. `BL_OK`: no handler will see its item, and the request is finished with `BL_CANCELLED` (a
// callback was called, by this thread). `BL_TOO_LATE`: the handler has the item, or it has an outcome. A request
// without a callback is cancelled by the thread that polls it; one with a callback by any thread, as long as it is
// not finished: what the callback does with the request must not race with this.
//
// `request` is NULL or was submitted.
BL_API
int32_t bl_request_cancel(struct bl_request *request);

// Reserves room for an item of up to `size` bytes, 8-byte aligned. Write it, then call `bl_commit` or `bl_discard`: of
// a byte string on any thread, of a record on this one. The room is dead when the batcher is freed; that of a record
// also when this thread ends.
//
// `batcher` is NULL or a batcher that was not freed; `room` may be written.
BL_API
int32_t bl_reserve(const struct bl_batcher *batcher,
                   size_t size,
                   void **room);

// Puts what was written into `room`: its first `size` bytes; of a record, all of it. On `BL_OK` the room is the
// library's. When the item is refused it is yours still: commit again, or discard.
//
// `batcher` is NULL or the batcher that `room` was reserved from; `room` is NULL or was reserved and not given up, and
// its first `size` bytes are written.
BL_API
int32_t bl_commit(const struct bl_batcher *batcher,
                  void *room,
                  size_t size);

// Gives up reserved room. NULL is nothing to give up.
//
// `batcher` is NULL or the batcher that `room` was reserved from; `room` is NULL or was reserved and not given up.
BL_API
int32_t bl_discard(const struct bl_batcher *batcher,
                   void *room);

// Reads the counters, at any time, from any thread. Set `stats->struct_size` before.
//
// `batcher` is NULL or a batcher that was not freed; `stats` is NULL or points to as many bytes as its `struct_size`
// says.
BL_API
int32_t bl_get_stats(const struct bl_batcher *batcher,
                     struct bl_stats *stats);

// A static text for a status; never NULL.
BL_API const char *bl_status_string(int32_t status);

// The version of the ABI that this library has: `BL_ABI_MAJOR << 16 | BL_ABI_MINOR`. Compare the upper half with
// `BL_ABI_MAJOR` of the header.
BL_API
uint32_t bl_abi_version(void);

// The version of the library, such as "0.1.0"; a static text.
BL_API const char *bl_version(void);

// Fills `window_options` with the defaults.
//
// `window_options` is NULL or may be written.
BL_API int32_t bl_window_options_init(struct bl_window_options *window_options);

// Makes a window.
//
// `window_options` is NULL or points to options; `window` may be written.
BL_API int32_t bl_window_new(const struct bl_window_options *window_options, struct bl_window **window);

// Remembers a key of any length: `BL_OK` when it is new, `BL_DUPLICATE` when it was seen within the window,
// `BL_WINDOW_FULL` at the cap. Up to 32 bytes it allocates nothing in steady traffic. If what the key stands for
// fails, call `bl_window_forget`, and it may come again at once.
//
// `window` is NULL or a window that was not freed; `key` is NULL or points to `size` bytes.
BL_API
int32_t bl_window_claim(const struct bl_window *window,
                        const void *key,
                        size_t size);

// As `bl_window_claim`, of `count` keys that lie one behind the other in `keys`; `sizes` says how long each is, and
// `statuses` gets the status of each. `BL_OK` when all were looked at.
//
// As `bl_window_claim`; `sizes` is NULL or points to `count` numbers, `keys` to as many bytes as they sum up to;
// `statuses` is NULL or has room for `count` numbers.
BL_API
int32_t bl_window_claim_packed(const struct bl_window *window,
                               const void *keys,
                               const uint32_t *sizes,
                               size_t count,
                               int32_t *statuses);

// Forgets a key before its time: `BL_OK`, or `BL_END` when it was not remembered.
//
// As `bl_window_claim`.
BL_API int32_t bl_window_forget(const struct bl_window *window, const void *key, size_t size);

// Whether a key is remembered: `BL_DUPLICATE` when it is, `BL_OK` when it is not. Remembers nothing.
//
// As `bl_window_claim`.
BL_API int32_t bl_window_look(const struct bl_window *window, const void *key, size_t size);

// How many keys are remembered; 0 for NULL.
//
// `window` is NULL or a window that was not freed.
BL_API size_t bl_window_len(const struct bl_window *window);

// Frees a window. NULL is nothing to free.
//
// `window` is NULL or a window that was not freed, which nobody uses any more.
BL_API void bl_window_free(struct bl_window *window);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* BATCHLINE_H */
