/* C10 to C15: who gets which outcome. */
#include <fcntl.h>
#include <unistd.h>

#include "watched.h"

extern const struct check_case outcome_cases[];

/* Submits `count` requests with values from `first` on. */
static void submit_run(const struct bl_batcher *batcher, struct bl_request *requests, uint64_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        memset(&requests[i], 0, sizeof requests[i]);
        CHECK_OK(submit(batcher, first + i, &requests[i]));
    }
}

static void check_all(struct bl_request *requests, uint64_t count, int32_t status, int32_t code)
{
    for (uint64_t i = 0; i < count; i++) {
        CHECK_STATUS(bl_request_wait(&requests[i], 10 * SECOND), status);
        CHECK_EQ(requests[i].status, status);
        CHECK_EQ(requests[i].code, code);
    }
}

/* Seals what was submitted, unless that happens by itself. A full byte bound seals when one more item comes. */
static void seal(const struct bl_batcher *batcher, int32_t reason)
{
    if (reason == BL_SEAL_FLUSH)
        CHECK_OK(bl_flush(batcher, BL_NEVER));
    if (reason == BL_SEAL_BYTES)
        CHECK_OK(put(batcher, 1));
    if (reason == BL_SEAL_CLOSE)
        closed(batcher, BL_NEVER);
}

static struct bl_options options_that_seal_by(int32_t reason, struct watched *watched)
{
    struct bl_options options = watched_options(watched);
    options.batch_items_max = reason == BL_SEAL_SIZE ? 10 : 100;
    if (reason == BL_SEAL_LINGER)
        options.linger_ns = 2 * MS;
    if (reason == BL_SEAL_TICK)
        options.tick_ns = 2 * MS;
    if (reason == BL_SEAL_BYTES)
        options.batch_bytes_max = 80;
    return options;
}

/* A batch of ten fails, the next ten are handled; what sealed them is `reason`. */
static void check_that_an_error_stays_in_its_batch(int32_t reason)
{
    struct watched watched;
    struct bl_request bad[10], good[10];
    watched_init(&watched);
    struct bl_options options = options_that_seal_by(reason, &watched);
    struct bl_batcher *batcher = made(&options);
    watched.code = -42;
    submit_run(batcher, bad, 0, 10);
    seal(batcher, reason);
    check_all(bad, 10, BL_FAILED, -42);
    CHECK_EQ(stats_of(batcher).failed, 10);
    /* The hook is told after the submitters. */
    CHECK_SOON(atomic_load(&watched.hook_items) == 10);
    CHECK_EQ((int32_t)atomic_load(&watched.hook_code), -42);
    CHECK(atomic_load(&watched.reasons[reason]) > 0);
    if (reason != BL_SEAL_CLOSE) {
        watched.code = 0;
        CHECK_OK(bl_flush(batcher, BL_NEVER));
        submit_run(batcher, good, 100, 10);
        seal(batcher, reason);
        check_all(good, 10, BL_OK, 0);
        for (uint64_t i = 0; i < 10; i++)
            CHECK_EQ(good[i].reply, 101 + i);
        CHECK_EQ(stats_of(batcher).failed, 10);
    }
    bl_batcher_free(batcher);
}

static void c10_a_handler_error_reaches_every_submitter_of_its_batch_and_no_other_by_any_trigger(void)
{
    check_that_an_error_stays_in_its_batch(BL_SEAL_SIZE);
    check_that_an_error_stays_in_its_batch(BL_SEAL_BYTES);
    check_that_an_error_stays_in_its_batch(BL_SEAL_LINGER);
    check_that_an_error_stays_in_its_batch(BL_SEAL_TICK);
    check_that_an_error_stays_in_its_batch(BL_SEAL_FLUSH);
    check_that_an_error_stays_in_its_batch(BL_SEAL_CLOSE);
}

static void c10_a_polled_batch_that_fails_reaches_its_submitters(void)
{
    struct bl_request first[10], second[10];
    struct bl_batch *batch;
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = polled_options();
    options.on_failure.call = watched_hook;
    options.on_failure.user_data = &watched;
    struct bl_batcher *batcher = made(&options);
    submit_run(batcher, first, 0, 10);
    submit_run(batcher, second, 10, 10);
    CHECK_OK(bl_next_batch(batcher, 0, &batch));
    CHECK_OK(bl_batch_done(batch, 5));
    CHECK_OK(bl_next_batch(batcher, 0, &batch));
    CHECK_OK(bl_batch_fail(batch, 3, 6));
    CHECK_OK(bl_batch_reply(batch, 4, 44));
    CHECK_OK(bl_batch_done(batch, 0));
    check_all(first, 10, BL_FAILED, 5);
    check_all(second, 3, BL_OK, 0);
    check_all(second + 3, 1, BL_FAILED, 6);
    check_all(second + 4, 6, BL_OK, 0);
    CHECK_EQ(second[4].reply, 44);
    CHECK_EQ(second[5].reply, 0);
    CHECK_EQ(atomic_load(&watched.hook_items), 11);
    bl_batcher_free(batcher);
}

