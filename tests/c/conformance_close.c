/* C01 to C07: close, flush and put. */
#include "watched.h"

extern const struct check_case close_cases[];

/* A thread that puts one value and keeps the status. */
struct putter {
    const struct bl_batcher *batcher;
    uint64_t timeout_ns;
    int32_t status;
    _Atomic int is_done;
};

static void *put_one(void *argument)
{
    struct putter *putter = argument;
    uint64_t value = 1;
    if (putter->timeout_ns > 0)
        putter->status = bl_put_timeout(putter->batcher, &value, sizeof value, putter->timeout_ns);
    else
        putter->status = put(putter->batcher, value);
    atomic_store(&putter->is_done, 1);
    return NULL;
}

/* Fills a polled batcher of ten, lets a put block, closes at once: ten come back, and the blocked one has its error. */
static void close_while_a_put_is_blocked(uint64_t timeout_ns, uint64_t head_start_ns)
{
    struct bl_options options = polled_options();
    options.queue_items_max = 10;
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 0; i < 10; i++)
        CHECK_OK(try_put(batcher, i));
    struct putter putter = { batcher, timeout_ns, BL_PENDING, 0 };
    pthread_t thread = started(put_one, &putter);
    if (head_start_ns > 0)
        sleep_ns(head_start_ns);
    struct bl_receipt_counts counts = closed(batcher, 0);
    joined(thread);
    CHECK_STATUS(putter.status, BL_CLOSED);
    CHECK_EQ(counts.accepted, 10);
    CHECK_EQ(counts.handed_back, 10);
    bl_batcher_free(batcher);
}

static void c01_a_put_blocked_at_close_returns_its_item(void)
{
    for (uint64_t round = 0; round < 200; round++)
        close_while_a_put_is_blocked(0, round % 20 * MS / 100);
    close_while_a_put_is_blocked(0, 20 * MS);
}

static void c01_a_put_with_a_timeout_blocked_at_close_returns_its_item(void)
{
    for (uint64_t round = 0; round < 20; round++)
        close_while_a_put_is_blocked(10 * SECOND, round * MS / 20);
}

static void c01_a_put_blocked_at_close_by_a_stuck_handler_returns_its_item(void)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    options.batch_items_max = 1;
    options.queue_items_max = 1;
    watched_hold(&watched, 1);
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(put(batcher, 1));
    CHECK_SOON(atomic_load(&watched.running) == 1);
    struct putter putter = { batcher, 0, BL_PENDING, 0 };
    pthread_t thread = started(put_one, &putter);
    sleep_ns(5 * MS);
    CHECK_EQ(atomic_load(&putter.is_done), 0);
    struct bl_receipt_counts counts = closed(batcher, 20 * MS);
    joined(thread);
    CHECK_STATUS(putter.status, BL_CLOSED);
    CHECK_EQ(counts.still_running, 1);
    watched_hold(&watched, 0);
    CHECK_EQ(closed(batcher, BL_NEVER).done, 1);
    bl_batcher_free(batcher);
    CHECK_SOON(atomic_load(&watched.frees) == 1);
}

static void c02_close_returns_only_when_no_handler_is_running(void)
{
    struct watched watched;
    watched_init(&watched);
    watched.slow_ns = 2 * MS;
    struct bl_options options = watched_options(&watched);
    options.workers = 4;
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 0; i < 100; i++)
        CHECK_OK(put(batcher, i));
    CHECK_EQ(closed(batcher, BL_NEVER).done, 100);
    CHECK_EQ(atomic_load(&watched.running), 0);
    CHECK_EQ(atomic_load(&watched.items), 100);
    bl_batcher_free(batcher);
    CHECK_EQ(atomic_load(&watched.frees), 1);
}

struct closer {
    const struct bl_batcher *batcher;
    struct bl_receipt_counts counts;
    _Atomic int is_done;
};

