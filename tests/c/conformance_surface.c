/* What only C has: reserved room, descriptors that become readable, keys, several shapes of items, fork. */
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watched.h"

extern const struct check_case surface_cases[];

static void reserved_room_is_committed_discarded_or_refused_and_committed_again(void)
{
    struct bl_batch *batch;
    struct bl_bytes item;
    void *room = NULL, *other = NULL;
    struct bl_options options = polled_options();
    options.record_size = 0;
    options.batch_items_max = 1;
    options.queue_items_max = 1;
    options.overflow = BL_OVERFLOW_FAIL;
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(bl_reserve(batcher, 100, &room));
    CHECK_OK(bl_reserve(batcher, 70000, &other));
    CHECK_EQ((uintptr_t)room % 8 + (uintptr_t)other % 8, 0);
    memset(room, 'a', 100);
    memset(other, 'b', 70000);
    CHECK_STATUS(bl_commit(batcher, room, 101), BL_INVALID);
    CHECK_OK(bl_commit(batcher, room, 33));
    CHECK_STATUS(bl_commit(batcher, other, 70000), BL_FULL);
    CHECK_OK(bl_next_batch(batcher, 0, &batch));
    CHECK_OK(bl_batch_item(batch, 0, &item));
    CHECK_EQ(item.size, 33);
    CHECK_EQ(((const char *)item.data)[32], 'a');
    CHECK_OK(bl_batch_done(batch, 0));
    CHECK_OK(bl_commit(batcher, other, 69999));
    CHECK_OK(bl_next_batch(batcher, 0, &batch));
    CHECK_OK(bl_batch_item(batch, 0, &item));
    CHECK_EQ(item.size, 69999);
    CHECK_EQ(((const char *)item.data)[69998], 'b');
    CHECK_OK(bl_batch_done(batch, 0));
    CHECK_OK(bl_reserve(batcher, 5, &room));
    CHECK_OK(bl_discard(batcher, room));
    CHECK_OK(bl_reserve(batcher, 0, &room));
    CHECK_OK(bl_commit(batcher, room, 0));
    CHECK_EQ(closed(batcher, 0).handed_back, 1);
    bl_batcher_free(batcher);
}

static void *commit_here(void *argument)
{
    void **both = argument;
    CHECK_OK(bl_commit(both[0], both[1], 8));
    return NULL;
}

static void reserved_room_of_a_byte_string_may_be_committed_elsewhere(void)
{
    void *room = NULL;
    struct bl_options options = polled_options();
    options.record_size = 0;
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(bl_reserve(batcher, 8, &room));
    memset(room, 'a', 8);
    void *both[2] = { batcher, room };
    joined(started(commit_here, both));
    CHECK_EQ(closed(batcher, 0).handed_back, 1);
    bl_batcher_free(batcher);
}

static void reserved_room_of_a_record_is_its_slot_in_the_batch(void)
{
    struct bl_batch *batch;
    struct bl_bytes item;
    void *rooms[3];
    struct bl_options options = polled_options();
    options.record_size = 12;
    options.batch_items_max = 3;
    struct bl_batcher *batcher = made(&options);
    CHECK_STATUS(bl_reserve(batcher, 13, &rooms[0]), BL_INVALID);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(bl_reserve(batcher, 12, &rooms[i]));
        memset(rooms[i], 'a' + i, 12);
        CHECK_STATUS(bl_commit(batcher, rooms[i], 11), BL_INVALID);
        CHECK_OK(bl_commit(batcher, rooms[i], 12));
    }
    CHECK_OK(bl_next_batch(batcher, 10 * SECOND, &batch));
    CHECK_EQ(bl_batch_len(batch), 3);
    for (int i = 1; i < 3; i++) {
        CHECK_OK(bl_batch_item(batch, (size_t)i, &item));
        CHECK(item.data == rooms[i]);
        CHECK_EQ(((const char *)item.data)[11], 'a' + i);
    }
    CHECK_OK(bl_batch_done(batch, 0));
    bl_batcher_free(batcher);
}

