/* C70: the header twice in one file, and in two files of one program. */
#include "../../include/batchline.h"
#include "../../include/batchline.h"

#ifdef __cplusplus
extern "C" {
#endif
uint32_t version_seen_by_b(void);
#ifdef __cplusplus
}
#endif

int main(void)
{
    struct bl_options options;
    if (bl_options_init(&options, sizeof options) != BL_OK || options.struct_size != sizeof(struct bl_options))
        return 1;
    return bl_abi_version() == version_seen_by_b() ? 0 : 2;
}
