/* Prints how many multiply-accumulates a microsecond holds if a core does nothing else.
 *
 * Compiled once per target: the instructions are those that its kernels multiply with, which give
 * exact int32 sums of int8 products. */
#include "stamp.h"

#include <stdint.h>
#include <stdio.h>

/* STEP(acc) adds MACS products to the lanes of acc; what it computes does not matter. */
#if defined(__AVX512VNNI__)
typedef int32_t vector __attribute__((vector_size(64)));
#define MACS 64
#define STEP(acc) __asm__ volatile("vpdpbusd %1, %1, %0" : "+v"(acc) : "v"(values))
#elif defined(__AVXVNNI__)
typedef int32_t vector __attribute__((vector_size(32)));
#define MACS 32
#define STEP(acc) __asm__ volatile("{vex} vpdpbusd %1, %1, %0" : "+x"(acc) : "x"(values))
#elif defined(__AVX2__)
typedef int32_t vector __attribute__((vector_size(32)));
#define MACS 16
#define STEP(acc)                                             \
  __asm__ volatile("vpmaddwd %2, %2, %1\n\tvpaddd %1, %0, %0" \
                   : "+x"(acc), "=&x"(product)                \
                   : "x"(values))
#elif defined(__SSE2__)
typedef int32_t vector __attribute__((vector_size(16)));
#define MACS 8
#define STEP(acc)                                                    \
  __asm__ volatile("movdqa %2, %1\n\tpmaddwd %2, %1\n\tpaddd %1, %0" \
                   : "+x"(acc), "=&x"(product)                       \
                   : "x"(values))
#elif defined(__ARM_FEATURE_MATMUL_INT8)
typedef int32_t vector __attribute__((vector_size(16)));
#define MACS 32
#define STEP(acc) __asm__ volatile("smmla %0.4s, %1.16b, %1.16b" : "+w"(acc) : "w"(values))
#elif defined(__ARM_FEATURE_DOTPROD)
typedef int32_t vector __attribute__((vector_size(16)));
#define MACS 16
#define STEP(acc) __asm__ volatile("sdot %0.4s, %1.16b, %1.16b" : "+w"(acc) : "w"(values))
#elif defined(__aarch64__)
typedef int32_t vector __attribute__((vector_size(16)));
#define MACS 4
#define STEP(acc) __asm__ volatile("smlal %0.4s, %1.4h, %1.4h" : "+w"(acc) : "w"(values))
#else
#error "no dot product is known here"
#endif

/* More sums than a multiplier has stages times a core has multipliers. */
enum { SUMS = 12, STEPS = 100000, ROUNDS = 50 };

int main(void) {
  vector sums[SUMS] = {{0}}, values = {0}, product = {0};
  uint64_t best = UINT64_MAX;
  for (int round = 0; round < ROUNDS; round++) {
    const uint64_t start = pv_nanoseconds();
    for (int step = 0; step < STEPS; step++) {
#pragma GCC unroll 12
      for (int i = 0; i < SUMS; i++) STEP(sums[i]);
    }
    const uint64_t spent = pv_nanoseconds() - start;
    if (spent < best) best = spent;
  }
  (void)product;
  printf("%.1f\n", 1e3 * MACS * SUMS * STEPS / (double)best);
  return 0;
}
