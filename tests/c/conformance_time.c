/* C30, C31 and C33 to C35: when a batch is sealed, and what waiting costs. Bounds above are wide: machines are busy. */
#include "watched.h"

extern const struct check_case time_cases[];

static void c30_an_item_with_a_short_linger_pulls_its_batch_forward(void)
{
    struct watched watched;
    struct bl_item_options soon = { sizeof soon, MS, BL_NEVER };
    uint64_t value = 2;
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    options.linger_ns = 3600 * SECOND;
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(put(batcher, 1));
    sleep_ns(20 * MS);
    CHECK_EQ(atomic_load(&watched.items), 0);
    uint64_t before_ns = now_ns();
    CHECK_OK(bl_put_with(batcher, &value, sizeof value, &soon));
    CHECK_SOON(atomic_load(&watched.items) == 2);
    CHECK(now_ns() - before_ns < SECOND);
    CHECK_EQ(stats_of(batcher).batches_by_reason[BL_SEAL_LINGER], 1);
    bl_batcher_free(batcher);
}

static void c30_a_deadline_pulls_its_batch_forward_too(void)
{
    struct watched watched;
    struct bl_item_options urgent = { sizeof urgent, BL_NEVER, 40 * MS };
    uint64_t value = 1;
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(bl_put_with(batcher, &value, sizeof value, &urgent));
    CHECK_SOON(atomic_load(&watched.items) == 1 || atomic_load(&watched.hook_items) == 1);
    bl_batcher_free(batcher);
}

static void c30_a_lone_item_is_handled_after_the_linger_and_not_before(void)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    options.linger_ns = 20 * MS;
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 1; i <= 5; i++) {
        uint64_t before_ns = now_ns();
        CHECK_OK(put(batcher, 1));
        CHECK_SOON(atomic_load(&watched.items) == i);
        uint64_t took_ns = now_ns() - before_ns;
        CHECK(took_ns >= 20 * MS && took_ns < SECOND);
    }
    bl_batcher_free(batcher);
}

static void c31_a_changed_linger_takes_effect_on_an_open_batch(void)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    options.linger_ns = 3600 * SECOND;
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(put(batcher, 1));
    sleep_ns(5 * MS);
    CHECK_OK(bl_set_linger(batcher, MS));
    CHECK_SOON(atomic_load(&watched.items) == 1);
    CHECK_OK(bl_set_linger(batcher, 3600 * SECOND));
    CHECK_OK(put(batcher, 1));
    sleep_ns(30 * MS);
    CHECK_EQ(atomic_load(&watched.items), 1);
    bl_batcher_free(batcher);
    CHECK_EQ(atomic_load(&watched.items), 2);
}

static void c31_a_changed_tick_takes_effect_on_an_open_batch_and_the_old_one_is_gone(void)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    options.tick_ns = 3600 * SECOND;
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(put(batcher, 1));
    CHECK_OK(bl_set_tick(batcher, 2 * MS));
    CHECK_SOON(atomic_load(&watched.items) == 1);
    CHECK_EQ(stats_of(batcher).batches_by_reason[BL_SEAL_TICK], 1);
    CHECK_OK(bl_set_tick(batcher, 0));
    CHECK_OK(put(batcher, 1));
    sleep_ns(30 * MS);
    CHECK_EQ(atomic_load(&watched.items), 1);
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    CHECK_EQ(atomic_load(&watched.items), 2);
    bl_batcher_free(batcher);
}

static uint64_t process_time_ns(void)
{
    struct timespec used;
    CHECK_EQ(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), 0);
    return (uint64_t)used.tv_sec * SECOND + (uint64_t)used.tv_nsec;
}

static void c33_idle_batchers_use_no_time_also_when_they_are_watched(void)
{
    struct watched watched;
    int32_t fd;
    watched_init(&watched);
    struct bl_options push = watched_options(&watched), poll = polled_options();
    push.workers = 4;
    push.linger_ns = MS;
    struct bl_batcher *pushed = made(&push), *polled = made(&poll), *over = made(&poll);
    CHECK_OK(bl_poll_fd(polled, &fd));
    CHECK_OK(bl_poll_fd(over, &fd));
    closed(over, 0);
    CHECK_OK(put(pushed, 1));
    CHECK_OK(bl_flush(pushed, BL_NEVER));
    sleep_ns(50 * MS);
    uint64_t before_ns = process_time_ns(), wakeups = stats_of(pushed).wakeups;
    sleep_ns(SECOND);
    CHECK(process_time_ns() - before_ns < 20 * MS);
    CHECK_EQ(stats_of(pushed).wakeups, wakeups);
    bl_batcher_free(pushed);
    bl_batcher_free(polled);
    bl_batcher_free(over);
}

static void c34_a_lone_item_in_demand_mode_starts_its_handler_without_any_timer(void)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    options.demand = 1;
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 1; i <= 20; i++) {
        CHECK_OK(put(batcher, i));
        CHECK_SOON(atomic_load(&watched.items) == i);
    }
    CHECK(stats_of(batcher).batches_by_reason[BL_SEAL_DEMAND] > 0);
    bl_batcher_free(batcher);
}

struct flood {
    const struct bl_batcher *batcher;
    _Atomic int stop;
};

static void *put_flood(void *argument)
{
    struct flood *flood = argument;
    uint64_t many[64] = { 0 };
    while (!atomic_load(&flood->stop))
        CHECK_OK(bl_put_many(flood->batcher, many, 64, NULL));
    return NULL;
}

static void c35_sustained_traffic_of_one_thread_starves_neither_flush_nor_linger_nor_another_thread(void)
{
    struct watched watched;
    struct bl_request request;
    struct bl_item_options soon = { sizeof soon, MS, BL_NEVER };
    uint64_t value = 5;
    watched_init(&watched);
    memset(&request, 0, sizeof request);
    struct bl_options options = watched_options(&watched);
    struct bl_batcher *batcher = made(&options);
    struct flood flood = { batcher, 0 };
    pthread_t thread = started(put_flood, &flood);
    for (int i = 0; i < 20; i++) {
        CHECK_OK(bl_submit(batcher, &value, sizeof value, &soon, &request));
        CHECK_STATUS(bl_request_wait(&request, 5 * SECOND), BL_OK);
        CHECK_EQ(request.reply, 6);
        CHECK_OK(bl_flush(batcher, 5 * SECOND));
    }
    atomic_store(&flood.stop, 1);
    joined(thread);
    CHECK_EQ(closed(batcher, 5 * SECOND).timed_out, 0);
    bl_batcher_free(batcher);
}

const struct check_case time_cases[] = {
    CASE(c30_an_item_with_a_short_linger_pulls_its_batch_forward),
    CASE(c30_a_deadline_pulls_its_batch_forward_too),
    CASE(c30_a_lone_item_is_handled_after_the_linger_and_not_before),
    CASE(c31_a_changed_linger_takes_effect_on_an_open_batch),
    CASE(c31_a_changed_tick_takes_effect_on_an_open_batch_and_the_old_one_is_gone),
    CASE(c33_idle_batchers_use_no_time_also_when_they_are_watched),
    CASE(c34_a_lone_item_in_demand_mode_starts_its_handler_without_any_timer),
    CASE(c35_sustained_traffic_of_one_thread_starves_neither_flush_nor_linger_nor_another_thread),
    LAST_CASE,
};