static void c11_a_failing_handler_leaves_a_counter_and_a_hook_call(void)
{
    struct watched watched;
    watched_init(&watched);
    watched.code = 9;
    struct bl_options options = watched_options(&watched);
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(put(batcher, 1));
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    CHECK_EQ(stats_of(batcher).failed, 1);
    CHECK_EQ(stats_of(batcher).failed_batches, 1);
    CHECK_EQ(atomic_load(&watched.hook_calls), 1);
    CHECK_EQ(atomic_load(&watched.hook_kind), BL_FAILURE_FAILED);
    CHECK_EQ(atomic_load(&watched.hook_code), 9);
    bl_batcher_free(batcher);
}

static void c11_without_a_failure_hook_the_log_hears_of_it(void)
{
    struct watched watched;
    watched_init(&watched);
    watched.code = 9;
    struct bl_options options = watched_options(&watched);
    memset(&options.on_failure, 0, sizeof options.on_failure);
    options.on_log.call = watched_log;
    options.on_log.user_data = &watched;
    options.on_log.free_user_data = watched_free;
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(put(batcher, 1));
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    CHECK_EQ(atomic_load(&watched.logs), 1);
    closed(batcher, BL_NEVER);
    CHECK_EQ(atomic_load(&watched.logs), 2);
    bl_batcher_free(batcher);
    CHECK_EQ(atomic_load(&watched.frees), 2);
}

static void c11_with_default_settings_a_failure_is_told_on_stderr(void)
{
    struct watched watched;
    char text[1024] = "";
    int ends[2];
    watched_init(&watched);
    watched.code = 1234;
    struct bl_options options = watched_options(&watched);
    memset(&options.on_failure, 0, sizeof options.on_failure);
    struct bl_batcher *batcher = made(&options);
    CHECK_EQ(pipe(ends), 0);
    int kept = dup(STDERR_FILENO);
    CHECK(kept >= 0 && dup2(ends[1], STDERR_FILENO) >= 0);
    int32_t was_put = put(batcher, 1);
    int32_t flushed = bl_flush(batcher, BL_NEVER);
    CHECK(dup2(kept, STDERR_FILENO) >= 0);
    CHECK_OK(was_put);
    CHECK_OK(flushed);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    CHECK(read(ends[0], text, sizeof text - 1) > 0);
    CHECK(strstr(text, "watched") != NULL && strstr(text, "1234") != NULL);
    close(kept);
    close(ends[0]);
    close(ends[1]);
    bl_batcher_free(batcher);
}

static void c12_a_cancelled_item_never_reaches_the_handler_and_no_other_is_touched(void)
{
    struct watched watched;
    struct bl_request requests[10];
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    options.batch_items_max = 100;
    struct bl_batcher *batcher = made(&options);
    submit_run(batcher, requests, 1, 10);
    CHECK_OK(bl_request_cancel(&requests[4]));
    CHECK_STATUS(bl_request_poll(&requests[4]), BL_CANCELLED);
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    CHECK_EQ(atomic_load(&watched.items), 9);
    CHECK_EQ(atomic_load(&watched.sum), 55 - 5);
    check_all(requests, 4, BL_OK, 0);
    check_all(requests + 5, 5, BL_OK, 0);
    CHECK_STATUS(bl_request_cancel(&requests[0]), BL_TOO_LATE);
    CHECK_EQ(closed(batcher, BL_NEVER).cancelled, 1);
    bl_batcher_free(batcher);
}

