/* C40 to C45: what a window lets through. */
#include <dirent.h>

#include "watched.h"

extern const struct check_case dedup_cases[];

static struct bl_options window_options(struct watched *watched)
{
    struct bl_options options = watched_options(watched);
    options.dedup = BL_DEDUP_REFUSE;
    return options;
}

static void c40_a_key_whose_batch_failed_may_be_put_again_and_one_that_succeeded_may_not(void)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = window_options(&watched);
    struct bl_batcher *batcher = made(&options);
    watched.code = 1;
    CHECK_OK(put(batcher, 5));
    CHECK_STATUS(put(batcher, 5), BL_DUPLICATE);
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    watched.code = 0;
    CHECK_OK(put(batcher, 5));
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    CHECK_STATUS(put(batcher, 5), BL_DUPLICATE);
    CHECK_TEXT("window");
    CHECK_EQ(stats_of(batcher).duplicates, 2);
    CHECK_EQ(stats_of(batcher).window_keys, 1);
    bl_batcher_free(batcher);
}

static void c40_an_item_that_failed_alone_is_released_alone(void)
{
    struct watched watched;
    watched_init(&watched);
    watched.bad_value = 3;
    struct bl_options options = window_options(&watched);
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 1; i <= 5; i++)
        CHECK_OK(put(batcher, i));
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    for (uint64_t i = 1; i <= 5; i++)
        CHECK_STATUS(put(batcher, i), i == 3 ? BL_OK : BL_DUPLICATE);
    bl_batcher_free(batcher);
}

static void c40_an_item_that_found_no_room_or_was_cancelled_releases_its_key(void)
{
    struct bl_request request;
    struct bl_batch *batch;
    struct bl_options options = polled_options();
    options.dedup = BL_DEDUP_REFUSE;
    options.queue_items_max = 10;
    memset(&request, 0, sizeof request);
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 1; i <= 9; i++)
        CHECK_OK(put(batcher, i));
    CHECK_OK(submit(batcher, 10, &request));
    CHECK_STATUS(try_put(batcher, 11), BL_FULL);
    CHECK_OK(bl_request_cancel(&request));
    CHECK_OK(bl_next_batch(batcher, 0, &batch));
    CHECK_EQ(bl_batch_len(batch), 9);
    CHECK_OK(bl_batch_done(batch, 0));
    CHECK_OK(try_put(batcher, 10));
    CHECK_OK(try_put(batcher, 11));
    CHECK_STATUS(try_put(batcher, 9), BL_DUPLICATE);
    closed(batcher, 0);
    bl_batcher_free(batcher);
}

static void c41_many_go_through_the_window_like_one(void)
{
    struct watched watched;
    uint64_t records[8] = { 1, 2, 2, 3, 1, 4, 3, 5 };
    size_t accepted = 0;
    watched_init(&watched);
    struct bl_options options = window_options(&watched);
    struct bl_batcher *batcher = made(&options);
    CHECK_STATUS(bl_put_many(batcher, records, 8, &accepted), BL_DUPLICATE);
    CHECK_EQ(accepted, 5);
    CHECK_STATUS(bl_put_many(batcher, records, 8, &accepted), BL_DUPLICATE);
    CHECK_EQ(accepted, 0);
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    CHECK_EQ(atomic_load(&watched.sum), 15);
    CHECK_EQ(stats_of(batcher).duplicates, 11);
    bl_batcher_free(batcher);
}

static void c41_every_call_that_puts_tells_of_a_duplicate(void)
{
    struct watched watched;
    struct bl_request request;
    uint64_t value = 1;
    uint32_t size = sizeof value;
    struct bl_bytes string = { &value, sizeof value };
    void *room = NULL;
    watched_init(&watched);
    memset(&request, 0, sizeof request);
    struct bl_options options = window_options(&watched);
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(put(batcher, value));
    CHECK_STATUS(bl_try_put(batcher, &value, sizeof value), BL_DUPLICATE);
    CHECK_STATUS(bl_put_timeout(batcher, &value, sizeof value, MS), BL_DUPLICATE);
    CHECK_STATUS(bl_put_with(batcher, &value, sizeof value, NULL), BL_DUPLICATE);
    CHECK_STATUS(bl_put_many(batcher, &value, 1, NULL), BL_DUPLICATE);
    CHECK_STATUS(bl_put_strings(batcher, &string, 1, NULL), BL_DUPLICATE);
    CHECK_STATUS(bl_put_packed(batcher, &value, &size, 1, NULL), BL_DUPLICATE);
    CHECK_STATUS(bl_submit(batcher, &value, sizeof value, NULL, &request), BL_DUPLICATE);
    CHECK_OK(bl_reserve(batcher, sizeof value, &room));
    memcpy(room, &value, sizeof value);
    CHECK_STATUS(bl_commit(batcher, room, sizeof value), BL_DUPLICATE);
    value = 2;
    memcpy(room, &value, sizeof value);
    CHECK_OK(bl_commit(batcher, room, sizeof value));
    CHECK_EQ(closed(batcher, BL_NEVER).done, 2);
    bl_batcher_free(batcher);
}