static void *close_it(void *argument)
{
    struct closer *closer = argument;
    closer->counts = closed(closer->batcher, BL_NEVER);
    atomic_store(&closer->is_done, 1);
    return NULL;
}

static void c02_a_second_close_waits_for_the_first(void)
{
    struct watched watched;
    watched_init(&watched);
    watched_hold(&watched, 1);
    struct bl_options options = watched_options(&watched);
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(put(batcher, 1));
    struct closer first = { .batcher = batcher }, second = { .batcher = batcher };
    pthread_t first_thread = started(close_it, &first);
    CHECK_SOON(atomic_load(&watched.running) == 1);
    pthread_t second_thread = started(close_it, &second);
    sleep_ns(20 * MS);
    CHECK_EQ(atomic_load(&first.is_done) + atomic_load(&second.is_done), 0);
    watched_hold(&watched, 0);
    joined(first_thread);
    joined(second_thread);
    CHECK_EQ(first.counts.done, 1);
    CHECK_EQ(second.counts.done, 1);
    bl_batcher_free(batcher);
}

static void c03_flush_and_put_after_close_return_an_error_at_once(void)
{
    struct watched watched;
    struct bl_request request;
    size_t accepted = 99;
    uint64_t two[2] = { 1, 2 };
    void *room = NULL;
    watched_init(&watched);
    memset(&request, 0, sizeof request);
    struct bl_options options = watched_options(&watched);
    struct bl_batcher *batcher = made(&options);
    closed(batcher, BL_NEVER);
    uint64_t before_ns = now_ns();
    CHECK_STATUS(put(batcher, 1), BL_CLOSED);
    CHECK_STATUS(try_put(batcher, 1), BL_CLOSED);
    CHECK_STATUS(bl_put_timeout(batcher, two, 8, SECOND), BL_CLOSED);
    CHECK_STATUS(bl_put_many(batcher, two, 2, &accepted), BL_CLOSED);
    CHECK_EQ(accepted, 0);
    CHECK_STATUS(submit(batcher, 1, &request), BL_CLOSED);
    CHECK_STATUS(bl_flush(batcher, BL_NEVER), BL_CLOSED);
    CHECK_OK(bl_reserve(batcher, 8, &room));
    memcpy(room, two, 8);
    CHECK_STATUS(bl_commit(batcher, room, 8), BL_CLOSED);
    CHECK_OK(bl_discard(batcher, room));
    CHECK_OK(bl_close(batcher, BL_NEVER, NULL));
    CHECK(now_ns() - before_ns < SECOND);
    bl_batcher_free(batcher);
}

/* What a handler got for its own calls. */
struct inside {
    struct bl_batcher *batcher;
    _Atomic int32_t flushed, closed, put_in_room, put_when_full;
    _Atomic uint64_t calls, frees, accepted_seen;
    int closes;
    int frees_batcher;
};

static int32_t call_the_batcher(void *user_data, struct bl_batch *batch)
{
    struct inside *inside = user_data;
    if (atomic_fetch_add(&inside->calls, 1) > 0)
        return 0;
    CHECK(bl_batch_len(batch) > 0);
    atomic_store(&inside->put_in_room, put(inside->batcher, 2));
    atomic_store(&inside->flushed, bl_flush(inside->batcher, BL_NEVER));
    int32_t full = BL_OK;
    for (int i = 0; i < 1000 && full == BL_OK; i++)
        full = put(inside->batcher, 3);
    atomic_store(&inside->put_when_full, full);
    atomic_store(&inside->accepted_seen, stats_of(inside->batcher).accepted);
    if (inside->closes)
        atomic_store(&inside->closed, bl_close(inside->batcher, BL_NEVER, NULL));
    if (inside->frees_batcher)
        bl_batcher_free(inside->batcher);
    return 0;
}

static void count_inside_free(void *user_data)
{
    atomic_fetch_add(&((struct inside *)user_data)->frees, 1);
}

