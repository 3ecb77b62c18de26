/* What rustc's code calls of ThreadSanitizer's runtime, and the runtimes of gcc 12 and older do not have. */
#include <stddef.h>
#include <string.h>

void __tsan_read_range(void *, unsigned long);
void __tsan_write_range(void *, unsigned long);

void *__tsan_memcpy(void *to, const void *from, size_t size) {
  __tsan_read_range((void *)from, size);
  __tsan_write_range(to, size);
  return memcpy(to, from, size);
}

void *__tsan_memmove(void *to, const void *from, size_t size) {
  __tsan_read_range((void *)from, size);
  __tsan_write_range(to, size);
  return memmove(to, from, size);
}

void *__tsan_memset(void *to, int byte, size_t size) {
  __tsan_write_range(to, size);
  return memset(to, byte, size);
}
