/*
 * record_writer.c: several threads put records, a handler writes them into a file.
 *
 *     record_writer FILE
 *
 * A record is a measurement of one sensor. The handler is called with a batch, on a thread of the batcher, and writes
 * it with one fwrite. It fails single records, those that no sensor could have measured: the failure hook hears of
 * them, the others are written all the same.
 *
 * The network may deliver a measurement twice, so the sensor and the sequence number are a key that is remembered for
 * a while: the second one is refused, BL_DUPLICATE. A measurement that failed is not remembered: it may come again,
 * corrected.
 *
 * The program reads the file again: each good measurement must be there exactly once, those of a sensor in order.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../include/batchline.h"

enum { SENSORS = 4, MEASUREMENTS = 5000, BAD_EACH = 250, TWICE_EACH = 10, CODE_IMPOSSIBLE = 3 };

/* The first eight bytes are the key. No padding: all bytes of a record are written. */
struct measurement {
    uint32_t sensor, sequence;
    float degrees;
    uint32_t reserved;
};

struct writer {
    FILE *file;
    _Atomic uint64_t failed, hook_calls, is_freed;
};

/* Runs on the worker thread. All but 0 would fail the whole batch. */
static int32_t write_batch(void *user_data, struct bl_batch *batch)
{
    struct writer *writer = user_data;
    struct bl_batch_view view;
    if (bl_batch_get_view(batch, &view) != BL_OK || view.stride != sizeof(struct measurement))
        return -1;
    const struct measurement *measurements = view.items;
    size_t begin = 0;
    for (size_t i = 0; i < view.len; i++) {
        if (measurements[i].degrees >= -273.15f)
            continue;
        bl_batch_fail(batch, i, CODE_IMPOSSIBLE);
        /* What lies between two impossible ones is written at once. */
        if (fwrite(measurements + begin, sizeof *measurements, i - begin, writer->file) != i - begin)
            return -2;
        begin = i + 1;
    }
    if (fwrite(measurements + begin, sizeof *measurements, view.len - begin, writer->file) != view.len - begin)
        return -2;
    return 0;
}

/* Hears of failures, once per batch, on the thread where the batch ended. */
static void count_failure(void *user_data, const struct bl_failure *report)
{
    struct writer *writer = user_data;
    if (report->kind == BL_FAILURE_FAILED && report->code == CODE_IMPOSSIBLE)
        atomic_fetch_add(&writer->failed, report->items);
    else
        fprintf(stderr, "record_writer: %s: %s\n", report->batcher, report->message);
    atomic_fetch_add(&writer->hook_calls, 1);
}

/* Nothing can call back any more. */
static void end_writer(void *user_data)
{
    struct writer *writer = user_data;
    fclose(writer->file);
    atomic_store(&writer->is_freed, 1);
}

/* One sensor: a thread, and what its puts came to. */
struct sensor {
    const struct bl_batcher *batcher;
    uint32_t number;
    uint64_t put, duplicates, errors;
};

static void put(struct sensor *sensor, const struct measurement *measurement)
{
    int32_t status = bl_put(sensor->batcher, measurement, sizeof *measurement);
    sensor->put += status == BL_OK;
    sensor->duplicates += status == BL_DUPLICATE;
    sensor->errors += status != BL_OK && status != BL_DUPLICATE;
}

static void *measure(void *argument)
{
    struct sensor *sensor = argument;
    for (uint32_t i = 0; i < MEASUREMENTS; i++) {
        struct measurement measurement = { sensor->number, i, (float)(i % 100), 0 };
        if (i % BAD_EACH == 0)
            measurement.degrees = -300;
        put(sensor, &measurement);
        if (i % TWICE_EACH == 1)
            put(sensor, &measurement); /* refused */
    }
    return NULL;
}

/* Everything has its outcome; then the bad ones come again, corrected, and are accepted: failed keys are free. */
static void correct(struct sensor *sensor)
{
    for (uint32_t i = 0; i < MEASUREMENTS; i += BAD_EACH) {
        struct measurement measurement = { sensor->number, i, 20, 0 };
        put(sensor, &measurement);
    }
}

/* How many measurements of the file are not what and where they should be. */
static unsigned long long check_file(const char *path)
{
    static unsigned char seen[SENSORS][MEASUREMENTS];
    uint32_t next[SENSORS] = { 0 };
    unsigned long long wrong = 0, total = 0;
    struct measurement read;
    FILE *file = fopen(path, "rb");
    while (file != NULL && fread(&read, sizeof read, 1, file) == 1) {
        int is_known = read.sensor < SENSORS && read.sequence < MEASUREMENTS;
        if (!is_known || seen[read.sensor][read.sequence]++ > 0 || read.degrees < -273.15f) {
            wrong++;
            continue;
        }
        total++;
        if (read.sequence % BAD_EACH != 0) {
            wrong += read.sequence < next[read.sensor];
            next[read.sensor] = read.sequence;
        }
    }
    if (file != NULL)
        fclose(file);
    return wrong + (total != (unsigned long long)SENSORS * MEASUREMENTS);
}

int main(int argc, char **argv)
{
    static struct writer writer;
    struct sensor sensors[SENSORS];
    pthread_t threads[SENSORS];
    struct bl_options options;
    struct bl_batcher *batcher;
    uint64_t put = 0, duplicates = 0, errors = 0;
    if (argc != 2 || (writer.file = fopen(argv[1], "wb")) == NULL) {
        fprintf(stderr, "usage: record_writer FILE\n");
        return 64;
    }
    bl_options_init(&options, sizeof options);
    options.name = "record-writer";
    options.record_size = sizeof(struct measurement);
    options.batch_items_max = 500;
    options.dedup = BL_DEDUP_REFUSE;
    options.key_size = offsetof(struct measurement, degrees);
    options.handler.call = write_batch;
    options.handler.user_data = &writer;
    options.handler.free_user_data = end_writer;
    options.on_failure.call = count_failure;
    options.on_failure.user_data = &writer; /* freed with the handler's: no second free function */
    if (bl_batcher_new(&options, &batcher) != BL_OK) {
        char detail[256];
        bl_last_error(detail, sizeof detail);
        fprintf(stderr, "record_writer: %s\n", detail);
        return 1;
    }
    for (uint32_t i = 0; i < SENSORS; i++) {
        sensors[i] = (struct sensor){ .batcher = batcher, .number = i };
        pthread_create(&threads[i], NULL, measure, &sensors[i]);
    }
    for (int i = 0; i < SENSORS; i++)
        pthread_join(threads[i], NULL);
    bl_flush(batcher, BL_NEVER);
    for (int i = 0; i < SENSORS; i++) {
        correct(&sensors[i]);
        put += sensors[i].put, duplicates += sensors[i].duplicates, errors += sensors[i].errors;
    }
    bl_batcher_free(batcher); /* handles what is left, then calls end_writer */

    unsigned long long wrong = check_file(argv[1]);
    printf("%llu put, %llu duplicates, %llu failed in %llu batches, %llu wrong in the file\n", (unsigned long long)put,
           (unsigned long long)duplicates, (unsigned long long)writer.failed, (unsigned long long)writer.hook_calls,
           wrong);
    const uint64_t bad = (uint64_t)SENSORS * MEASUREMENTS / BAD_EACH;
    int is_right = writer.is_freed && errors == 0 && wrong == 0 && writer.failed == bad &&
                   put == (uint64_t)SENSORS * MEASUREMENTS + bad &&
                   duplicates == (uint64_t)SENSORS * MEASUREMENTS / TWICE_EACH;
    return is_right ? 0 : 1;
}