static struct bl_options inside_options(struct inside *inside, uint32_t dispatch)
{
    struct bl_options options;
    CHECK_OK(bl_options_init(&options, sizeof options));
    options.record_size = sizeof(uint64_t);
    options.batch_items_max = 4;
    options.queue_items_max = 16;
    options.linger_ns = BL_NEVER;
    options.dispatch = dispatch;
    options.handler.call = call_the_batcher;
    options.handler.user_data = inside;
    options.handler.free_user_data = count_inside_free;
    return options;
}

static void check_calls_inside(uint32_t dispatch)
{
    struct inside inside = { .batcher = NULL };
    struct bl_options options = inside_options(&inside, dispatch);
    struct bl_batcher *batcher = made(&options);
    inside.batcher = batcher;
    for (uint64_t i = 0; i < 4; i++)
        CHECK_OK(put(batcher, i));
    CHECK_SOON(atomic_load(&inside.calls) > 0);
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    CHECK_STATUS(atomic_load(&inside.put_in_room), BL_OK);
    CHECK_STATUS(atomic_load(&inside.flushed), BL_REENTRANT);
    CHECK_STATUS(atomic_load(&inside.put_when_full), BL_REENTRANT);
    CHECK_EQ(atomic_load(&inside.accepted_seen), 16);
    CHECK_EQ(closed(batcher, BL_NEVER).done, 16);
    bl_batcher_free(batcher);
    CHECK_EQ(atomic_load(&inside.frees), 1);
}

static void c03_put_and_flush_from_inside_a_handler(void)
{
    check_calls_inside(BL_DISPATCH_THREAD);
    check_calls_inside(BL_DISPATCH_CALLER);
}

static void check_close_inside(uint32_t dispatch)
{
    struct inside inside = { .closes = 1 };
    struct bl_options options = inside_options(&inside, dispatch);
    struct bl_batcher *batcher = made(&options);
    inside.batcher = batcher;
    atomic_store(&inside.closed, BL_PENDING);
    for (uint64_t i = 0; i < 4; i++)
        CHECK_OK(put(batcher, i));
    CHECK_SOON(atomic_load(&inside.calls) > 0);
    CHECK_SOON(atomic_load(&inside.closed) == BL_OK);
    CHECK_STATUS(put(batcher, 1), BL_CLOSED);
    CHECK_EQ(closed(batcher, BL_NEVER).done, 16);
    bl_batcher_free(batcher);
    CHECK_EQ(atomic_load(&inside.frees), 1);
}

static void c03_close_from_inside_a_handler(void)
{
    check_close_inside(BL_DISPATCH_THREAD);
    check_close_inside(BL_DISPATCH_CALLER);
}

static void c03_free_from_inside_a_handler(void)
{
    for (int closes = 0; closes < 2; closes++) {
        struct inside inside = { .closes = closes, .frees_batcher = 1 };
        struct bl_options options = inside_options(&inside, BL_DISPATCH_THREAD);
        options.batch_items_max = 8;
        inside.batcher = made(&options);
        uint64_t eight[8] = { 0 };
        CHECK_OK(bl_put_many(inside.batcher, eight, 8, NULL));
        CHECK_SOON(atomic_load(&inside.frees) == 1);
        CHECK(atomic_load(&inside.calls) >= 2);
    }
}