static void other_puts_go_round_the_reserved_room_of_a_record(void)
{
    struct watched watched;
    void *room = NULL, *second = NULL;
    uint64_t value = 40;
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(put(batcher, 1));
    CHECK_OK(bl_reserve(batcher, 8, &room));
    CHECK_OK(bl_reserve(batcher, 8, &second));
    memcpy(room, &value, sizeof value);
    for (int i = 0; i < 5000; i++)
        CHECK_OK(put(batcher, 1));
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    memcpy(second, &value, sizeof value);
    CHECK_OK(bl_commit(batcher, second, 8));
    CHECK_OK(bl_commit(batcher, room, 8));
    CHECK_OK(bl_reserve(batcher, 8, &room));
    CHECK_OK(bl_discard(batcher, room));
    CHECK_OK(put(batcher, 1));
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    CHECK_EQ(atomic_load(&watched.sum), 5082);
    bl_batcher_free(batcher);
}

static int is_readable(int32_t fd, int timeout_ms)
{
    struct pollfd asked = { fd, POLLIN, 0 };
    return poll(&asked, 1, timeout_ms) == 1 && (asked.revents & POLLIN) != 0;
}

/* Takes all batches there are and returns how many items they had; afterwards the batcher said `status`. */
static size_t taken(const struct bl_batcher *batcher, int32_t status)
{
    struct bl_batch *batch;
    size_t items = 0;
    int32_t got;
    while ((got = bl_next_batch(batcher, 0, &batch)) == BL_OK) {
        items += bl_batch_len(batch);
        CHECK_OK(bl_batch_done(batch, 0));
    }
    CHECK_STATUS(got, status);
    return items;
}

static void the_descriptor_is_readable_when_a_batch_is_ready_and_only_then(void)
{
    int32_t fd = -1, again = -1;
    struct bl_options options = polled_options();
    options.linger_ns = 20 * MS;
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(bl_poll_fd(batcher, &fd));
    CHECK_OK(bl_poll_fd(batcher, &again));
    CHECK_EQ(fd, again);
    CHECK(!is_readable(fd, 20));
    for (int round = 0; round < 20; round++) {
        for (uint64_t i = 0; i < 25; i++)
            CHECK_OK(put(batcher, i));
        size_t items = 0;
        while (items < 25) {
            CHECK(is_readable(fd, 5000));
            items += taken(batcher, BL_TIMED_OUT);
        }
        CHECK_EQ(items, 25);
        CHECK(!is_readable(fd, 0));
    }
    bl_batcher_free(batcher);
}

/* It may be readable once too early, as a look at the clock costs a look; it may not be so again and again. */
static void a_lone_item_makes_the_descriptor_readable_when_it_has_lingered(void)
{
    int32_t fd = -1;
    struct bl_options options = polled_options();
    options.linger_ns = 20 * MS;
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(bl_poll_fd(batcher, &fd));
    for (int round = 0; round < 5; round++) {
        size_t items = 0, looks = 0;
        uint64_t before_ns = now_ns();
        CHECK_OK(put(batcher, 1));
        for (; items == 0; looks++) {
            CHECK(is_readable(fd, 5000));
            items = taken(batcher, BL_TIMED_OUT);
        }
        CHECK(now_ns() - before_ns >= 20 * MS);
        CHECK(looks <= 5);
        CHECK(!is_readable(fd, 30));
    }
    bl_batcher_free(batcher);
}

static void the_descriptor_is_readable_for_good_after_the_close(void)
{
    struct bl_batch *batch;
    int32_t fd = -1;
    for (int watched_before = 0; watched_before < 2; watched_before++) {
        struct bl_options options = polled_options();
        struct bl_batcher *batcher = made(&options);
        if (watched_before)
            CHECK_OK(bl_poll_fd(batcher, &fd));
        CHECK_OK(put(batcher, 1));
        closed(batcher, 0);
        if (!watched_before)
            CHECK_OK(bl_poll_fd(batcher, &fd));
        CHECK(is_readable(fd, 5000));
        for (int i = 0; i < 5; i++) {
            CHECK_STATUS(bl_next_batch(batcher, 0, &batch), BL_CLOSED);
            CHECK(is_readable(fd, 100));
        }
        bl_batcher_free(batcher);
    }
}

/* Several threads wait in epoll for one batcher; together they get every item once. */
struct crew {
    const struct bl_batcher *batcher;
    int epoll;
    _Atomic uint64_t items;
};

