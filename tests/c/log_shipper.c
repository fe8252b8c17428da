/*
 * log_shipper.c: ships lines into a file, many at a time, from an event loop.
 *
 *     log_shipper FILE < lines
 *
 * A thread reads lines and puts them. The main thread sits in epoll with two descriptors: that of the batcher, which
 * is readable when a batch is ready, and a timer of its own, for a line of progress each second. A batch of byte
 * strings is an array of struct bl_bytes, which is laid out like struct iovec: so it goes to writev as it is.
 *
 * At the end of the input the reader closes the batcher; the loop then ships what is left, is told BL_CLOSED, and ends.
 * The program reads the file again and compares it with what was read.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../../include/batchline.h"

_Static_assert(sizeof(struct bl_bytes) == sizeof(struct iovec), "a batch of byte strings is an array of iovec");
_Static_assert(offsetof(struct bl_bytes, size) == offsetof(struct iovec, iov_len), "in the same order");

/* What went by at one place: as everything is in order, equal sums mean equal lines. */
struct sum {
    uint64_t lines, bytes, hash;
};

static void add(struct sum *sum, const char *line, size_t size)
{
    sum->lines++;
    sum->bytes += size;
    for (size_t i = 0; i < size; i++)
        sum->hash = (sum->hash ^ (unsigned char)line[i]) * 1099511628211u;
}

static void die(const char *what)
{
    char detail[256] = "";
    bl_last_error(detail, sizeof detail);
    fprintf(stderr, "log_shipper: %s: %s\n", what, detail[0] ? detail : strerror(errno));
    exit(1);
}

struct input {
    struct bl_batcher *batcher;
    struct sum sum;
    struct bl_receipt_counts receipt;
};

/* Reads, puts, and closes at the end: that waits until the loop has shipped everything. */
static void *read_lines(void *argument)
{
    struct input *input = argument;
    struct bl_receipt *receipt;
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    while ((size = getline(&line, &room, stdin)) > 0) {
        /* The line is copied. A full queue makes the put wait: the disk sets the pace. */
        if (bl_put(input->batcher, line, (size_t)size) != BL_OK)
            die("bl_put");
        add(&input->sum, line, (size_t)size);
    }
    free(line);
    if (bl_close(input->batcher, BL_NEVER, &receipt) != BL_OK ||
        bl_receipt_get_counts(receipt, &input->receipt) != BL_OK)
        die("bl_close");
    bl_receipt_free(receipt);
    return NULL;
}

static void write_rest(int file, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(file, bytes, size);
        if (written < 0)
            die("write");
        bytes += written, size -= (size_t)written;
    }
}

/* Writes one batch, straight from where the lines lie. The array is the batch's: it is read, not changed. */
static void ship(int file, struct bl_batch *batch)
{
    struct bl_batch_view view;
    if (bl_batch_get_view(batch, &view) != BL_OK)
        die("bl_batch_get_view");
    const struct iovec *lines = view.items, *end = lines + view.len;
    while (lines < end) {
        ssize_t written = writev(file, lines, (int)(end - lines));
        if (written < 0 && errno != EINTR)
            die("writev");
        for (; written > 0; lines++) {
            size_t size = lines->iov_len, part = (size_t)written < size ? (size_t)written : size;
            write_rest(file, (const char *)lines->iov_base + part, size - part);
            written -= (ssize_t)part;
        }
    }
}

/* Ships batches until there is none; true when there will be none any more. */
static int ship_what_is_there(const struct bl_batcher *batcher, int file)
{
    struct bl_batch *batch;
    int32_t status;
    while ((status = bl_next_batch(batcher, 0, &batch)) == BL_OK) {
        ship(file, batch);
        bl_batch_done(batch, 0);
    }
    if (status != BL_TIMED_OUT && status != BL_CLOSED)
        die("bl_next_batch");
    return status == BL_CLOSED;
}

static void report_progress(const struct bl_batcher *batcher, int timer)
{
    uint64_t ticks;
    struct bl_stats stats = { .struct_size = sizeof stats };
    if (read(timer, &ticks, sizeof ticks) == sizeof ticks && bl_get_stats(batcher, &stats) == BL_OK)
        fprintf(stderr, "%llu lines in %llu batches\n", (unsigned long long)stats.done,
                (unsigned long long)stats.batches);
}

static void run_loop(const struct bl_batcher *batcher, int file)
{
    const struct itimerspec each_second = { { 1, 0 }, { 1, 0 } };
    struct epoll_event event = { .events = EPOLLIN };
    int32_t ready;
    int epoll = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (bl_poll_fd(batcher, &ready) != BL_OK || timerfd_settime(timer, 0, &each_second, NULL) != 0)
        die("descriptors");
    for (int i = 0; i < 2; i++) {
        event.data.fd = i == 0 ? ready : timer;
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event) != 0)
            die("epoll_ctl");
    }
    for (int is_over = 0; !is_over;) {
        if (epoll_wait(epoll, &event, 1, -1) != 1)
            continue;
        if (event.data.fd == timer)
            report_progress(batcher, timer);
        else
            is_over = ship_what_is_there(batcher, file);
    }
    close(timer);
    close(epoll);
}

static struct sum sum_of_file(const char *path)
{
    struct sum sum = { 0, 0, 0 };
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    FILE *file = fopen(path, "r");
    while (file != NULL && (size = getline(&line, &room, file)) > 0)
        add(&sum, line, (size_t)size);
    free(line);
    if (file != NULL)
        fclose(file);
    return sum;
}

int main(int argc, char **argv)
{
    struct input input = { 0 };
    struct bl_options options;
    pthread_t reader;
    if (argc != 2) {
        fprintf(stderr, "usage: log_shipper FILE < lines\n");
        return 64;
    }
    bl_options_init(&options, sizeof options);
    options.name = "log-shipper";
    options.batch_items_max = 1000; /* no more than IOV_MAX, so that a batch fits one writev */
    options.batch_bytes_max = 1 << 20;
    options.oversize = BL_OVERSIZE_ALONE; /* a very long line is a batch of its own */
    options.linger_ns = 5 * 1000 * 1000;
    options.dispatch = BL_DISPATCH_POLL;
    if (bl_batcher_new(&options, &input.batcher) != BL_OK)
        die("bl_batcher_new");
    int file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0)
        die(argv[1]);

    pthread_create(&reader, NULL, read_lines, &input);
    run_loop(input.batcher, file);
    pthread_join(reader, NULL);
    close(file);
    bl_batcher_free(input.batcher);

    const struct sum shipped = sum_of_file(argv[1]);
    const struct bl_receipt_counts *receipt = &input.receipt;
    printf("read %llu lines, shipped %llu; accepted %llu, done %llu\n", (unsigned long long)input.sum.lines,
           (unsigned long long)shipped.lines, (unsigned long long)receipt->accepted, (unsigned long long)receipt->done);
    return memcmp(&shipped, &input.sum, sizeof shipped) == 0 && receipt->done == shipped.lines ? 0 : 1;
}
