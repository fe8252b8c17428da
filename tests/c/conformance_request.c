/* Requests: callbacks, polling, reuse, cancellation that races with completion. */
#include "watched.h"

extern const struct check_case request_cases[];

/* What the callbacks of a test count. */
struct told {
    const struct bl_batcher *batcher;
    _Atomic uint64_t ok, failed, cancelled, expired, handed_back, replies, submits_left;
};

static void tell(struct bl_request *request)
{
    struct told *told = request->user_data;
    switch (request->status) {
    case BL_OK: atomic_fetch_add(&told->ok, 1); break;
    case BL_FAILED: atomic_fetch_add(&told->failed, 1); break;
    case BL_CANCELLED: atomic_fetch_add(&told->cancelled, 1); break;
    case BL_EXPIRED: atomic_fetch_add(&told->expired, 1); break;
    case BL_HANDED_BACK: atomic_fetch_add(&told->handed_back, 1); break;
    default: CHECK_STATUS(request->status, BL_OK);
    }
    atomic_fetch_add(&told->replies, request->reply);
}

static struct bl_request with_callback(struct told *told, bl_request_fn callback)
{
    struct bl_request request;
    memset(&request, 0, sizeof request);
    request.user_data = told;
    request.callback = callback;
    return request;
}

static void callbacks_get_the_reply_of_their_own_item(void)
{
    struct watched watched;
    struct told told = { .batcher = NULL };
    struct bl_request requests[25];
    watched_init(&watched);
    watched.bad_value = 3;
    struct bl_options options = watched_options(&watched);
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 0; i < 25; i++) {
        requests[i] = with_callback(&told, tell);
        CHECK_OK(submit(batcher, i, &requests[i]));
    }
    CHECK_STATUS(bl_request_wait(&requests[24], 0), BL_INVALID);
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    CHECK_SOON(atomic_load(&told.ok) + atomic_load(&told.failed) == 25);
    CHECK_EQ(told.failed, 1);
    CHECK_EQ(requests[3].code, BAD_CODE);
    for (uint64_t i = 0; i < 25; i++)
        CHECK_EQ(requests[i].reply, i == 3 ? 0 : i + 1);
    bl_batcher_free(batcher);
}

static void submit_again(struct bl_request *request)
{
    struct told *told = request->user_data;
    CHECK_STATUS(request->status, BL_OK);
    atomic_fetch_add(&told->ok, 1);
    uint64_t left = atomic_load(&told->submits_left);
    if (left > 0) {
        atomic_store(&told->submits_left, left - 1);
        CHECK_OK(submit(told->batcher, left, request));
    }
}

static void a_callback_may_submit_its_request_again(void)
{
    static const uint32_t dispatches[] = { BL_DISPATCH_THREAD, BL_DISPATCH_CALLER };
    for (int i = 0; i < 2; i++) {
        struct watched watched;
        watched_init(&watched);
        struct bl_options options = watched_options(&watched);
        options.batch_items_max = 1;
        options.dispatch = dispatches[i];
        struct bl_batcher *batcher = made(&options);
        struct told told = { .batcher = batcher, .submits_left = 200 };
        struct bl_request request = with_callback(&told, submit_again);
        CHECK_OK(submit(batcher, 1, &request));
        CHECK_SOON(atomic_load(&told.ok) == 201);
        CHECK_EQ(closed(batcher, BL_NEVER).done, 201);
        bl_batcher_free(batcher);
    }
}

static void a_refused_request_is_as_if_it_was_never_submitted(void)
{
    struct told told = { .batcher = NULL };
    struct bl_request first = with_callback(&told, tell), second = with_callback(&told, tell);
    struct bl_options options = polled_options();
    options.batch_items_max = options.queue_items_max = 1;
    options.overflow = BL_OVERFLOW_FAIL;
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(submit(batcher, 1, &first));
    CHECK_STATUS(first.status, BL_PENDING);
    CHECK_STATUS(submit(batcher, 2, &second), BL_FULL);
    CHECK_STATUS(bl_request_cancel(&second), BL_TOO_LATE);
    closed(batcher, 0);
    CHECK_EQ(told.handed_back, 1);
    CHECK_EQ(told.ok + told.cancelled + told.failed, 0);
    bl_batcher_free(batcher);
}