static void c12_an_expired_item_never_reaches_the_handler_and_no_other_is_touched(void)
{
    struct watched watched;
    struct bl_request requests[3];
    struct bl_item_options soon = { sizeof soon, BL_NEVER, MS };
    struct bl_batch *batch;
    struct bl_batch_view view;
    uint64_t value = 1000;
    watched_init(&watched);
    memset(requests, 0, sizeof requests);
    struct bl_options options = polled_options();
    options.on_failure.call = watched_hook;
    options.on_failure.user_data = &watched;
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(submit(batcher, 1, &requests[0]));
    CHECK_OK(bl_submit(batcher, &value, sizeof value, &soon, &requests[1]));
    CHECK_OK(submit(batcher, 2, &requests[2]));
    CHECK_OK(bl_put_with(batcher, &value, sizeof value, &soon));
    sleep_ns(3 * MS);
    CHECK_OK(bl_next_batch(batcher, 0, &batch));
    CHECK_OK(bl_batch_get_view(batch, &view));
    CHECK_EQ(view.len, 2);
    CHECK_EQ(value_at(&view, 0) + value_at(&view, 1), 3);
    CHECK_OK(bl_batch_done(batch, 0));
    CHECK_STATUS(bl_request_poll(&requests[0]), BL_OK);
    CHECK_STATUS(bl_request_poll(&requests[1]), BL_EXPIRED);
    CHECK_STATUS(bl_request_poll(&requests[2]), BL_OK);
    CHECK_EQ(stats_of(batcher).expired, 2);
    CHECK_EQ(atomic_load(&watched.hook_kind), BL_FAILURE_EXPIRED);
    CHECK_EQ(atomic_load(&watched.hook_items), 2);
    bl_batcher_free(batcher);
}

static void c12_a_wait_gives_an_item_up_at_its_deadline(void)
{
    struct watched watched;
    struct bl_request request;
    struct bl_item_options soon = { sizeof soon, BL_NEVER, 5 * MS };
    uint64_t value = 1000;
    watched_init(&watched);
    memset(&request, 0, sizeof request);
    watched_hold(&watched, 1);
    struct bl_options options = watched_options(&watched);
    options.batch_items_max = 1;
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(put(batcher, 1));
    CHECK_SOON(atomic_load(&watched.running) == 1);
    CHECK_OK(bl_submit(batcher, &value, sizeof value, &soon, &request));
    uint64_t before_ns = now_ns();
    CHECK_STATUS(bl_request_wait(&request, BL_NEVER), BL_EXPIRED);
    uint64_t took_ns = now_ns() - before_ns;
    CHECK(took_ns >= 4 * MS && took_ns < 500 * MS);
    watched_hold(&watched, 0);
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    CHECK_EQ(atomic_load(&watched.sum), 1);
    CHECK_EQ(stats_of(batcher).expired, 1);
    bl_batcher_free(batcher);
}

static void c13_an_index_that_the_batch_does_not_have_is_refused_and_named(void)
{
    struct bl_batch *batch;
    struct bl_bytes item;
    struct bl_options options = polled_options();
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 0; i < 10; i++)
        CHECK_OK(put(batcher, i));
    CHECK_OK(bl_next_batch(batcher, 0, &batch));
    CHECK_EQ(bl_batch_len(batch), 10);
    CHECK_STATUS(bl_batch_fail(batch, 10, 1), BL_INVALID);
    CHECK_TEXT("item 10 of a batch of 10");
    CHECK_STATUS(bl_batch_reply(batch, SIZE_MAX, 1), BL_INVALID);
    CHECK_STATUS(bl_batch_item(batch, 11, &item), BL_INVALID);
    CHECK_STATUS(bl_batch_key(batch, &item), BL_UNSUPPORTED);
    CHECK_OK(bl_batch_done(batch, 0));
    CHECK_EQ(stats_of(batcher).done, 10);
    bl_batcher_free(batcher);
}

/* A handler that fails any batch with the bad item in it, and counts its calls. */
static int32_t fail_with_the_bad_one(void *user_data, struct bl_batch *batch)
{
    struct watched *watched = user_data;
    struct bl_batch_view view;
    CHECK_OK(bl_batch_get_view(batch, &view));
    atomic_fetch_add(&watched->calls, 1);
    for (size_t i = 0; i < view.len; i++) {
        if (value_at(&view, i) == watched->bad_value)
            return BAD_CODE;
    }
    for (size_t i = 0; i < view.len; i++)
        CHECK_OK(bl_batch_reply(batch, i, 1));
    atomic_fetch_add(&watched->items, view.len);
    return 0;
}

static void c14_with_bisection_one_bad_item_fails_alone_within_the_stated_bound(void)
{
    struct watched watched;
    struct bl_request requests[64];
    for (uint64_t bad = 1; bad <= 64; bad += 9) {
        watched_init(&watched);
        watched.bad_value = bad;
        struct bl_options options = watched_options(&watched);
        options.batch_items_max = 64;
        options.retry_calls_max = 20;
        options.handler.call = fail_with_the_bad_one;
        struct bl_batcher *batcher = made(&options);
        submit_run(batcher, requests, 1, 64);
        CHECK_OK(bl_flush(batcher, BL_NEVER));
        for (uint64_t i = 0; i < 64; i++)
            check_all(&requests[i], 1, i + 1 == bad ? BL_FAILED : BL_OK, i + 1 == bad ? BAD_CODE : 0);
        CHECK_EQ(atomic_load(&watched.items), 63);
        CHECK(atomic_load(&watched.calls) <= 20);
        CHECK_EQ(stats_of(batcher).failed, 1);
        bl_batcher_free(batcher);
    }
}

