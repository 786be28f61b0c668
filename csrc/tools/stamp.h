/* What an instrumented model does after a kernel call: note the time, or mark the place.
 *
 * PV_STAMP(table, index) writes nanoseconds into table[index]. Compiled with PV_MARK it writes
 * nothing, but is one instruction without effect that icount.c finds by its bytes. To be included
 * before any other header, since it chooses what those of the system declare. */
#ifndef POCKETVISION_STAMP_H
#define POCKETVISION_STAMP_H

#ifdef PV_MARK

/* Hints that the architecture leaves unassigned and runs as nop; no compiler emits them. */
#if defined(__aarch64__)
#define PV_MARK_INSTRUCTION ".inst 0xd5032fff" /* hint #127 */
#elif defined(__thumb2__)
/* Hint #127, aligned: QEMU 7 hands plugins no instruction that crosses a page. */
#define PV_MARK_INSTRUCTION ".balign 4\n.inst.w 0xf3af807f"
#else
#error "marks are known for aarch64 and Thumb-2"
#endif
#define PV_STAMP(table, index)                          \
  do {                                                  \
    (void)(table);                                      \
    __asm__ volatile(PV_MARK_INSTRUCTION ::: "memory"); \
  } while (0)

#else

#define _POSIX_C_SOURCE 199309L
#include <stdint.h>
#include <time.h>

static inline uint64_t pv_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

#define PV_STAMP(table, index) ((table)[index] = pv_nanoseconds())

#endif

#endif
