/* C70: the other file of the program of header_twice_a.c. */
#include "../../include/batchline.h"
#include "../../include/batchline.h"

#ifdef __cplusplus
extern "C" {
#endif
uint32_t version_seen_by_b(void);
#ifdef __cplusplus
}
#endif

uint32_t version_seen_by_b(void)
{
    return (uint32_t)BL_ABI_MAJOR << 16 | BL_ABI_MINOR;
}
