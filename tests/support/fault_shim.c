// Faults of storage, made on purpose.  Linked or preloaded before the C library: it counts the calls that change files whose path
// holds a given text, and from the n-th on refuses them, cuts writes short, or kills the process.
#define _GNU_SOURCE
#include "tests/support/fault_shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { kFds = 1024, kPath = 512, kDirty = 64 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char wanted[kPath];  // empty: disarmed
static long first, last, calls;
static int fault_kind;
static char fd_paths[kFds][kPath];       // of files open for writing, and of folders
static char dirty_paths[kDirty][kPath];  // written and not synced yet

static void* real(const char* name) {
  void* const found = dlsym(RTLD_NEXT, name);
  if (found == NULL) abort();
  return found;
}

#define REAL(name, ...) ((__typeof__(&name))real(#name))(__VA_ARGS__)

void fault_arm(const char* path, long from, long count, int kind) {
  pthread_mutex_lock(&mutex);
  snprintf(wanted, sizeof wanted, "%s", path);
  memset(dirty_paths, 0, sizeof dirty_paths);
  first = from;
  last = count < 0 ? -1 : from + count - 1;
  calls = 0;
  fault_kind = kind;
  pthread_mutex_unlock(&mutex);
}

long fault_disarm(void) {
  pthread_mutex_lock(&mutex);
  wanted[0] = 0;
  const long seen = calls;
  pthread_mutex_unlock(&mutex);
  return seen;
}

// SSLRUN_FAULT="PATH FROM COUNT KIND" arms a preloaded program.
__attribute__((constructor)) static void arm_by_environment(void) {
  const char* const text = getenv("SSLRUN_FAULT");
  char path[kPath];
  long from = 0, count = 0;
  int kind = 0;
  if (text == NULL) return;
  if (sscanf(text, "%511s %ld %ld %d", path, &from, &count, &kind) != 4) abort();
  fault_arm(path, from, count, kind);
}

static void kill_now(void) {
  for (int i = 0; fault_kind == kFaultPowerCut && i < kDirty; ++i)
    if (dirty_paths[i][0] != 0 && truncate(dirty_paths[i], 0) != 0) continue;  // gone already
  kill(getpid(), SIGKILL);
  pause();
}

// What this call is to meet: 0 nothing, else the kind.
static int meets(const char* path, int writing) {
  int met = 0;
  pthread_mutex_lock(&mutex);
  const int writes_only = strncmp(wanted, "write:", 6) == 0;
  if (wanted[0] != 0 && (writing || !writes_only) &&
      strstr(path, wanted + (writes_only ? 6 : 0)) != NULL) {
    ++calls;
    if (calls >= first && (last < 0 || calls <= last)) met = fault_kind;
  }
  pthread_mutex_unlock(&mutex);
  return met;
}

// For every call but write: true where it is refused, errno set.
static int refused(const char* path) {
  const int met = meets(path, 0);
  if (met == kFaultKill || met == kFaultPowerCut) kill_now();
  if (met <= 0) return 0;
  errno = met;
  return 1;
}

static void set_dirty(const char* path, int dirty) {
  pthread_mutex_lock(&mutex);
  int place = -1;
  for (int i = 0; i < kDirty; ++i) {
    if (strcmp(dirty_paths[i], path) == 0) place = i;
    if (place < 0 && dirty && dirty_paths[i][0] == 0) place = i;
  }
  if (place >= 0) snprintf(dirty_paths[place], kPath, "%s", dirty ? path : "");
  pthread_mutex_unlock(&mutex);
}

static void dirty_renamed(const char* from, const char* to) {
  pthread_mutex_lock(&mutex);
  const size_t n = strlen(from);
  for (int i = 0; i < kDirty; ++i) {
    char rest[kPath];
    if (strncmp(dirty_paths[i], from, n) != 0) continue;
    if (dirty_paths[i][n] != 0 && dirty_paths[i][n] != '/') continue;
    snprintf(rest, sizeof rest, "%s", dirty_paths[i] + n);
    snprintf(dirty_paths[i], kPath, "%.255s%.255s", to, rest);
  }
  pthread_mutex_unlock(&mutex);
}

static int opened(int fd, const char* path) {
  if (fd >= 0 && fd < kFds) snprintf(fd_paths[fd], kPath, "%s", path);
  return fd;
}

static const char* path_of(int fd) {
  return fd >= 0 && fd < kFds ? fd_paths[fd] : "";
}

#define MODE(flags)                             \
  mode_t mode = 0;                              \
  if (((flags) & (O_CREAT | O_TMPFILE)) != 0) { \
    va_list list;                               \
    va_start(list, flags);                      \
    mode = va_arg(list, mode_t);                \
    va_end(list);                               \
  }

static int writes(int flags) {
  return (flags & (O_WRONLY | O_RDWR | O_CREAT)) != 0;
}

int open(const char* path, int flags, ...) {
  MODE(flags)
  if (writes(flags) && refused(path)) return -1;
  return opened(REAL(open, path, flags, mode), path);
}

int open64(const char* path, int flags, ...) {
  MODE(flags)
  if (writes(flags) && refused(path)) return -1;
  return opened(REAL(open64, path, flags, mode), path);
}

int close(int fd) {
  if (fd >= 0 && fd < kFds) fd_paths[fd][0] = 0;
  return REAL(close, fd);
}

ssize_t write(int fd, const void* bytes, size_t count) {
  const char* const path = path_of(fd);
  const int met = path[0] == 0 ? 0 : meets(path, 1);
  if (met > 0) {
    errno = met;
    return -1;
  }
  const size_t some = met != 0 ? (count + 1) / 2 : count;
  const ssize_t n = REAL(write, fd, bytes, some);
  if (path[0] != 0) set_dirty(path, 1);
  if (met == kFaultKill || met == kFaultPowerCut) kill_now();
  return n;
}

int fsync(int fd) {
  const char* const path = path_of(fd);
  if (path[0] != 0 && refused(path)) return -1;
  const int status = REAL(fsync, fd);
  if (path[0] != 0 && status == 0) set_dirty(path, 0);
  return status;
}

int rename(const char* from, const char* to) {
  if (refused(from)) return -1;
  const int status = REAL(rename, from, to);
  if (status == 0) dirty_renamed(from, to);
  return status;
}

int mkdir(const char* path, mode_t mode) {
  return refused(path) ? -1 : REAL(mkdir, path, mode);
}

int unlink(const char* path) {
  return refused(path) ? -1 : REAL(unlink, path);
}

int remove(const char* path) {
  return refused(path) ? -1 : REAL(remove, path);
}

int unlinkat(int folder, const char* path, int flags) {
  char whole[kPath] = "";
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
  const ssize_t n = folder == AT_FDCWD ? 0 : readlink(link, whole, sizeof whole - 1);
  snprintf(whole + (n < 0 ? 0 : n), kPath - (size_t)(n < 0 ? 0 : n), "/%s", path);
  return refused(whole) ? -1 : REAL(unlinkat, folder, path, flags);
}
