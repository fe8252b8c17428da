/* check.h: the smallest test frame that says what went wrong and where. The first failed check ends the program. */
#ifndef CHECK_H
#define CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../include/batchline.h"

#define CHECK(condition) check_true((condition) ? 1 : 0, #condition, __FILE__, __LINE__)
#define CHECK_EQ(left, right) check_equal((uint64_t)(left), (uint64_t)(right), #left " == " #right, __FILE__, __LINE__)
#define CHECK_OK(call) check_status((call), BL_OK, #call, __FILE__, __LINE__)
#define CHECK_STATUS(call, status) check_status((call), (status), #call, __FILE__, __LINE__)
/* The text of the last error names this. */
#define CHECK_TEXT(part) check_text((part), __FILE__, __LINE__)

/* One test: its name is that of its function. A list of them ends with an entry of NULLs. */
struct check_case {
    const char *name;
    void (*run)(void);
};
#define CASE(function) { #function, function }
#define LAST_CASE { NULL, NULL }

static inline void check_true(int is_true, const char *what, const char *file, int line)
{
    if (!is_true) {
        fprintf(stderr, "%s:%d: not true: %s\n", file, line, what);
        exit(1);
    }
}

static inline void check_equal(uint64_t left, uint64_t right, const char *what, const char *file, int line)
{
    if (left != right) {
        fprintf(stderr, "%s:%d: %s, but they are %llu and %llu\n", file, line, what, (unsigned long long)left,
                (unsigned long long)right);
        exit(1);
    }
}

static inline void check_status(int32_t got, int32_t wanted, const char *what, const char *file, int line)
{
    char text[256] = "";
    if (got == wanted)
        return;
    bl_last_error(text, sizeof text);
    fprintf(stderr, "%s:%d: %s: %d (%s), not %d (%s); last error: %s\n", file, line, what, (int)got,
            bl_status_string(got), (int)wanted, bl_status_string(wanted), text);
    exit(1);
}

static inline void check_text(const char *part, const char *file, int line)
{
    char text[512] = "";
    bl_last_error(text, sizeof text);
    if (strstr(text, part) == NULL) {
        fprintf(stderr, "%s:%d: `%s` is not in the last error: %s\n", file, line, part, text);
        exit(1);
    }
}

#define MS ((uint64_t)1000000)
#define SECOND (1000 * MS)

static inline uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static inline void sleep_ns(uint64_t duration_ns)
{
    struct timespec left;
    left.tv_sec = (time_t)(duration_ns / SECOND);
    left.tv_nsec = (long)(duration_ns % SECOND);
    while (nanosleep(&left, &left) != 0) {
    }
}

/* Waits until a condition holds; after ten seconds the check has failed. */
#define CHECK_SOON(condition)                                                                                          \
    do {                                                                                                               \
        uint64_t until_ns_ = now_ns() + 10 * SECOND;                                                                   \
        while (!(condition) && now_ns() < until_ns_)                                                                   \
            sleep_ns(MS / 5);                                                                                          \
        CHECK(condition);                                                                                              \
    } while (0)

#endif
