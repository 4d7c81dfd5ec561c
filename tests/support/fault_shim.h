/* Faults of storage, made on purpose (fault_shim.c). */
#pragma once
#ifdef __cplusplus
extern "C" {
#endif

/* Kinds: an errno (ENOSPC, EIO, ...) for a call that is refused, or one of these. */
enum {
  kFaultShort = -1,    /* a write takes half of what it is given; other calls do as always */
  kFaultKill = -2,     /* the process dies before the call, in the middle of a write */
  kFaultPowerCut = -3, /* the same, and what was written and not synced is lost */
};

/* From now on the calls open (to write), write, fsync, rename, mkdir, unlink, unlinkat and remove on
   a path that holds `path` are counted from 1; `count` of them from the one numbered `from` on (-1:
   all) meet `kind`. A path that begins with "write:" counts write alone. */
void fault_arm(const char* path, long from, long count, int kind);

/* Lets every call through again; how many were counted. */
long fault_disarm(void);

#ifdef __cplusplus
}
#endif