static void c04_close_with_a_stuck_handler_returns_at_the_deadline_with_a_receipt(void)
{
    struct watched watched;
    watched_init(&watched);
    watched_hold(&watched, 1);
    struct bl_options options = watched_options(&watched);
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 0; i < 35; i++)
        CHECK_OK(put(batcher, i));
    CHECK_SOON(atomic_load(&watched.running) == 1);
    struct bl_receipt *receipt;
    struct bl_receipt_counts counts;
    struct bl_bytes item;
    uint64_t before_ns = now_ns();
    CHECK_OK(bl_close(batcher, 50 * MS, &receipt));
    uint64_t took_ns = now_ns() - before_ns;
    CHECK(took_ns >= 50 * MS && took_ns < 2 * SECOND);
    CHECK_OK(bl_receipt_get_counts(receipt, &counts));
    CHECK_EQ(counts.timed_out, 1);
    CHECK_EQ(counts.still_running, 10);
    CHECK_EQ(counts.handed_back, 25);
    CHECK_EQ(counts.accepted, 35);
    for (uint64_t i = 10; i < 35; i++) {
        CHECK_OK(bl_receipt_next(receipt, &item));
        CHECK_EQ(item.size, sizeof i);
        CHECK(memcmp(item.data, &i, sizeof i) == 0);
    }
    CHECK_STATUS(bl_receipt_next(receipt, &item), BL_END);
    watched_hold(&watched, 0);
    /* The receipt outlives its batcher. */
    bl_batcher_free(batcher);
    CHECK_SOON(atomic_load(&watched.frees) == 1);
    CHECK_OK(bl_receipt_get_counts(receipt, &counts));
    CHECK_EQ(counts.handed_back, 25);
    bl_receipt_free(receipt);
}

static void c05_flush_overrides_the_linger_and_is_a_barrier(void)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    options.batch_items_max = 1000;
    struct bl_batcher *batcher = made(&options);
    for (uint64_t round = 1; round <= 100; round++) {
        for (int i = 0; i < 7; i++)
            CHECK_OK(put(batcher, 1));
        CHECK_OK(bl_flush(batcher, BL_NEVER));
        CHECK_EQ(atomic_load(&watched.items), 7 * round);
    }
    CHECK_EQ(stats_of(batcher).batches_by_reason[BL_SEAL_FLUSH], 100);
    bl_batcher_free(batcher);
}

static void c05_a_flush_with_a_timeout_honours_it(void)
{
    struct watched watched;
    watched_init(&watched);
    watched_hold(&watched, 1);
    struct bl_options options = watched_options(&watched);
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(put(batcher, 1));
    CHECK_STATUS(bl_flush(batcher, 10 * MS), BL_TIMED_OUT);
    CHECK_STATUS(bl_flush(batcher, 0), BL_TIMED_OUT);
    watched_hold(&watched, 0);
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    CHECK_EQ(atomic_load(&watched.items), 1);
    bl_batcher_free(batcher);
}

/* Threads that put until they are told to stop or refused. */
struct traffic {
    const struct bl_batcher *batcher;
    _Atomic int stop;
    _Atomic uint64_t accepted;
    _Atomic int32_t last_status;
};

static void *put_for_ever(void *argument)
{
    struct traffic *traffic = argument;
    while (!atomic_load(&traffic->stop)) {
        int32_t status = put(traffic->batcher, 1);
        if (status != BL_OK) {
            atomic_store(&traffic->last_status, status);
            break;
        }
        atomic_fetch_add(&traffic->accepted, 1);
    }
    return NULL;
}

static void c05_items_put_during_a_flush_do_not_prolong_it_for_ever(void)
{
    struct watched watched;
    pthread_t threads[2];
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    struct bl_batcher *batcher = made(&options);
    struct traffic traffic = { .batcher = batcher };
    for (int i = 0; i < 2; i++)
        threads[i] = started(put_for_ever, &traffic);
    CHECK_SOON(atomic_load(&traffic.accepted) > 100);
    for (int i = 0; i < 20; i++)
        CHECK_OK(bl_flush(batcher, 5 * SECOND));
    atomic_store(&traffic.stop, 1);
    for (int i = 0; i < 2; i++)
        joined(threads[i]);
    CHECK_EQ(closed(batcher, BL_NEVER).done, atomic_load(&traffic.accepted));
    bl_batcher_free(batcher);
}

static void c06_free_handles_every_accepted_item(void)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 0; i < 12345; i++)
        CHECK_OK(put(batcher, 1));
    bl_batcher_free(batcher);
    CHECK_EQ(atomic_load(&watched.items), 12345);
    CHECK_EQ(atomic_load(&watched.frees), 1);
}

