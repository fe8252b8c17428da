/* watched.h: a handler of 8-byte records that a test can watch, hold up, slow down and let fail. */
#ifndef WATCHED_H
#define WATCHED_H

#include <pthread.h>
#include <stdatomic.h>

#include "check.h"

#define REASONS 7

struct watched {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* What a test asks for. */
    int is_held;
    int32_t code;
    uint64_t bad_value;
    uint64_t slow_ns;
    /* What it sees. */
    _Atomic uint64_t items, sum, calls, items_peak, running, running_peak, frees;
    _Atomic uint64_t reasons[REASONS];
    _Atomic uint64_t hook_calls, hook_items, hook_code, hook_kind, logs;
    /* The batcher itself, for handlers that call it. */
    struct bl_batcher *batcher;
};

/* The code that an item with `bad_value` fails with. */
#define BAD_CODE 7

static inline void watched_init(struct watched *watched)
{
    memset(watched, 0, sizeof *watched);
    pthread_mutex_init(&watched->lock, NULL);
    pthread_cond_init(&watched->changed, NULL);
}

static inline void raise_to(_Atomic uint64_t *peak, uint64_t value)
{
    uint64_t seen = atomic_load(peak);
    while (seen < value && !atomic_compare_exchange_weak(peak, &seen, value)) {
    }
}

static inline void watched_wait_if_held(struct watched *watched)
{
    pthread_mutex_lock(&watched->lock);
    while (watched->is_held)
        pthread_cond_wait(&watched->changed, &watched->lock);
    pthread_mutex_unlock(&watched->lock);
}

static inline void watched_hold(struct watched *watched, int is_held)
{
    pthread_mutex_lock(&watched->lock);
    watched->is_held = is_held;
    pthread_cond_broadcast(&watched->changed);
    pthread_mutex_unlock(&watched->lock);
}

static inline uint64_t value_at(const struct bl_batch_view *view, size_t index)
{
    uint64_t value;
    memcpy(&value, (const char *)view->items + index * view->stride, sizeof value);
    return value;
}

/* Replies to each item with its value plus one. */
static inline int32_t watched_handle(void *user_data, struct bl_batch *batch)
{
    struct watched *watched = user_data;
    struct bl_batch_view view;
    CHECK_OK(bl_batch_get_view(batch, &view));
    raise_to(&watched->running_peak, atomic_fetch_add(&watched->running, 1) + 1);
    raise_to(&watched->items_peak, view.len);
    atomic_fetch_add(&watched->calls, 1);
    watched_wait_if_held(watched);
    if (watched->slow_ns > 0)
        sleep_ns(watched->slow_ns);
    for (size_t i = 0; i < view.len; i++) {
        uint64_t value = value_at(&view, i);
        atomic_fetch_add(&watched->sum, value);
        if (watched->bad_value != 0 && value == watched->bad_value)
            CHECK_OK(bl_batch_fail(batch, i, BAD_CODE));
        else
            CHECK_OK(bl_batch_reply(batch, i, value + 1));
    }
    atomic_fetch_add(&watched->reasons[view.reason], 1);
    atomic_fetch_add(&watched->items, view.len);
    atomic_fetch_sub(&watched->running, 1);
    return watched->code;
}

static inline void watched_free(void *user_data)
{
    atomic_fetch_add(&((struct watched *)user_data)->frees, 1);
}

static inline void watched_hook(void *user_data, const struct bl_failure *report)
{
    struct watched *watched = user_data;
    CHECK(report->batcher != NULL && report->message != NULL);
    atomic_fetch_add(&watched->hook_calls, 1);
    atomic_fetch_add(&watched->hook_items, report->items);
    atomic_store(&watched->hook_code, (uint64_t)report->code);
    atomic_store(&watched->hook_kind, (uint64_t)report->kind);
}

static inline void watched_log(void *user_data, int32_t level, const char *message)
{
    CHECK(level == BL_LOG_ERROR || level == BL_LOG_INFO);
    CHECK(message != NULL);
    atomic_fetch_add(&((struct watched *)user_data)->logs, 1);
}

/* Options of a batcher of 8-byte records with this handler; batches of 10 and a linger that never comes. */
static inline struct bl_options watched_options(struct watched *watched)
{
    struct bl_options options;
    CHECK_OK(bl_options_init(&options, sizeof options));
    options.name = "watched";
    options.record_size = sizeof(uint64_t);
    options.batch_items_max = 10;
    options.linger_ns = BL_NEVER;
    options.handler.call = watched_handle;
    options.handler.user_data = watched;
    options.handler.free_user_data = watched_free;
    options.on_failure.call = watched_hook;
    options.on_failure.user_data = watched;
    return options;
}

/* As `watched_options`, without a handler: the test polls. */
static inline struct bl_options polled_options(void)
{
    struct bl_options options;
    CHECK_OK(bl_options_init(&options, sizeof options));
    options.record_size = sizeof(uint64_t);
    options.batch_items_max = 10;
    options.linger_ns = BL_NEVER;
    options.dispatch = BL_DISPATCH_POLL;
    return options;
}

static inline struct bl_batcher *made(const struct bl_options *options)
{
    struct bl_batcher *batcher = NULL;
    CHECK_OK(bl_batcher_new(options, &batcher));
    CHECK(batcher != NULL);
    return batcher;
}

static inline int32_t put(const struct bl_batcher *batcher, uint64_t value)
{
    return bl_put(batcher, &value, sizeof value);
}

static inline int32_t try_put(const struct bl_batcher *batcher, uint64_t value)
{
    return bl_try_put(batcher, &value, sizeof value);
}

static inline int32_t submit(const struct bl_batcher *batcher, uint64_t value, struct bl_request *request)
{
    return bl_submit(batcher, &value, sizeof value, NULL, request);
}

static inline struct bl_stats stats_of(const struct bl_batcher *batcher)
{
    struct bl_stats stats;
    memset(&stats, 0, sizeof stats);
    stats.struct_size = sizeof stats;
    CHECK_OK(bl_get_stats(batcher, &stats));
    return stats;
}

/* Closes, checks that the receipt adds up and that it hands back as many items as it says, and returns its counts. */
static inline struct bl_receipt_counts closed(const struct bl_batcher *batcher, uint64_t timeout_ns)
{
    struct bl_receipt *receipt = NULL;
    struct bl_receipt_counts counts;
    struct bl_bytes item;
    uint64_t items = 0;
    CHECK_OK(bl_close(batcher, timeout_ns, &receipt));
    CHECK_OK(bl_receipt_get_counts(receipt, &counts));
    CHECK_EQ(counts.accepted, counts.done + counts.failed + counts.cancelled + counts.expired + counts.handed_back +
                                  counts.still_running);
    while (bl_receipt_next(receipt, &item) == BL_OK) {
        CHECK(item.data != NULL);
        items++;
    }
    CHECK_STATUS(bl_receipt_next(receipt, &item), BL_END);
    CHECK_EQ(items, counts.handed_back);
    bl_receipt_free(receipt);
    return counts;
}

static inline pthread_t started(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, run, argument), 0);
    return thread;
}

static inline void joined(pthread_t thread)
{
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

#endif