static void check_the_window(uint64_t window_ns, uint64_t bucket_ns)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = window_options(&watched);
    options.dedup_window_ns = window_ns;
    options.dedup_bucket_ns = bucket_ns;
    struct bl_batcher *batcher = made(&options);
    uint64_t before_ns = now_ns();
    CHECK_OK(put(batcher, 1));
    uint64_t after_ns = now_ns();
    for (;;) {
        uint64_t asked_ns = now_ns();
        int32_t status = put(batcher, 1);
        uint64_t answered_ns = now_ns();
        if (status == BL_OK) {
            CHECK(answered_ns - before_ns >= window_ns);
            break;
        }
        CHECK_STATUS(status, BL_DUPLICATE);
        CHECK(asked_ns - after_ns <= window_ns + bucket_ns + MS);
        sleep_ns(MS / 4);
    }
    bl_batcher_free(batcher);
}

static void c42_no_duplicate_passes_in_the_window_and_none_is_refused_after_it_and_a_bucket(void)
{
    check_the_window(20 * MS, MS);
    check_the_window(40 * MS, 10 * MS);
    check_the_window(100 * MS, 50 * MS);
}

static void c43_rotation_neither_lets_a_duplicate_in_nor_hides_a_key(void)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = window_options(&watched);
    options.dedup_window_ns = 4 * SECOND;
    options.dedup_bucket_ns = MS;
    struct bl_batcher *batcher = made(&options);
    uint64_t before_ns = now_ns();
    for (uint64_t key = 1; now_ns() - before_ns < 200 * MS; key++) {
        CHECK_OK(put(batcher, key));
        CHECK_STATUS(put(batcher, 1 + (key * 2654435761u >> 7) % key), BL_DUPLICATE);
    }
    bl_batcher_free(batcher);
}

static void c43_a_full_window_refuses_or_forgets_as_configured(void)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = window_options(&watched);
    options.dedup_keys_max = 100;
    struct bl_batcher *batcher = made(&options);
    for (uint64_t key = 1; key <= 100; key++)
        CHECK_OK(put(batcher, key));
    CHECK_STATUS(put(batcher, 101), BL_WINDOW_FULL);
    bl_batcher_free(batcher);
    options.dedup_at_cap = BL_AT_CAP_FORGET_OLDEST;
    options.dedup_window_ns = 4 * SECOND;
    options.dedup_bucket_ns = MS;
    batcher = made(&options);
    for (uint64_t key = 1; key <= 300; key++) {
        CHECK_OK(put(batcher, key));
        sleep_ns(MS / 20);
    }
    CHECK(stats_of(batcher).window_keys <= 100);
    CHECK(stats_of(batcher).window_forgotten >= 200);
    bl_batcher_free(batcher);
}

static int entries_in(const char *path)
{
    DIR *folder = opendir(path);
    int entries = 0;
    CHECK(folder != NULL);
    while (readdir(folder) != NULL)
        entries++;
    closedir(folder);
    return entries;
}

static void c44_twenty_lives_leave_no_thread_and_no_descriptor_behind(void)
{
    int threads = entries_in("/proc/self/task"), descriptors = entries_in("/proc/self/fd");
    for (int round = 0; round < 20; round++) {
        struct watched watched;
        int32_t fd;
        watched_init(&watched);
        struct bl_options push = window_options(&watched), poll = polled_options();
        push.workers = 3;
        push.linger_ns = MS;
        struct bl_batcher *pushed = made(&push), *polled = made(&poll);
        CHECK_OK(bl_poll_fd(polled, &fd));
        for (uint64_t i = 0; i < 25; i++) {
            CHECK_OK(put(pushed, i));
            CHECK_OK(put(polled, i));
        }
        closed(polled, 0);
        bl_batcher_free(polled);
        bl_batcher_free(pushed);
        CHECK_EQ(atomic_load(&watched.items), 25);
        CHECK_EQ(atomic_load(&watched.frees), 1);
    }
    CHECK_SOON(entries_in("/proc/self/task") == threads);
    CHECK_EQ(entries_in("/proc/self/fd"), descriptors);
}

