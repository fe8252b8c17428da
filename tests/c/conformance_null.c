/* C71: NULL, wrong sizes, and what happens to user data when a batcher cannot be made. */
#include "watched.h"

extern const struct check_case null_cases[];

static void c71_a_null_handle_is_a_status_in_every_call(void)
{
    struct bl_request request;
    struct bl_receipt_counts counts;
    struct bl_receipt *receipt = NULL;
    struct bl_batch_view view;
    struct bl_batch *batch = NULL;
    struct bl_stats stats = { .struct_size = sizeof stats };
    struct bl_bytes bytes = { "x", 1 };
    uint64_t value = 1;
    uint32_t size = 8;
    void *room = NULL;
    int32_t fd = -1;
    memset(&request, 0, sizeof request);
    CHECK_STATUS(bl_put(NULL, &value, 8), BL_INVALID);
    CHECK_TEXT("batcher is NULL");
    CHECK_STATUS(bl_try_put(NULL, &value, 8), BL_INVALID);
    CHECK_STATUS(bl_put_timeout(NULL, &value, 8, 1), BL_INVALID);
    CHECK_STATUS(bl_put_with(NULL, &value, 8, NULL), BL_INVALID);
    CHECK_STATUS(bl_put_many(NULL, &value, 1, NULL), BL_INVALID);
    CHECK_STATUS(bl_put_strings(NULL, &bytes, 1, NULL), BL_INVALID);
    CHECK_STATUS(bl_put_packed(NULL, &value, &size, 1, NULL), BL_INVALID);
    CHECK_STATUS(bl_submit(NULL, &value, 8, NULL, &request), BL_INVALID);
    CHECK_STATUS(bl_reserve(NULL, 8, &room), BL_INVALID);
    CHECK_STATUS(bl_commit(NULL, &value, 8), BL_INVALID);
    CHECK_STATUS(bl_flush(NULL, 1), BL_INVALID);
    CHECK_STATUS(bl_close(NULL, 1, &receipt), BL_INVALID);
    CHECK_STATUS(bl_set_linger(NULL, 1), BL_INVALID);
    CHECK_STATUS(bl_set_tick(NULL, 1), BL_INVALID);
    CHECK_STATUS(bl_next_batch(NULL, 1, &batch), BL_INVALID);
    CHECK_STATUS(bl_poll_fd(NULL, &fd), BL_INVALID);
    CHECK_STATUS(bl_get_stats(NULL, &stats), BL_INVALID);
    CHECK_EQ(bl_batch_len(NULL), 0);
    CHECK_STATUS(bl_batch_get_view(NULL, &view), BL_INVALID);
    CHECK_STATUS(bl_batch_item(NULL, 0, &bytes), BL_INVALID);
    CHECK_STATUS(bl_batch_key(NULL, &bytes), BL_INVALID);
    CHECK_STATUS(bl_batch_fail(NULL, 0, 1), BL_INVALID);
    CHECK_STATUS(bl_batch_reply(NULL, 0, 1), BL_INVALID);
    CHECK_STATUS(bl_batch_done(NULL, 0), BL_INVALID);
    CHECK_STATUS(bl_receipt_get_counts(NULL, &counts), BL_INVALID);
    CHECK_STATUS(bl_receipt_next(NULL, &bytes), BL_INVALID);
    CHECK_STATUS(bl_request_poll(NULL), BL_INVALID);
    CHECK_STATUS(bl_request_wait(NULL, 1), BL_INVALID);
    CHECK_STATUS(bl_request_cancel(NULL), BL_INVALID);
    CHECK(receipt == NULL && batch == NULL && room == NULL && fd == -1);
}

static void c71_freeing_null_twice_is_nothing(void)
{
    for (int i = 0; i < 2; i++) {
        bl_batcher_free(NULL);
        bl_receipt_free(NULL);
        CHECK_OK(bl_discard(NULL, NULL));
    }
}

