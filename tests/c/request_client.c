/*
 * request_client.c: asks a slow service about one thing at a time, and is asked back in batches.
 *
 *     request_client
 *
 * The service answers a hundred questions as fast as one, so questions are gathered. Who asks gets the answer to its
 * own question, in three ways: by waiting, by a callback, or by polling. Some questions are cancelled, some come with
 * a deadline. The structs that carry the questions are the program's own, and are used again and again: a question
 * allocates nothing.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../include/batchline.h"

#define CHECK(condition) ((condition) ? (void)0 : give_up(#condition, __LINE__))
#define MS ((uint64_t)1000000)

enum { POOL = 64, QUESTIONS = 5000, UNLUCKY = 13, NAP = 1000000 };

static void give_up(const char *what, int line)
{
    char detail[256] = "";
    bl_last_error(detail, sizeof detail);
    fprintf(stderr, "request_client:%d: not so: %s (%s)\n", line, what, detail);
    exit(1);
}

/* The service: squares numbers. It fails one number, answers the others of its batch all the same, and may be slow. */
struct service {
    _Atomic uint64_t calls, is_napping;
};

static void nap(uint64_t duration_ms)
{
    const struct timespec duration = { 0, (long)(duration_ms * MS) };
    nanosleep(&duration, NULL);
}

static int32_t answer(void *user_data, struct bl_batch *batch)
{
    struct service *service = user_data;
    struct bl_batch_view view;
    CHECK(bl_batch_get_view(batch, &view) == BL_OK);
    atomic_fetch_add(&service->calls, 1);
    const uint64_t *questions = view.items; /* `stride` is 8 */
    for (size_t i = 0; i < view.len; i++) {
        if (questions[i] == NAP)
            atomic_store(&service->is_napping, 1), nap(50);
        if (questions[i] == UNLUCKY)
            bl_batch_fail(batch, i, UNLUCKY);
        else
            bl_batch_reply(batch, i, questions[i] * questions[i]);
    }
    return 0;
}

/* Whoever asked knows already. Without a hook, a line would go to the standard error stream. */
static void hear_of_failures(void *user_data, const struct bl_failure *report)
{
    (void)user_data, (void)report;
}

static int32_t ask(const struct bl_batcher *batcher, uint64_t question, struct bl_request *request)
{
    return bl_submit(batcher, &question, sizeof question, NULL, request);
}

/* One question, one answer: the plainest way. The thread sleeps meanwhile. */
static void ask_and_wait(const struct bl_batcher *batcher)
{
    struct bl_request request = { 0 };
    CHECK(ask(batcher, 12, &request) == BL_OK);
    CHECK(bl_request_wait(&request, BL_NEVER) == BL_OK);
    CHECK(request.reply == 144);
    CHECK(ask(batcher, UNLUCKY, &request) == BL_OK);
    CHECK(bl_request_wait(&request, BL_NEVER) == BL_FAILED);
    CHECK(request.code == UNLUCKY);
}

/* A pool of requests with callbacks: each finished one asks the next question, on a thread of the batcher. */
struct pool {
    const struct bl_batcher *batcher;
    struct bl_request requests[POOL];
    uint64_t asked[POOL]; /* what each request is out for */
    _Atomic uint64_t next, answered, idle;
};

static void ask_next(struct bl_request *request)
{
    struct pool *pool = request->user_data;
    uint64_t question = atomic_fetch_add(&pool->next, 1);
    if (question >= QUESTIONS) {
        atomic_fetch_add(&pool->idle, 1);
        return;
    }
    pool->asked[request - pool->requests] = question;
    CHECK(ask(pool->batcher, question, request) == BL_OK);
}

/* The request is ours again as soon as this is called. */
static void take_answer(struct bl_request *request)
{
    struct pool *pool = request->user_data;
    uint64_t question = pool->asked[request - pool->requests];
    if (question == UNLUCKY)
        CHECK(request->status == BL_FAILED && request->code == UNLUCKY);
    else
        CHECK(request->status == BL_OK && request->reply == question * question);
    atomic_fetch_add(&pool->answered, 1);
    ask_next(request);
}