static void c45_joiners_get_the_outcome_of_the_first(void)
{
    struct watched watched;
    struct bl_request requests[20];
    watched_init(&watched);
    memset(requests, 0, sizeof requests);
    struct bl_options options = window_options(&watched);
    options.dedup = BL_DEDUP_JOIN;
    struct bl_batcher *batcher = made(&options);
    for (int i = 0; i < 10; i++)
        CHECK_OK(submit(batcher, 7, &requests[i]));
    CHECK_STATUS(put(batcher, 7), BL_DUPLICATE);
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    for (int i = 0; i < 10; i++) {
        CHECK_STATUS(bl_request_wait(&requests[i], SECOND), BL_OK);
        CHECK_EQ(requests[i].reply, 8);
    }
    watched.code = 4;
    for (int i = 10; i < 20; i++)
        CHECK_OK(submit(batcher, 9, &requests[i]));
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    for (int i = 10; i < 20; i++)
        CHECK_STATUS(bl_request_wait(&requests[i], SECOND), BL_FAILED);
    CHECK_EQ(requests[10].code, 4);
    CHECK_EQ(atomic_load(&watched.items), 2);
    CHECK_EQ(stats_of(batcher).joined, 18);
    bl_batcher_free(batcher);
}

static void c45_a_cancelled_first_lives_on_for_who_joined_it(void)
{
    struct watched watched;
    struct bl_request first, second;
    watched_init(&watched);
    memset(&first, 0, sizeof first);
    memset(&second, 0, sizeof second);
    struct bl_options options = window_options(&watched);
    options.dedup = BL_DEDUP_JOIN;
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(submit(batcher, 7, &first));
    CHECK_OK(submit(batcher, 7, &second));
    CHECK_OK(bl_request_cancel(&first));
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    CHECK_STATUS(bl_request_poll(&first), BL_CANCELLED);
    CHECK_STATUS(bl_request_wait(&second, SECOND), BL_OK);
    CHECK_EQ(second.reply, 8);
    bl_batcher_free(batcher);
}

static void c45_a_close_hands_back_to_the_first_and_to_who_joined_it(void)
{
    struct bl_request first, second;
    memset(&first, 0, sizeof first);
    memset(&second, 0, sizeof second);
    struct bl_options options = polled_options();
    options.dedup = BL_DEDUP_JOIN;
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(submit(batcher, 7, &first));
    CHECK_OK(submit(batcher, 7, &second));
    CHECK_EQ(closed(batcher, 0).handed_back, 1);
    CHECK_STATUS(bl_request_wait(&first, SECOND), BL_HANDED_BACK);
    CHECK_STATUS(bl_request_wait(&second, SECOND), BL_HANDED_BACK);
    bl_batcher_free(batcher);
}

const struct check_case dedup_cases[] = {
    CASE(c40_a_key_whose_batch_failed_may_be_put_again_and_one_that_succeeded_may_not),
    CASE(c40_an_item_that_failed_alone_is_released_alone),
    CASE(c40_an_item_that_found_no_room_or_was_cancelled_releases_its_key),
    CASE(c41_many_go_through_the_window_like_one),
    CASE(c41_every_call_that_puts_tells_of_a_duplicate),
    CASE(c42_no_duplicate_passes_in_the_window_and_none_is_refused_after_it_and_a_bucket),
    CASE(c43_rotation_neither_lets_a_duplicate_in_nor_hides_a_key),
    CASE(c43_a_full_window_refuses_or_forgets_as_configured),
    CASE(c44_twenty_lives_leave_no_thread_and_no_descriptor_behind),
    CASE(c45_joiners_get_the_outcome_of_the_first),
    CASE(c45_a_cancelled_first_lives_on_for_who_joined_it),
    CASE(c45_a_close_hands_back_to_the_first_and_to_who_joined_it),
    LAST_CASE,
};
