/* Dot products of int8 templates: in plain C, with AVX2 and with AVX512-VNNI, all exact. */
#include "dots.h"

#include <stddef.h>

/* A loop that compilers turn into vectors: int16 products, added in pairs to int32. */
static int32_t dot(const int8_t *a, const int8_t *b, uint32_t count) {
  int32_t sum = 0;
  for (uint32_t i = 0; i < count; i++) sum += (int16_t)(a[i] * b[i]);
  return sum;
}

static const int8_t *row_of(const pv_templates *rows, uint32_t index) {
  return rows->first + (size_t)index * rows->stride;
}

static void plain(const pv_templates *rows, uint32_t from, uint32_t count, const pv_probe *probe,
                  int32_t *out) {
  for (uint32_t i = 0; i < count; i++) {
    out[i] = dot(row_of(rows, from + i), probe->values, rows->dimension);
  }
}

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

/* Widened to 16 bits, since multiplying bytes saturates for -128. */
AVX2 static void avx2(const pv_templates *rows, uint32_t from, uint32_t count,
                      const pv_probe *probe, int32_t *out) {
  const uint32_t whole = rows->dimension / 32 * 32;
  for (uint32_t i = 0; i < count; i++) {
    const int8_t *row = row_of(rows, from + i);
    __m256i low = _mm256_setzero_si256(), high = low;
    for (uint32_t j = 0; j < whole; j += 32) {
      const __m128i *a = (const __m128i *)(row + j), *b = (const __m128i *)(probe->values + j);
      const __m256i a0 = _mm256_cvtepi8_epi16(_mm_loadu_si128(a));
      const __m256i a1 = _mm256_cvtepi8_epi16(_mm_loadu_si128(a + 1));
      const __m256i b0 = _mm256_cvtepi8_epi16(_mm_load_si128(b));
      const __m256i b1 = _mm256_cvtepi8_epi16(_mm_load_si128(b + 1));
      low = _mm256_add_epi32(low, _mm256_madd_epi16(a0, b0));
      high = _mm256_add_epi32(high, _mm256_madd_epi16(a1, b1));
    }
    const __m256i both = _mm256_add_epi32(low, high);
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    out[i] =
        _mm_cvtsi128_si32(sum) + dot(row + whole, probe->values + whole, rows->dimension - whole);
  }
}

/* Four sums a row, in the four quarters of a register, of two rows next to each other. */
VNNI static __m512i pairs(__m512i a, __m512i b) {
  return _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
}

VNNI static __m512i fours(__m512i a, __m512i b) {
  return _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
}

/* The instruction multiplies unsigned by signed bytes: a row's values are raised by 128, which adds
 * 128 times the probe's sum. Sixteen rows are added up together, which takes three steps a row. */
VNNI static void vnni(const pv_templates *rows, uint32_t from, uint32_t count,
                      const pv_probe *probe, int32_t *out) {
  const __m512i raise = _mm512_set1_epi8((char)0x80);
  const __m512i extra = _mm512_set1_epi32(128 * probe->sum);
  const uint32_t whole = rows->dimension / 64 * 64, rest = rows->dimension - whole;
  const __mmask64 tail = rest == 0 ? 0 : ~UINT64_C(0) >> (64 - rest);
  uint32_t done = 0;
  for (; done + 16 <= count; done += 16) {
    const int8_t *at = row_of(rows, from + done);
    __m512i sums[16];
    for (int i = 0; i < 16; i++) {
      const int8_t *row = at + (size_t)i * rows->stride;
      __m512i sum = _mm512_setzero_si512();
      for (uint32_t j = 0; j < whole; j += 64) {
        const __m512i values = _mm512_xor_si512(_mm512_loadu_si512(row + j), raise);
        sum = _mm512_dpbusd_epi32(sum, values, _mm512_load_si512(probe->values + j));
      }
      if (rest != 0) { /* the probe is zero where a row has ended */
        const __m512i values = _mm512_xor_si512(_mm512_maskz_loadu_epi8(tail, row + whole), raise);
        sum = _mm512_dpbusd_epi32(sum, values, _mm512_load_si512(probe->values + whole));
      }
      sums[i] = sum;
    }
    __m512i four[4];
    for (int i = 0; i < 4; i++) {
      const __m512i *s = sums + 4 * i;
      four[i] = fours(pairs(s[0], s[1]), pairs(s[2], s[3]));
    }
    __m512i eight[2];
    for (int i = 0; i < 2; i++) {
      const __m512i a = four[2 * i], b = four[2 * i + 1];
      eight[i] =
          _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x44), _mm512_shuffle_i32x4(a, b, 0xee));
    }
    const __m512i all = _mm512_add_epi32(_mm512_shuffle_i32x4(eight[0], eight[1], 0x88),
                                         _mm512_shuffle_i32x4(eight[0], eight[1], 0xdd));
    _mm512_storeu_si512(out + done, _mm512_sub_epi32(all, extra));
  }
  plain(rows, from + done, count - done, probe, out + done);
}

pv_dots *pv_dots_for(uint32_t features) {
  if (features & PV_FEATURE_AVX512_VNNI) return vnni;
  if (features & PV_FEATURE_AVX2) return avx2;
  return plain;
}

#else

pv_dots *pv_dots_for(uint32_t features) {
  (void)features;
  return plain;
}

#endif
