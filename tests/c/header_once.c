/* C70: the header alone, before anything else, is a program. It is compiled as C99, C11, C23 and C++17. */
#include "../../include/batchline.h"

int main(void)
{
    return bl_abi_version() >> 16 == BL_ABI_MAJOR ? 0 : 1;
}