static void c71_a_null_argument_is_a_status_and_changes_nothing(void)
{
    struct bl_request request;
    struct bl_bytes hollow = { NULL, 3 };
    uint64_t value = 1;
    size_t accepted = 7;
    memset(&request, 0, sizeof request);
    struct bl_options options = polled_options();
    struct bl_batcher *batcher = made(&options);
    CHECK_STATUS(bl_put(batcher, NULL, 8), BL_INVALID);
    CHECK_TEXT("item is NULL");
    CHECK_STATUS(bl_put(batcher, &value, 7), BL_INVALID);
    CHECK_TEXT("record_size is 8");
    CHECK_STATUS(bl_put(batcher, NULL, 0), BL_INVALID);
    CHECK_STATUS(bl_put(batcher, &value, SIZE_MAX), BL_INVALID);
    CHECK_STATUS(bl_put_many(batcher, NULL, 1, &accepted), BL_INVALID);
    CHECK_STATUS(bl_put_many(batcher, &value, SIZE_MAX, &accepted), BL_INVALID);
    CHECK_STATUS(bl_put_strings(batcher, NULL, 1, &accepted), BL_INVALID);
    CHECK_STATUS(bl_put_strings(batcher, &hollow, 1, &accepted), BL_INVALID);
    CHECK_STATUS(bl_put_packed(batcher, &value, NULL, 1, &accepted), BL_INVALID);
    CHECK_EQ(accepted, 7);
    CHECK_OK(bl_put_many(batcher, NULL, 0, &accepted));
    CHECK_EQ(accepted, 0);
    CHECK_STATUS(submit(batcher, 1, NULL), BL_INVALID);
    CHECK_STATUS(bl_submit(batcher, NULL, 8, NULL, &request), BL_INVALID);
    CHECK_STATUS(bl_reserve(batcher, 8, NULL), BL_INVALID);
    CHECK_STATUS(bl_commit(batcher, NULL, 8), BL_INVALID);
    CHECK_STATUS(bl_next_batch(batcher, 0, NULL), BL_INVALID);
    CHECK_STATUS(bl_poll_fd(batcher, NULL), BL_INVALID);
    CHECK_STATUS(bl_get_stats(batcher, NULL), BL_INVALID);
    CHECK_STATUS(bl_batcher_new(&options, NULL), BL_INVALID);
    CHECK_STATUS(bl_batcher_new(NULL, &batcher), BL_INVALID);
    CHECK_STATUS(bl_options_init(NULL, sizeof options), BL_INVALID);
    CHECK_EQ(stats_of(batcher).accepted, 0);
    bl_batcher_free(batcher);
}

static void c71_null_out_parameters_of_batches_and_receipts_are_a_status(void)
{
    struct bl_batch *batch = NULL;
    struct bl_receipt *receipt = NULL;
    struct bl_bytes item;
    struct bl_options options = polled_options();
    options.batch_items_max = 1;
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(put(batcher, 1));
    CHECK_OK(put(batcher, 2));
    CHECK_OK(bl_next_batch(batcher, 0, &batch));
    CHECK_STATUS(bl_batch_get_view(batch, NULL), BL_INVALID);
    CHECK_STATUS(bl_batch_item(batch, 0, NULL), BL_INVALID);
    CHECK_OK(bl_batch_done(batch, 0));
    CHECK_OK(bl_close(batcher, 0, &receipt));
    CHECK_STATUS(bl_receipt_get_counts(receipt, NULL), BL_INVALID);
    CHECK_STATUS(bl_receipt_next(receipt, NULL), BL_INVALID);
    CHECK_OK(bl_receipt_next(receipt, &item));
    CHECK_STATUS(bl_receipt_next(receipt, &item), BL_END);
    bl_receipt_free(receipt);
    bl_batcher_free(batcher);
}

/* Options with room behind them, as a newer header would have. */
union grown {
    struct bl_options options;
    char bytes[sizeof(struct bl_options) + 64];
};

static void c71_a_struct_size_that_no_header_has_is_refused_and_nothing_is_read(void)
{
    static const size_t sizes[] = { 0, 1, 7, 8, 9, sizeof(struct bl_options) - 1, sizeof(struct bl_options) + 1,
                                    8192, SIZE_MAX };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct watched watched;
        struct bl_batcher *batcher = NULL;
        watched_init(&watched);
        struct bl_options options = watched_options(&watched);
        options.struct_size = sizes[i];
        CHECK_STATUS(bl_batcher_new(&options, &batcher), BL_INVALID);
        CHECK_TEXT("struct_size");
        CHECK(batcher == NULL);
        CHECK_EQ(atomic_load(&watched.frees), 0);
        memset(&options, 0x55, sizeof options);
        CHECK_STATUS(bl_options_init(&options, sizes[i]), BL_INVALID);
        CHECK_EQ(options.struct_size, (size_t)0x5555555555555555);
    }
}