static void *poll_until_closed(void *argument)
{
    struct crew *crew = argument;
    struct bl_batch *batch;
    struct epoll_event event;
    for (;;) {
        CHECK(epoll_wait(crew->epoll, &event, 1, 10000) == 1);
        int32_t status;
        while ((status = bl_next_batch(crew->batcher, 0, &batch)) == BL_OK) {
            atomic_fetch_add(&crew->items, bl_batch_len(batch));
            CHECK_OK(bl_batch_done(batch, 0));
        }
        if (status == BL_CLOSED)
            return NULL;
    }
}

static void *close_slowly(void *argument)
{
    closed(argument, 10 * SECOND);
    return NULL;
}

static void several_threads_poll_one_descriptor_until_the_close(void)
{
    pthread_t threads[3];
    int32_t fd = -1;
    struct epoll_event event = { .events = EPOLLIN };
    struct bl_options options = polled_options();
    options.linger_ns = MS;
    struct bl_batcher *batcher = made(&options);
    struct crew crew = { batcher, epoll_create1(EPOLL_CLOEXEC), 0 };
    CHECK_OK(bl_poll_fd(batcher, &fd));
    CHECK_EQ(epoll_ctl(crew.epoll, EPOLL_CTL_ADD, fd, &event), 0);
    for (int i = 0; i < 3; i++)
        threads[i] = started(poll_until_closed, &crew);
    for (uint64_t i = 0; i < 20003; i++)
        CHECK_OK(put(batcher, i));
    joined(started(close_slowly, batcher));
    for (int i = 0; i < 3; i++)
        joined(threads[i]);
    CHECK_EQ(atomic_load(&crew.items), 20003);
    close(crew.epoll);
    bl_batcher_free(batcher);
}

static void *wait_for_ever(void *argument)
{
    struct bl_batch *batch;
    CHECK_STATUS(bl_next_batch(argument, BL_NEVER, &batch), BL_CLOSED);
    return NULL;
}

static void pollers_that_wait_are_told_of_the_close(void)
{
    pthread_t threads[3];
    struct bl_options options = polled_options();
    struct bl_batcher *batcher = made(&options);
    for (int i = 0; i < 3; i++)
        threads[i] = started(wait_for_ever, batcher);
    sleep_ns(5 * MS);
    closed(batcher, BL_NEVER);
    for (int i = 0; i < 3; i++)
        joined(threads[i]);
    bl_batcher_free(batcher);
}

static void a_batcher_with_a_handler_is_not_polled_and_the_other_way_round(void)
{
    struct watched watched;
    struct bl_batch *batch;
    int32_t fd;
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    struct bl_batcher *batcher = made(&options);
    CHECK_STATUS(bl_next_batch(batcher, 0, &batch), BL_UNSUPPORTED);
    CHECK_STATUS(bl_poll_fd(batcher, &fd), BL_UNSUPPORTED);
    bl_batcher_free(batcher);
}

/* Records of every size: the bytes come out as they went in, `stride` bytes apart. */
struct expected {
    size_t record_size;
    _Atomic uint64_t items, next;
};

static int32_t check_records(void *user_data, struct bl_batch *batch)
{
    struct expected *expected = user_data;
    struct bl_batch_view view;
    unsigned char wanted[256];
    CHECK_OK(bl_batch_get_view(batch, &view));
    CHECK(view.stride >= expected->record_size && view.stride >= 8 && (view.stride & (view.stride - 1)) == 0);
    for (size_t i = 0; i < view.len; i++) {
        struct bl_bytes item;
        memset(wanted, (int)(atomic_fetch_add(&expected->next, 1) % 251), sizeof wanted);
        CHECK_OK(bl_batch_item(batch, i, &item));
        CHECK(item.data == (char *)view.items + i * view.stride);
        CHECK_EQ(item.size, expected->record_size);
        CHECK(memcmp(item.data, wanted, item.size) == 0);
    }
    atomic_fetch_add(&expected->items, view.len);
    return 0;
}

static void records_of_every_size_come_out_as_they_went_in_and_in_order(void)
{
    for (size_t record_size = 1; record_size <= 256; record_size++) {
        struct expected expected = { record_size, 0, 0 };
        unsigned char record[256];
        struct bl_options options;
        CHECK_OK(bl_options_init(&options, sizeof options));
        options.record_size = record_size;
        options.batch_items_max = 7;
        options.handler.call = check_records;
        options.handler.user_data = &expected;
        struct bl_batcher *batcher = made(&options);
        for (int i = 0; i < 30; i++) {
            memset(record, i % 251, sizeof record);
            CHECK_OK(bl_put(batcher, record, record_size));
        }
        CHECK_EQ(closed(batcher, BL_NEVER).done, 30);
        CHECK_EQ(atomic_load(&expected.items), 30);
        bl_batcher_free(batcher);
    }
}

