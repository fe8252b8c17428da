
/* Calls of the library. Define BL_API yourself to declare them otherwise, for instance as imported. */
#ifndef BL_API
#define BL_API
#endif

struct bl_request;