static void c71_longer_options_may_have_zeros_behind_them_and_nothing_else(void)
{
    for (size_t place = 0; place <= 64; place++) {
        struct watched watched;
        union grown grown;
        struct bl_batcher *batcher = NULL;
        watched_init(&watched);
        memset(&grown, 0, sizeof grown);
        grown.options = watched_options(&watched);
        grown.options.struct_size = sizeof grown;
        if (place < 64)
            grown.bytes[sizeof(struct bl_options) + place] = 1;
        CHECK_STATUS(bl_batcher_new(&grown.options, &batcher), place < 64 ? BL_INVALID : BL_OK);
        CHECK_EQ(atomic_load(&watched.frees), place < 64 ? 1 : 0);
        bl_batcher_free(batcher);
        CHECK_EQ(atomic_load(&watched.frees), 1);
    }
}

static void c71_shorter_options_of_an_older_header_have_defaults_for_what_they_lack(void)
{
    struct bl_options options;
    struct bl_batcher *batcher = NULL;
    /* On the heap and no byte longer than it says, so that a read too far is seen by a sanitizer. */
    size_t old_size = offsetof(struct bl_options, dispatch);
    struct bl_options *old = malloc(old_size);
    CHECK(old != NULL);
    CHECK_OK(bl_options_init(old, old_size));
    CHECK_EQ(old->struct_size, old_size);
    CHECK_EQ(old->batch_items_max, 1000);
    /* There was no polling yet, so the default asks for a handler, which such a struct does not have. */
    CHECK_STATUS(bl_batcher_new(old, &batcher), BL_INVALID);
    CHECK_TEXT("handler");
    free(old);
    old_size = offsetof(struct bl_options, demand);
    old = malloc(old_size);
    CHECK(old != NULL);
    CHECK_OK(bl_options_init(old, old_size));
    old->dispatch = BL_DISPATCH_POLL;
    CHECK_OK(bl_batcher_new(old, &batcher));
    CHECK_OK(bl_put(batcher, "abc", 3));
    bl_batcher_free(batcher);
    free(old);
    CHECK_OK(bl_options_init(&options, sizeof options));
    CHECK_EQ(options.free_deadline_ns, 30 * SECOND);
}

static void c71_user_data_without_a_function_is_freed_once_too(void)
{
    struct watched watched;
    struct bl_batcher *batcher = NULL;
    watched_init(&watched);
    struct bl_options options = polled_options();
    options.handler.user_data = options.on_failure.user_data = options.on_log.user_data = &watched;
    options.handler.free_user_data = options.on_failure.free_user_data = options.on_log.free_user_data = watched_free;
    CHECK_STATUS(bl_batcher_new(&options, NULL), BL_INVALID);
    CHECK_EQ(atomic_load(&watched.frees), 3);
    CHECK_OK(bl_batcher_new(&options, &batcher));
    bl_batcher_free(batcher);
    CHECK_EQ(atomic_load(&watched.frees), 6);
}

static void c71_stats_of_any_version_are_filled_as_far_as_they_go(void)
{
    struct bl_stats stats;
    struct bl_options options = polled_options();
    struct bl_batcher *batcher = made(&options);
    CHECK_OK(put(batcher, 1));
    static const size_t bad[] = { 0, 1, 7, 8, 20 };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memset(&stats, 0xff, sizeof stats);
        stats.struct_size = bad[i];
        CHECK_STATUS(bl_get_stats(batcher, &stats), BL_INVALID);
        CHECK_TEXT("struct_size");
        CHECK_EQ(stats.accepted, UINT64_MAX);
    }
    memset(&stats, 0xff, sizeof stats);
    stats.struct_size = offsetof(struct bl_stats, refused);
    CHECK_OK(bl_get_stats(batcher, &stats));
    CHECK_EQ(stats.accepted, 1);
    CHECK_EQ(stats.refused, UINT64_MAX);
    char *newer = calloc(1, sizeof stats + 80);
    CHECK(newer != NULL);
    *(size_t *)(void *)newer = sizeof stats + 80;
    CHECK_OK(bl_get_stats(batcher, (struct bl_stats *)(void *)newer));
    CHECK_EQ(((struct bl_stats *)(void *)newer)->live, 1);
    free(newer);
    bl_batcher_free(batcher);
}