static void byte_strings_lie_like_an_iovec_whichever_call_put_them(void)
{
    static const uint32_t sizes[] = { 3, 0, 4 };
    struct bl_bytes strings[2] = { { "one", 3 }, { NULL, 0 } };
    struct bl_batch *batch;
    struct bl_batch_view view;
    char text[32] = "";
    size_t accepted = 0;
    int ends[2];
    struct bl_options options = polled_options();
    options.record_size = 0;
    options.batch_items_max = 100;
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(bl_put_strings(batcher, strings, 2, &accepted));
    CHECK_EQ(accepted, 2);
    CHECK_OK(bl_put_packed(batcher, "twofour", sizes, 3, &accepted));
    CHECK_EQ(accepted, 3);
    CHECK_STATUS(bl_put_many(batcher, "x", 1, &accepted), BL_INVALID);
    CHECK_STATUS(bl_flush(batcher, 0), BL_TIMED_OUT);
    CHECK_OK(bl_next_batch(batcher, SECOND, &batch));
    CHECK_OK(bl_batch_get_view(batch, &view));
    CHECK_EQ(view.len, 5);
    CHECK_EQ(view.stride, sizeof(struct iovec));
    CHECK_EQ(view.reason, BL_SEAL_FLUSH);
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(writev(ends[1], view.items, (int)view.len), 10);
    CHECK_EQ(read(ends[0], text, sizeof text), 10);
    CHECK(strcmp(text, "onetwofour") == 0);
    close(ends[0]);
    close(ends[1]);
    CHECK_OK(bl_batch_done(batch, 0));
    bl_batcher_free(batcher);
}

/* Keys: the first byte of an item. */
struct by_key {
    _Atomic uint64_t items, running[256], calls;
};

static int32_t check_one_key(void *user_data, struct bl_batch *batch)
{
    struct by_key *by_key = user_data;
    struct bl_bytes key, item;
    CHECK_OK(bl_batch_key(batch, &key));
    CHECK_EQ(key.size, 1);
    unsigned char first = *(const unsigned char *)key.data;
    CHECK_EQ(atomic_fetch_add(&by_key->running[first], 1), 0);
    for (size_t i = 0; i < bl_batch_len(batch); i++) {
        CHECK_OK(bl_batch_item(batch, i, &item));
        CHECK_EQ(*(const unsigned char *)item.data, first);
    }
    atomic_fetch_add(&by_key->items, bl_batch_len(batch));
    atomic_fetch_add(&by_key->calls, 1);
    atomic_fetch_sub(&by_key->running[first], 1);
    return 0;
}

static void a_keyed_batch_has_items_of_one_key_and_one_batch_of_it_runs_at_a_time(void)
{
    struct by_key by_key;
    memset(&by_key, 0, sizeof by_key);
    struct bl_options options;
    CHECK_OK(bl_options_init(&options, sizeof options));
    options.record_size = 4;
    options.keyed = 1;
    options.key_size = 1;
    options.batch_items_max = 16;
    options.workers = 3;
    options.handler.call = check_one_key;
    options.handler.user_data = &by_key;
    struct bl_batcher *batcher = made(&options);
    for (unsigned i = 0; i < 6000; i++) {
        unsigned char record[4] = { (unsigned char)(i % 6), (unsigned char)(i / 256), (unsigned char)i, 0 };
        CHECK_OK(bl_put(batcher, record, sizeof record));
    }
    CHECK_STATUS(bl_set_linger(batcher, MS), BL_UNSUPPORTED);
    CHECK_STATUS(bl_put_timeout(batcher, "abcd", 4, MS), BL_UNSUPPORTED);
    CHECK_EQ(closed(batcher, BL_NEVER).done, 6000);
    CHECK_EQ(atomic_load(&by_key.items), 6000);
    CHECK(atomic_load(&by_key.calls) >= 6000 / 16);
    bl_batcher_free(batcher);
}

static int32_t double_it(void *user_data, struct bl_batch *batch)
{
    struct watched *watched = user_data;
    struct bl_batch_view view;
    CHECK_OK(bl_batch_get_view(batch, &view));
    CHECK_STATUS(bl_batch_done(batch, 0), BL_INVALID);
    for (size_t i = 0; i < view.len; i++)
        atomic_fetch_add(&watched->sum, 2 * value_at(&view, i));
    return 0;
}

