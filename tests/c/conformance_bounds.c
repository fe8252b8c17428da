/* C20 to C24: what may be held at most. */
#include "watched.h"

extern const struct check_case bound_cases[];

#define TEN_MILLION ((size_t)10 * 1000 * 1000)

static struct bl_options bounded_options(struct watched *watched)
{
    struct bl_options options = watched_options(watched);
    options.batch_items_max = 100;
    options.queue_items_max = 1000;
    return options;
}

/* A handler that only counts: ten million items go through it. */
static int32_t count_only(void *user_data, struct bl_batch *batch)
{
    struct watched *watched = user_data;
    atomic_fetch_add(&watched->items, bl_batch_len(batch));
    raise_to(&watched->running_peak, stats_of(watched->batcher).live);
    return 0;
}

static void c20_ten_million_items_into_a_bound_of_a_thousand_block_and_never_exceed_it(void)
{
    struct watched watched;
    size_t accepted = 0;
    watched_init(&watched);
    uint64_t *records = calloc(TEN_MILLION, sizeof *records);
    CHECK(records != NULL);
    struct bl_options options = bounded_options(&watched);
    options.handler.call = count_only;
    /* The handler looks at the batcher, so it may not run before the batcher is known. */
    struct bl_batcher *batcher = watched.batcher = made(&options);
    CHECK_OK(bl_put_many(batcher, records, TEN_MILLION, &accepted));
    CHECK_EQ(accepted, TEN_MILLION);
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    CHECK_EQ(atomic_load(&watched.items), TEN_MILLION);
    CHECK(atomic_load(&watched.running_peak) <= 1000);
    bl_batcher_free(batcher);
    free(records);
}

static void c20_ten_million_items_into_a_bound_of_a_thousand_are_refused_by_policy(void)
{
    struct watched watched;
    size_t accepted = 0;
    watched_init(&watched);
    uint64_t *records = calloc(TEN_MILLION, sizeof *records);
    CHECK(records != NULL);
    struct bl_options options = bounded_options(&watched);
    options.overflow = BL_OVERFLOW_FAIL;
    watched_hold(&watched, 1);
    struct bl_batcher *batcher = made(&options);
    CHECK_STATUS(bl_put_many(batcher, records, TEN_MILLION, &accepted), BL_FULL);
    CHECK_EQ(accepted, 1000);
    CHECK_EQ(stats_of(batcher).live, 1000);
    CHECK_STATUS(put(batcher, 1), BL_FULL);
    watched_hold(&watched, 0);
    CHECK_EQ(closed(batcher, BL_NEVER).done, 1000);
    bl_batcher_free(batcher);
    free(records);
}

static void c20_drop_newest_drops_what_is_over_and_counts_it(void)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = bounded_options(&watched);
    options.overflow = BL_OVERFLOW_DROP_NEWEST;
    watched_hold(&watched, 1);
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 0; i < 1300; i++)
        CHECK_OK(put(batcher, 1));
    CHECK_EQ(stats_of(batcher).dropped, 300);
    CHECK_EQ(stats_of(batcher).accepted, 1000);
    CHECK_EQ(atomic_load(&watched.hook_kind), BL_FAILURE_DROPPED);
    watched_hold(&watched, 0);
    CHECK_EQ(closed(batcher, BL_NEVER).done, 1000);
    CHECK_EQ(atomic_load(&watched.hook_items), 300);
    bl_batcher_free(batcher);
}

static void c20_run_in_caller_keeps_the_bound(void)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = bounded_options(&watched);
    options.overflow = BL_OVERFLOW_RUN_IN_CALLER;
    watched.slow_ns = MS;
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 0; i < 5000; i++) {
        CHECK_OK(put(batcher, 1));
        CHECK(stats_of(batcher).live <= 1000);
    }
    CHECK_EQ(closed(batcher, BL_NEVER).done, 5000);
    CHECK(atomic_load(&watched.running_peak) <= 2);
    bl_batcher_free(batcher);
}