static void c71_item_options_of_a_wrong_size_are_refused(void)
{
    struct bl_request request;
    struct bl_item_options asked = { 0, BL_NEVER, BL_NEVER };
    uint64_t value = 1;
    static const size_t sizes[] = { 0, 1, 7, 8, 16, SIZE_MAX };
    memset(&request, 0, sizeof request);
    struct bl_options options = polled_options();
    struct bl_batcher *batcher = made(&options);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        asked.struct_size = sizes[i];
        CHECK_STATUS(bl_put_with(batcher, &value, sizeof value, &asked), BL_INVALID);
        CHECK_TEXT("struct_size");
        CHECK_STATUS(bl_submit(batcher, &value, sizeof value, &asked, &request), BL_INVALID);
    }
    CHECK_EQ(stats_of(batcher).accepted, 0);
    bl_batcher_free(batcher);
}

static void *last_error_of_a_new_thread(void *argument)
{
    (void)argument;
    char text[8] = "x";
    CHECK_EQ(bl_last_error(text, sizeof text), 0);
    CHECK_EQ(text[0], 0);
    return NULL;
}

static void c71_the_last_error_fits_any_buffer(void)
{
    char text[64], whole[64];
    CHECK_STATUS(bl_flush(NULL, 0), BL_INVALID);
    size_t length = bl_last_error(NULL, 0);
    CHECK_EQ(length, strlen("batcher is NULL"));
    CHECK_EQ(bl_last_error(NULL, 10), length);
    CHECK_EQ(bl_last_error(whole, sizeof whole), length);
    CHECK(strcmp(whole, "batcher is NULL") == 0);
    for (size_t size = 0; size < sizeof text; size++) {
        memset(text, 'x', sizeof text);
        CHECK_EQ(bl_last_error(text, size), length);
        for (size_t i = size; i < sizeof text; i++)
            CHECK(text[i] == 'x');
        if (size > 0)
            CHECK_EQ(strlen(text), size - 1 < length ? size - 1 : length);
    }
    /* A call that succeeds leaves it, another thread has its own. */
    struct bl_options options;
    CHECK_OK(bl_options_init(&options, sizeof options));
    CHECK_TEXT("batcher is NULL");
    joined(started(last_error_of_a_new_thread, NULL));
}

static void c71_every_status_has_a_text_and_the_versions_agree(void)
{
    static const int32_t statuses[] = { BL_OK,     BL_PENDING,   BL_END,        BL_INVALID,   BL_PANIC,  BL_UNSUPPORTED,
                                        BL_SYSTEM, BL_FORKED,    BL_FULL,       BL_TIMED_OUT, BL_CLOSED, BL_TOO_LARGE,
                                        BL_FAILED, BL_CANCELLED, BL_REENTRANT,  BL_DUPLICATE, BL_EXPIRED,
                                        BL_WINDOW_FULL, BL_HANDED_BACK, BL_NOT_ACCEPTED, BL_TOO_LATE };
    const size_t count = sizeof statuses / sizeof statuses[0];
    for (size_t i = 0; i < count; i++) {
        CHECK(strcmp(bl_status_string(statuses[i]), bl_status_string(9999)) != 0);
        for (size_t j = 0; j < i; j++)
            CHECK(strcmp(bl_status_string(statuses[i]), bl_status_string(statuses[j])) != 0);
    }
    CHECK(bl_status_string(INT32_MIN) != NULL);
    CHECK_EQ(bl_abi_version(), (uint32_t)BL_ABI_MAJOR << 16 | BL_ABI_MINOR);
    CHECK(strchr(bl_version(), '.') != NULL);
}

const struct check_case null_cases[] = {
    CASE(c71_a_null_handle_is_a_status_in_every_call),
    CASE(c71_freeing_null_twice_is_nothing),
    CASE(c71_a_null_argument_is_a_status_and_changes_nothing),
    CASE(c71_null_out_parameters_of_batches_and_receipts_are_a_status),
    CASE(c71_a_struct_size_that_no_header_has_is_refused_and_nothing_is_read),
    CASE(c71_longer_options_may_have_zeros_behind_them_and_nothing_else),
    CASE(c71_shorter_options_of_an_older_header_have_defaults_for_what_they_lack),
    CASE(c71_user_data_without_a_function_is_freed_once_too),
    CASE(c71_stats_of_any_version_are_filled_as_far_as_they_go),
    CASE(c71_item_options_of_a_wrong_size_are_refused),
    CASE(c71_the_last_error_fits_any_buffer),
    CASE(c71_every_status_has_a_text_and_the_versions_agree),
    LAST_CASE,
};