static void c14_items_failed_one_by_one_fail_alone(void)
{
    struct watched watched;
    struct bl_request requests[10];
    watched_init(&watched);
    watched.bad_value = 4;
    struct bl_options options = watched_options(&watched);
    struct bl_batcher *batcher = made(&options);
    submit_run(batcher, requests, 1, 10);
    check_all(requests, 3, BL_OK, 0);
    check_all(requests + 3, 1, BL_FAILED, BAD_CODE);
    check_all(requests + 4, 6, BL_OK, 0);
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    CHECK_EQ(atomic_load(&watched.calls), 1);
    CHECK_EQ(atomic_load(&watched.hook_items), 1);
    bl_batcher_free(batcher);
}

static void check_that_a_wait_takes(uint64_t before_ns, uint64_t wanted_ns)
{
    uint64_t took_ns = now_ns() - before_ns;
    CHECK(took_ns >= wanted_ns - wanted_ns / 10);
    CHECK(took_ns < wanted_ns + 500 * MS);
}

static void c15_a_blocked_put_honours_its_deadline(void)
{
    struct bl_options options = polled_options();
    uint64_t value = 1;
    options.queue_items_max = 10;
    options.overflow = BL_OVERFLOW_BLOCK_FOR;
    options.overflow_wait_ns = 30 * MS;
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 0; i < 10; i++)
        CHECK_OK(put(batcher, i));
    uint64_t before_ns = now_ns();
    CHECK_STATUS(put(batcher, 1), BL_TIMED_OUT);
    check_that_a_wait_takes(before_ns, 30 * MS);
    before_ns = now_ns();
    CHECK_STATUS(bl_put_timeout(batcher, &value, sizeof value, 10 * MS), BL_TIMED_OUT);
    check_that_a_wait_takes(before_ns, 10 * MS);
    CHECK_STATUS(bl_put_timeout(batcher, &value, sizeof value, 0), BL_TIMED_OUT);
    CHECK_STATUS(try_put(batcher, 1), BL_FULL);
    CHECK_EQ(stats_of(batcher).refused, 4);
    closed(batcher, 0);
    bl_batcher_free(batcher);
}

static void *poll_one_later(void *argument)
{
    struct bl_batch *batch;
    sleep_ns(10 * MS);
    CHECK_OK(bl_next_batch(argument, SECOND, &batch));
    CHECK_OK(bl_batch_done(batch, 0));
    return NULL;
}

static void c15_a_blocked_put_goes_on_as_soon_as_there_is_room(void)
{
    struct bl_options options = polled_options();
    uint64_t value = 1;
    options.queue_items_max = 10;
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 0; i < 10; i++)
        CHECK_OK(put(batcher, i));
    pthread_t thread = started(poll_one_later, batcher);
    CHECK_OK(bl_put_timeout(batcher, &value, sizeof value, BL_NEVER));
    joined(thread);
    closed(batcher, 0);
    bl_batcher_free(batcher);
}

const struct check_case outcome_cases[] = {
    CASE(c10_a_handler_error_reaches_every_submitter_of_its_batch_and_no_other_by_any_trigger),
    CASE(c10_a_polled_batch_that_fails_reaches_its_submitters),
    CASE(c11_a_failing_handler_leaves_a_counter_and_a_hook_call),
    CASE(c11_without_a_failure_hook_the_log_hears_of_it),
    CASE(c11_with_default_settings_a_failure_is_told_on_stderr),
    CASE(c12_a_cancelled_item_never_reaches_the_handler_and_no_other_is_touched),
    CASE(c12_an_expired_item_never_reaches_the_handler_and_no_other_is_touched),
    CASE(c12_a_wait_gives_an_item_up_at_its_deadline),
    CASE(c13_an_index_that_the_batch_does_not_have_is_refused_and_named),
    CASE(c14_with_bisection_one_bad_item_fails_alone_within_the_stated_bound),
    CASE(c14_items_failed_one_by_one_fail_alone),
    CASE(c15_a_blocked_put_honours_its_deadline),
    CASE(c15_a_blocked_put_goes_on_as_soon_as_there_is_room),
    LAST_CASE,
};