static void c20_the_bound_counts_bytes_too(void)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    options.queue_bytes_max = 800;
    options.overflow = BL_OVERFLOW_FAIL;
    watched_hold(&watched, 1);
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 0; i < 100; i++)
        CHECK_OK(put(batcher, 1));
    CHECK_STATUS(put(batcher, 1), BL_FULL);
    CHECK_EQ(stats_of(batcher).bytes_live, 800);
    watched_hold(&watched, 0);
    CHECK_EQ(closed(batcher, BL_NEVER).done, 100);
    bl_batcher_free(batcher);
}

static void *put_ten(void *batcher)
{
    for (uint64_t i = 0; i < 10; i++)
        CHECK_OK(put(batcher, 1));
    return NULL;
}

static void c21_handler_concurrency_never_exceeds_the_workers(void)
{
    struct watched watched;
    pthread_t threads[200];
    watched_init(&watched);
    watched.slow_ns = MS;
    struct bl_options options = watched_options(&watched);
    options.workers = 3;
    options.queue_items_max = 200;
    struct bl_batcher *batcher = made(&options);
    for (size_t i = 0; i < 200; i++)
        threads[i] = started(put_ten, batcher);
    for (size_t i = 0; i < 200; i++)
        joined(threads[i]);
    CHECK_EQ(closed(batcher, BL_NEVER).done, 2000);
    CHECK(atomic_load(&watched.running_peak) <= 3);
    CHECK(atomic_load(&watched.running_peak) > 1);
    bl_batcher_free(batcher);
}

static void c22_no_batch_exceeds_its_items_on_any_path(void)
{
    struct watched watched;
    uint64_t many[333] = { 0 };
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    options.linger_ns = MS;
    struct bl_batcher *batcher = made(&options);
    for (int round = 0; round < 10; round++) {
        CHECK_OK(bl_put_many(batcher, many, 333, NULL));
        CHECK_OK(put(batcher, 1));
        if (round % 3 == 0)
            CHECK_OK(bl_flush(batcher, BL_NEVER));
    }
    CHECK_EQ(closed(batcher, BL_NEVER).done, 3340);
    CHECK_EQ(atomic_load(&watched.items_peak), 10);
    CHECK_EQ(stats_of(batcher).batch_items_peak, 10);
    bl_batcher_free(batcher);
}

/* Batches of byte strings: the largest weight of one with several items, and of one with a single item. */
struct weights {
    _Atomic uint64_t bytes_peak, alone_peak, items;
};

static int32_t weigh(void *user_data, struct bl_batch *batch)
{
    struct weights *weights = user_data;
    struct bl_batch_view view;
    uint64_t bytes = 0;
    CHECK_OK(bl_batch_get_view(batch, &view));
    const struct bl_bytes *strings = view.items;
    CHECK_EQ(view.stride, sizeof *strings);
    for (size_t i = 0; i < view.len; i++)
        bytes += strings[i].size;
    CHECK_EQ(bytes, view.bytes);
    raise_to(view.len > 1 ? &weights->bytes_peak : &weights->alone_peak, bytes);
    atomic_fetch_add(&weights->items, view.len);
    return 0;
}

static struct bl_options string_options(struct weights *weights, uint32_t oversize)
{
    struct bl_options options;
    CHECK_OK(bl_options_init(&options, sizeof options));
    options.batch_bytes_max = 1000;
    options.linger_ns = MS;
    options.oversize = oversize;
    options.handler.call = weigh;
    options.handler.user_data = weights;
    return options;
}