static void ask_with_callbacks(const struct bl_batcher *batcher)
{
    static struct pool pool;
    pool.batcher = batcher;
    for (int i = 0; i < POOL; i++) {
        pool.requests[i].user_data = &pool;
        pool.requests[i].callback = take_answer;
        ask_next(&pool.requests[i]);
    }
    while (atomic_load(&pool.idle) < POOL)
        nap(1);
    CHECK(atomic_load(&pool.answered) == QUESTIONS);
}

/* The same without callbacks: an event loop would do something useful between two rounds. */
static void ask_and_poll(const struct bl_batcher *batcher)
{
    static struct bl_request requests[POOL];
    uint64_t asked[POOL], next = 100, out = 0, answered = 0;
    for (; out < POOL; out++) {
        asked[out] = next++;
        CHECK(ask(batcher, asked[out], &requests[out]) == BL_OK);
    }
    for (int i = 0; out > 0; i = (i + 1) % POOL) {
        if (i == 0)
            nap(1);
        if (asked[i] == 0 || bl_request_poll(&requests[i]) == BL_PENDING)
            continue;
        CHECK(requests[i].status == BL_OK && requests[i].reply == asked[i] * asked[i]);
        answered++;
        asked[i] = next < 100 + QUESTIONS ? next++ : 0;
        if (asked[i] != 0)
            CHECK(ask(batcher, asked[i], &requests[i]) == BL_OK);
        else
            out--;
    }
    CHECK(answered == QUESTIONS);
}

/* While the service naps, one question is taken back and another is not answered in time. */
static void cancel_and_expire(const struct bl_batcher *batcher, struct service *service)
{
    struct bl_request slow = { 0 }, unwanted = { 0 }, urgent = { 0 };
    const struct bl_item_options within_5_ms = { sizeof within_5_ms, BL_NEVER, 5 * MS };
    const uint64_t question = 9;
    CHECK(ask(batcher, NAP, &slow) == BL_OK);
    while (!atomic_load(&service->is_napping))
        nap(1);
    CHECK(ask(batcher, 8, &unwanted) == BL_OK);
    CHECK(bl_submit(batcher, &question, sizeof question, &within_5_ms, &urgent) == BL_OK);
    CHECK(bl_request_cancel(&unwanted) == BL_OK);
    CHECK(unwanted.status == BL_CANCELLED);
    CHECK(bl_request_cancel(&slow) == BL_TOO_LATE);
    CHECK(bl_request_wait(&urgent, BL_NEVER) == BL_EXPIRED);
    CHECK(bl_request_wait(&slow, 0) == BL_PENDING);
    CHECK(bl_request_wait(&slow, BL_NEVER) == BL_OK);
}

int main(void)
{
    static struct service service;
    struct bl_options options;
    struct bl_batcher *batcher;
    struct bl_receipt *receipt;
    struct bl_receipt_counts counts;
    CHECK(bl_options_init(&options, sizeof options) == BL_OK);
    options.name = "questions";
    options.record_size = sizeof(uint64_t);
    options.batch_items_max = POOL;
    options.demand = 1; /* a free service takes what waits; a busy one lets questions gather */
    options.handler.call = answer;
    options.handler.user_data = &service;
    options.on_failure.call = hear_of_failures;
    CHECK(bl_batcher_new(&options, &batcher) == BL_OK);

    ask_and_wait(batcher);
    ask_with_callbacks(batcher);
    ask_and_poll(batcher);
    cancel_and_expire(batcher, &service);

    CHECK(bl_close(batcher, BL_NEVER, &receipt) == BL_OK);
    CHECK(bl_receipt_get_counts(receipt, &counts) == BL_OK);
    CHECK(counts.done == 2 * QUESTIONS + 1 && counts.failed == 2 && counts.cancelled == 1 && counts.expired == 1);
    printf("%d questions answered in %d calls of the service\n", (int)counts.done, (int)service.calls);
    bl_receipt_free(receipt);
    bl_batcher_free(batcher);
    return 0;
}