static void a_handlers_batch_is_not_done_by_hand(void)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    options.handler.call = double_it;
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(put(batcher, 4));
    bl_batcher_free(batcher);
    CHECK_EQ(atomic_load(&watched.sum), 8);
}

static void caller_dispatch_runs_the_handler_in_the_putting_thread(void)
{
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    options.dispatch = BL_DISPATCH_CALLER;
    struct bl_batcher *batcher = made(&options);
    for (uint64_t i = 0; i < 25; i++)
        CHECK_OK(put(batcher, 1));
    CHECK_EQ(atomic_load(&watched.items), 20);
    CHECK_OK(bl_flush(batcher, BL_NEVER));
    CHECK_EQ(atomic_load(&watched.items), 25);
    bl_batcher_free(batcher);
}

/* In the child: what would wait is refused, and freeing does nothing. Ends the child. */
static void live_as_a_child(struct bl_batcher *pushed, struct bl_batcher *polled)
{
    struct bl_batch *batch;
    struct bl_receipt *receipt = NULL;
    int32_t fd;
    alarm(20);
    CHECK_STATUS(bl_flush(pushed, BL_NEVER), BL_FORKED);
    CHECK_STATUS(bl_close(pushed, BL_NEVER, &receipt), BL_FORKED);
    CHECK_STATUS(bl_next_batch(polled, BL_NEVER, &batch), BL_FORKED);
    CHECK_STATUS(bl_poll_fd(polled, &fd), BL_FORKED);
    CHECK_EQ(stats_of(pushed).accepted, 1);
    bl_batcher_free(pushed);
    bl_batcher_free(polled);
    struct watched watched;
    watched_init(&watched);
    struct bl_options options = watched_options(&watched);
    struct bl_batcher *own = made(&options);
    CHECK_OK(put(own, 1));
    CHECK_OK(bl_flush(own, BL_NEVER));
    bl_batcher_free(own);
    CHECK_EQ(atomic_load(&watched.items), 1);
    _exit(0);
}

static void a_forked_child_is_told_and_the_parent_is_unharmed(void)
{
    struct watched watched;
    int status = -1;
    int32_t fd;
    watched_init(&watched);
    struct bl_options push = watched_options(&watched), poll = polled_options();
    struct bl_batcher *pushed = made(&push), *polled = made(&poll);
    CHECK_OK(put(pushed, 1));
    CHECK_OK(bl_poll_fd(polled, &fd));
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        live_as_a_child(pushed, polled);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_EQ(atomic_load(&watched.items), 0);
    CHECK_OK(put(pushed, 2));
    CHECK_OK(bl_flush(pushed, BL_NEVER));
    CHECK_EQ(atomic_load(&watched.items), 2);
    bl_batcher_free(pushed);
    bl_batcher_free(polled);
    CHECK_EQ(atomic_load(&watched.frees), 1);
}

const struct check_case surface_cases[] = {
    CASE(reserved_room_is_committed_discarded_or_refused_and_committed_again),
    CASE(reserved_room_of_a_byte_string_may_be_committed_elsewhere),
    CASE(reserved_room_of_a_record_is_its_slot_in_the_batch),
    CASE(other_puts_go_round_the_reserved_room_of_a_record),
    CASE(the_descriptor_is_readable_when_a_batch_is_ready_and_only_then),
    CASE(a_lone_item_makes_the_descriptor_readable_when_it_has_lingered),
    CASE(the_descriptor_is_readable_for_good_after_the_close),
    CASE(several_threads_poll_one_descriptor_until_the_close),
    CASE(pollers_that_wait_are_told_of_the_close),
    CASE(a_batcher_with_a_handler_is_not_polled_and_the_other_way_round),
    CASE(records_of_every_size_come_out_as_they_went_in_and_in_order),
    CASE(byte_strings_lie_like_an_iovec_whichever_call_put_them),
    CASE(a_keyed_batch_has_items_of_one_key_and_one_batch_of_it_runs_at_a_time),
    CASE(a_handlers_batch_is_not_done_by_hand),
    CASE(caller_dispatch_runs_the_handler_in_the_putting_thread),
    CASE(a_forked_child_is_told_and_the_parent_is_unharmed),
    LAST_CASE,
};