static void c06_what_a_free_gives_up_is_reported_and_its_requests_are_told(void)
{
    struct watched watched;
    struct bl_request request;
    watched_init(&watched);
    memset(&request, 0, sizeof request);
    watched_hold(&watched, 1);
    struct bl_options options = watched_options(&watched);
    options.free_deadline_ns = 20 * MS;
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 0; i < 24; i++)
        CHECK_OK(put(batcher, i));
    CHECK_OK(submit(batcher, 25, &request));
    CHECK_SOON(atomic_load(&watched.running) == 1);
    bl_batcher_free(batcher);
    CHECK_STATUS(bl_request_poll(&request), BL_HANDED_BACK);
    CHECK_EQ(atomic_load(&watched.hook_kind), BL_FAILURE_ABANDONED);
    CHECK_EQ(atomic_load(&watched.hook_items), 15);
    CHECK_EQ(atomic_load(&watched.frees), 0);
    watched_hold(&watched, 0);
    CHECK_SOON(atomic_load(&watched.frees) == 1);
}

static void c06_freeing_a_polled_batcher_reports_what_nobody_polled(void)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = polled_options();
    options.free_deadline_ns = 0;
    options.on_failure.call = watched_hook;
    options.on_failure.user_data = &watched;
    options.on_failure.free_user_data = watched_free;
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 0; i < 13; i++)
        CHECK_OK(put(batcher, i));
    bl_batcher_free(batcher);
    CHECK_EQ(atomic_load(&watched.hook_items), 13);
    CHECK_EQ(atomic_load(&watched.frees), 1);
}

static void c07_a_close_under_sustained_traffic_ends(void)
{
    for (int round = 0; round < 10; round++) {
        struct watched watched;
        pthread_t threads[4];
        watched_init(&watched);
        struct bl_options options = watched_options(&watched);
        struct bl_batcher *batcher = made(&options);
        struct traffic traffic = { .batcher = batcher };
        for (int i = 0; i < 4; i++)
            threads[i] = started(put_for_ever, &traffic);
        CHECK_SOON(atomic_load(&traffic.accepted) > 100);
        struct bl_receipt_counts counts = closed(batcher, 10 * SECOND);
        for (int i = 0; i < 4; i++)
            joined(threads[i]);
        CHECK_EQ(counts.timed_out, 0);
        CHECK_STATUS(atomic_load(&traffic.last_status), BL_CLOSED);
        CHECK_EQ(counts.accepted, atomic_load(&traffic.accepted));
        CHECK_EQ(counts.done, atomic_load(&watched.items));
        bl_batcher_free(batcher);
    }
}

const struct check_case close_cases[] = {
    CASE(c01_a_put_blocked_at_close_returns_its_item),
    CASE(c01_a_put_with_a_timeout_blocked_at_close_returns_its_item),
    CASE(c01_a_put_blocked_at_close_by_a_stuck_handler_returns_its_item),
    CASE(c02_close_returns_only_when_no_handler_is_running),
    CASE(c02_a_second_close_waits_for_the_first),
    CASE(c03_flush_and_put_after_close_return_an_error_at_once),
    CASE(c03_put_and_flush_from_inside_a_handler),
    CASE(c03_close_from_inside_a_handler),
    CASE(c03_free_from_inside_a_handler),
    CASE(c04_close_with_a_stuck_handler_returns_at_the_deadline_with_a_receipt),
    CASE(c05_flush_overrides_the_linger_and_is_a_barrier),
    CASE(c05_a_flush_with_a_timeout_honours_it),
    CASE(c05_items_put_during_a_flush_do_not_prolong_it_for_ever),
    CASE(c06_free_handles_every_accepted_item),
    CASE(c06_what_a_free_gives_up_is_reported_and_its_requests_are_told),
    CASE(c06_freeing_a_polled_batcher_reports_what_nobody_polled),
    CASE(c07_a_close_under_sustained_traffic_ends),
    LAST_CASE,
};