static void a_cancelled_request_with_a_callback_is_called_back_by_the_canceller(void)
{
    struct told told = { .batcher = NULL };
    struct bl_request request = with_callback(&told, tell);
    struct bl_options options = polled_options();
    struct bl_batcher *batcher = made(&options);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(submit(batcher, 1, &request));
        CHECK_OK(bl_request_cancel(&request));
        CHECK_EQ(told.cancelled, i + 1);
        CHECK_STATUS(bl_request_cancel(&request), BL_TOO_LATE);
    }
    CHECK_EQ(closed(batcher, 0).cancelled, 3);
    CHECK_EQ(told.cancelled, 3);
    bl_batcher_free(batcher);
}

static void a_callback_hears_of_its_deadline_and_of_the_end_of_the_batcher(void)
{
    struct told told = { .batcher = NULL };
    struct bl_item_options soon = { sizeof soon, BL_NEVER, MS };
    uint64_t value = 1;
    struct bl_batch *batch;
    struct bl_request late = with_callback(&told, tell), left = with_callback(&told, tell);
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = polled_options();
    options.free_deadline_ns = 0;
    options.on_failure.call = watched_hook;
    options.on_failure.user_data = &watched;
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(bl_submit(batcher, &value, sizeof value, &soon, &late));
    sleep_ns(3 * MS);
    CHECK_STATUS(bl_next_batch(batcher, 0, &batch), BL_TIMED_OUT);
    CHECK_EQ(told.expired, 1);
    CHECK_OK(submit(batcher, 1, &left));
    bl_batcher_free(batcher);
    CHECK_EQ(told.handed_back, 1);
}

/* Two threads on one request: one waits for the batch, the other cancels. */
struct race {
    struct bl_batcher *batcher;
    struct bl_request *requests;
    _Atomic uint64_t cancelled;
    _Atomic int start;
};

#define RACERS 2000

static void *cancel_all(void *argument)
{
    struct race *race = argument;
    while (!atomic_load(&race->start)) {
    }
    for (int i = RACERS - 1; i >= 0; i--) {
        int32_t status = bl_request_cancel(&race->requests[i]);
        if (status == BL_OK)
            atomic_fetch_add(&race->cancelled, 1);
        else
            CHECK_STATUS(status, BL_TOO_LATE);
    }
    return NULL;
}

static void check_a_race(struct told *told, bl_request_fn callback)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    options.batch_items_max = 50;
    options.queue_items_max = RACERS;
    struct race race = { .requests = calloc(RACERS, sizeof(struct bl_request)) };
    CHECK(race.requests != NULL);
    watched_hold(&watched, 1);
    race.batcher = made(&options);
    for (uint64_t i = 0; i < RACERS; i++) {
        race.requests[i] = with_callback(told, callback);
        CHECK_OK(submit(race.batcher, i, &race.requests[i]));
    }
    pthread_t thread = started(cancel_all, &race);
    atomic_store(&race.start, 1);
    watched_hold(&watched, 0);
    joined(thread);
    CHECK_OK(bl_flush(race.batcher, BL_NEVER));
    uint64_t cancelled = atomic_load(&race.cancelled);
    CHECK_EQ(atomic_load(&watched.items), RACERS - cancelled);
    CHECK_EQ(stats_of(race.batcher).cancelled, cancelled);
    for (int i = 0; callback == NULL && i < RACERS; i++) {
        int32_t status = bl_request_wait(&race.requests[i], SECOND);
        cancelled -= status == BL_CANCELLED;
        CHECK(status == BL_OK || status == BL_CANCELLED);
    }
    if (callback != NULL) {
        CHECK_SOON(atomic_load(&told->ok) + atomic_load(&told->cancelled) == RACERS);
        cancelled -= atomic_load(&told->cancelled);
    }
    CHECK_EQ(cancelled, 0);
    bl_batcher_free(race.batcher);
    free(race.requests);
}

static void c12_cancel_races_with_dispatch_and_each_item_gets_exactly_one_outcome(void)
{
    for (int round = 0; round < 10; round++) {
        struct told told = { .batcher = NULL };
        check_a_race(&told, tell);
        check_a_race(&told, NULL);
    }
}

