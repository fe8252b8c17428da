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