static void c22_no_batch_exceeds_its_bytes_on_any_path(void)
{
    static const char bytes[1000];
    struct weights weights = { 0, 0, 0 };
    struct bl_options options = string_options(&weights, BL_OVERSIZE_REFUSE);
    struct bl_batcher *batcher = made(&options);
    for (size_t i = 0; i < 3000; i++) {
        CHECK_OK(bl_put(batcher, bytes, i * 37 % 1000));
        if (i % 500 == 0)
            CHECK_OK(bl_flush(batcher, BL_NEVER));
    }
    CHECK_EQ(closed(batcher, BL_NEVER).done, 3000);
    CHECK(atomic_load(&weights.bytes_peak) <= 1000);
    CHECK(atomic_load(&weights.alone_peak) <= 1000);
    CHECK(stats_of(batcher).batches_by_reason[BL_SEAL_BYTES] > 0);
    bl_batcher_free(batcher);
}

static void c22_an_item_over_the_byte_cap_is_refused_with_a_clear_error(void)
{
    static const char bytes[1001];
    struct weights weights = { 0, 0, 0 };
    struct bl_options options = string_options(&weights, BL_OVERSIZE_REFUSE);
    struct bl_batcher *batcher = made(&options);
    CHECK_STATUS(bl_put(batcher, bytes, 1001), BL_TOO_LARGE);
    CHECK_TEXT("1001");
    CHECK_TEXT("1000");
    CHECK_OK(bl_put(batcher, bytes, 1000));
    CHECK_EQ(closed(batcher, BL_NEVER).done, 1);
    bl_batcher_free(batcher);
}

static void c22_an_item_over_the_byte_cap_goes_alone_as_configured(void)
{
    static const char bytes[5000];
    struct weights weights = { 0, 0, 0 };
    struct bl_options options = string_options(&weights, BL_OVERSIZE_ALONE);
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(bl_put(batcher, bytes, 10));
    CHECK_OK(bl_put(batcher, bytes, 5000));
    CHECK_OK(bl_put(batcher, bytes, 10));
    CHECK_EQ(closed(batcher, BL_NEVER).done, 3);
    CHECK_EQ(atomic_load(&weights.alone_peak), 5000);
    CHECK(atomic_load(&weights.bytes_peak) <= 20);
    bl_batcher_free(batcher);
}

/* A field, what it is set to, and what the error has to say. */
struct nonsense {
    const char *field;
    void (*set)(struct bl_options *options);
};

static void no_items(struct bl_options *options) { options->batch_items_max = 0; }
static void too_many_items(struct bl_options *options) { options->batch_items_max = ((size_t)1 << 24) + 1; }
static void small_queue(struct bl_options *options) { options->queue_items_max = 9; }
static void small_bytes(struct bl_options *options) { options->batch_bytes_max = 100, options->queue_bytes_max = 99; }
static void long_linger(struct bl_options *options) { options->linger_ns = 25 * 3600 * SECOND; }
static void long_tick(struct bl_options *options) { options->tick_ns = BL_NEVER - 1; }
static void short_tick(struct bl_options *options) { options->tick_ns = 1; }
static void large_record(struct bl_options *options) { options->record_size = 257; }
static void many_workers(struct bl_options *options) { options->workers = 1025; }
static void odd_dispatch(struct bl_options *options) { options->dispatch = 3; }
static void odd_overflow(struct bl_options *options) { options->overflow = 5; }
static void odd_oversize(struct bl_options *options) { options->oversize = 2; }
static void odd_demand(struct bl_options *options) { options->demand = 2; }
static void odd_ordered(struct bl_options *options) { options->ordered = 77; }
static void odd_keyed(struct bl_options *options) { options->keyed = UINT32_MAX; }
static void odd_dedup(struct bl_options *options) { options->dedup = 3; }
static void odd_cap(struct bl_options *options) { options->dedup_at_cap = 2; }
static void far_key(struct bl_options *options) { options->keyed = 1, options->key_offset = 8; }
static void long_key(struct bl_options *options) { options->keyed = 1, options->key_size = SIZE_MAX; }
static void no_handler(struct bl_options *options) { options->handler.call = NULL; }
static void poll_with_handler(struct bl_options *options) { options->dispatch = BL_DISPATCH_POLL; }