static void *wait_for_reply(void *argument)
{
    struct bl_request *request = argument;
    CHECK_STATUS(bl_request_wait(request, BL_NEVER), BL_OK);
    CHECK_EQ(request->reply, 78);
    return NULL;
}

static void a_request_is_waited_for_in_another_thread(void)
{
    struct watched watched;
    struct bl_request request;
    watched_init(&watched);
    memset(&request, 0, sizeof request);
    struct bl_options options = watched_options(&watched);
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(submit(batcher, 77, &request));
    CHECK_STATUS(bl_request_poll(&request), BL_PENDING);
    CHECK_STATUS(bl_request_wait(&request, 5 * MS), BL_PENDING);
    pthread_t thread = started(wait_for_reply, &request);
    sleep_ns(5 * MS);
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    joined(thread);
    CHECK_STATUS(bl_request_wait(&request, 0), BL_OK);
    bl_batcher_free(batcher);
}

static void requests_outlive_their_batcher(void)
{
    struct watched watched;
    struct bl_request request;
    watched_init(&watched);
    memset(&request, 0, sizeof request);
    struct bl_options options = watched_options(&watched);
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(submit(batcher, 77, &request));
    bl_batcher_free(batcher);
    CHECK_STATUS(bl_request_cancel(&request), BL_TOO_LATE);
    CHECK_STATUS(bl_request_poll(&request), BL_OK);
    CHECK_EQ(request.reply, 78);
}

static void cancel_the_other(struct bl_request *request)
{
    struct bl_request *other = request->user_data;
    CHECK(request->status == BL_OK || request->status == BL_CANCELLED);
    if (other != NULL)
        CHECK_STATUS(bl_request_cancel(other), BL_OK);
}

static void a_callback_may_cancel_another_request(void)
{
    struct bl_request first, second;
    struct bl_batch *batch;
    struct bl_options options = polled_options();
    options.batch_items_max = 1;
    memset(&first, 0, sizeof first);
    memset(&second, 0, sizeof second);
    first.callback = second.callback = cancel_the_other;
    first.user_data = &second;
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(submit(batcher, 1, &first));
    CHECK_OK(submit(batcher, 2, &second));
    CHECK_OK(bl_next_batch(batcher, 0, &batch));
    CHECK_OK(bl_batch_done(batch, 0));
    CHECK_STATUS(first.status, BL_OK);
    CHECK_STATUS(second.status, BL_CANCELLED);
    CHECK_EQ(closed(batcher, 0).cancelled, 1);
    bl_batcher_free(batcher);
}

static void a_request_that_is_out_is_not_submitted_again(void)
{
    struct bl_options options = polled_options();
    struct bl_batcher *batcher = made(&options);
    struct told told = { .batcher = NULL };
    struct bl_request polled, called = with_callback(&told, tell);
    memset(&polled, 0, sizeof polled);
    CHECK_OK(submit(batcher, 1, &polled));
    CHECK_OK(submit(batcher, 2, &called));
    CHECK_STATUS(submit(batcher, 3, &polled), BL_INVALID);
    CHECK_STATUS(submit(batcher, 4, &called), BL_INVALID);
    CHECK_STATUS(bl_request_poll(&polled), BL_PENDING);
    struct bl_receipt_counts counts = closed(batcher, 0);
    CHECK_EQ(counts.accepted, 2);
    CHECK_EQ(counts.handed_back, 2);
    CHECK_STATUS(bl_request_poll(&polled), BL_HANDED_BACK);
    CHECK_EQ(told.handed_back, 1);
    bl_batcher_free(batcher);
}

const struct check_case request_cases[] = {
    CASE(callbacks_get_the_reply_of_their_own_item),
    CASE(a_callback_may_submit_its_request_again),
    CASE(a_refused_request_is_as_if_it_was_never_submitted),
    CASE(a_cancelled_request_with_a_callback_is_called_back_by_the_canceller),
    CASE(a_callback_hears_of_its_deadline_and_of_the_end_of_the_batcher),
    CASE(c12_cancel_races_with_dispatch_and_each_item_gets_exactly_one_outcome),
    CASE(a_request_is_waited_for_in_another_thread),
    CASE(requests_outlive_their_batcher),
    CASE(a_callback_may_cancel_another_request),
    CASE(a_request_that_is_out_is_not_submitted_again),
    LAST_CASE,
};
