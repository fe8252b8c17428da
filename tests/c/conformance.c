/*
 * conformance.c: what goes wrong in libraries of this kind, as black-box tests through the C ABI. Each test is named
 * after its line in the list that all surfaces share. `conformance [PART]` runs the tests with PART in their name.
 *
 * What C does not say here, and why:
 *   C13  there is no array of results that could have the wrong length: results are given by index. An index that the
 *        batch does not have is tested instead.
 *   C25  items are plain bytes, so there are no drops to count; that none is kept is left to the leak checkers.
 *   C32  needs a virtual clock, which is the core's alone; so do the exact moments of C30, C31 and C42, which are
 *        tested here on the system's clock with room for a busy machine.
 *   C46  allocations are counted by an allocator of Rust's: ffi/tests/allocations.rs.
 *   C50 to C54  the ABI has no adaptive sizes.
 *   C60 to C63  the ABI has no ID pools yet.
 *   C70  is not a test that runs: header_once.c, header_twice_a.c and header_twice_b.c are compiled, and
 *        ffi/tests/header.rs compares the header with its sources.
 *   C72 to C74  are of other languages.
 */
#include "check.h"

extern const struct check_case close_cases[], outcome_cases[], bound_cases[], time_cases[], dedup_cases[],
    null_cases[], surface_cases[], request_cases[];

static int run_cases(const struct check_case *cases, const char *part)
{
    int ran = 0;
    for (; cases->run != NULL; cases++) {
        if (strstr(cases->name, part) == NULL)
            continue;
        uint64_t before_ns = now_ns();
        printf("%s ...", cases->name);
        fflush(stdout);
        cases->run();
        printf(" %llu ms\n", (unsigned long long)((now_ns() - before_ns) / MS));
        fflush(stdout);
        ran++;
    }
    return ran;
}

int main(int argc, char **argv)
{
    const struct check_case *files[] = {
        close_cases, outcome_cases, bound_cases, time_cases, dedup_cases, null_cases, surface_cases, request_cases,
    };
    const char *part = argc > 1 ? argv[1] : "";
    int ran = 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        ran += run_cases(files[i], part);
    printf("%d tests passed\n", ran);
    return ran > 0 ? 0 : 1;
}