static void no_window(struct bl_options *options)
{
    options->dedup = BL_DEDUP_REFUSE;
    options->dedup_window_ns = 0;
}

static const struct nonsense nonsenses[] = {
    { "batch_items_max", no_items },   { "batch_items_max", too_many_items }, { "queue_items_max", small_queue },
    { "queue_bytes_max", small_bytes }, { "linger", long_linger },             { "tick", long_tick },
    { "tick", short_tick },            { "record_size", large_record },       { "workers", many_workers },
    { "dispatch", odd_dispatch },      { "overflow", odd_overflow },          { "oversize", odd_oversize },
    { "demand", odd_demand },          { "ordered", odd_ordered },            { "keyed", odd_keyed },
    { "dedup", odd_dedup },            { "dedup_at_cap", odd_cap },           { "key_offset", far_key },
    { "key_size", long_key },          { "handler", no_handler },             { "handler", poll_with_handler },
    { "window", no_window },
};

static void c23_a_nonsense_setting_is_refused_with_its_name_and_frees_the_user_data_once(void)
{
    for (size_t i = 0; i < sizeof nonsenses / sizeof nonsenses[0]; i++) {
        struct watched watched;
        watched_init(&watched);
        struct bl_options options = watched_options(&watched);
        struct bl_batcher *batcher = NULL;
        options.on_failure.free_user_data = watched_free;
        nonsenses[i].set(&options);
        CHECK_STATUS(bl_batcher_new(&options, &batcher), BL_INVALID);
        CHECK_TEXT(nonsenses[i].field);
        CHECK(batcher == NULL);
        CHECK_EQ(atomic_load(&watched.frees), 2);
    }
}

static void c23_a_setting_changed_later_is_checked_alike(void)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    struct bl_batcher *batcher = made(&options);
    CHECK_STATUS(bl_set_linger(batcher, 25 * 3600 * SECOND), BL_INVALID);
    CHECK_TEXT("linger");
    CHECK_STATUS(bl_set_linger(batcher, BL_NEVER), BL_INVALID);
    CHECK_STATUS(bl_set_tick(batcher, 1), BL_INVALID);
    CHECK_TEXT("tick");
    bl_batcher_free(batcher);
}

static void c24_batches_of_one_are_dispatched_at_once_and_never_wait_for_the_linger(void)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    options.batch_items_max = 1;
    options.linger_ns = 3600 * SECOND;
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 1; i <= 20; i++) {
        CHECK_OK(put(batcher, i));
        CHECK_SOON(atomic_load(&watched.items) == i);
    }
    CHECK_EQ(atomic_load(&watched.calls), 20);
    bl_batcher_free(batcher);
}

const struct check_case bound_cases[] = {
    CASE(c20_ten_million_items_into_a_bound_of_a_thousand_block_and_never_exceed_it),
    CASE(c20_ten_million_items_into_a_bound_of_a_thousand_are_refused_by_policy),
    CASE(c20_drop_newest_drops_what_is_over_and_counts_it),
    CASE(c20_run_in_caller_keeps_the_bound),
    CASE(c20_the_bound_counts_bytes_too),
    CASE(c21_handler_concurrency_never_exceeds_the_workers),
    CASE(c22_no_batch_exceeds_its_items_on_any_path),
    CASE(c22_no_batch_exceeds_its_bytes_on_any_path),
    CASE(c22_an_item_over_the_byte_cap_is_refused_with_a_clear_error),
    CASE(c22_an_item_over_the_byte_cap_goes_alone_as_configured),
    CASE(c23_a_nonsense_setting_is_refused_with_its_name_and_frees_the_user_data_once),
    CASE(c23_a_setting_changed_later_is_checked_alike),
    CASE(c24_batches_of_one_are_dispatched_at_once_and_never_wait_for_the_linger),
    LAST_CASE,
};
