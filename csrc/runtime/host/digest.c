/* The digest behind a compiled model, which the compiler writes (compile/emit/digest.py).
 *
 * The last 32 bytes of a file: "PVDIGEST", the length of the file before them, XXH64 with seed 0 of
 * that length of bytes, and zero; numbers are little-endian and 64 bits. It finds damage and honest
 * changes, not forgery: open only files that you trust.
 *
 * XXH64 after its specification (XXH64 algorithm description, Yann Collet). */
#include <stdio.h>
#include <string.h>

#include "image.h"
#include "pocketvision/model.h"

enum { MAGIC_BYTES = 8, LENGTH = 8, DIGEST = 16, RESERVED = 24, TRAILER_BYTES = 32, STRIPE = 32 };

static const char MAGIC[MAGIC_BYTES] = {'P', 'V', 'D', 'I', 'G', 'E', 'S', 'T'};

#define PRIME_1 UINT64_C(0x9E3779B185EBCA87)
#define PRIME_2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define PRIME_3 UINT64_C(0x165667B19E3779F9)
#define PRIME_4 UINT64_C(0x85EBCA77C2B2AE63)
#define PRIME_5 UINT64_C(0x27D4EB2F165667C5)

/* Hosts are little-endian: pv_elf_kind() refuses other files. */
static uint64_t load64(const uint8_t *at) {
  uint64_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static uint32_t load32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static uint64_t rotated(uint64_t value, int bits) { return value << bits | value >> (64 - bits); }

static uint64_t mixed(uint64_t lane, uint64_t word) {
  return rotated(lane + word * PRIME_2, 31) * PRIME_1;
}

/* Four lanes over all whole stripes; `at` moves behind them. */
static uint64_t stripes(const uint8_t **at, const uint8_t *end) {
  uint64_t a = PRIME_1 + PRIME_2, b = PRIME_2, c = 0, d = 0 - PRIME_1;
  for (; end - *at >= STRIPE; *at += STRIPE) {
    a = mixed(a, load64(*at));
    b = mixed(b, load64(*at + 8));
    c = mixed(c, load64(*at + 16));
    d = mixed(d, load64(*at + 24));
  }
  uint64_t value = rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18);
  const uint64_t lanes[4] = {a, b, c, d};
  for (int i = 0; i < 4; i++) value = (value ^ mixed(0, lanes[i])) * PRIME_1 + PRIME_4;
  return value;
}

uint64_t pv_xxh64(const uint8_t *bytes, size_t size) {
  const uint8_t *at = bytes, *end = bytes + size;
  uint64_t value = size >= STRIPE ? stripes(&at, end) : PRIME_5;
  value += size;
  for (; end - at >= 8; at += 8) {
    value = rotated(value ^ mixed(0, load64(at)), 27) * PRIME_1 + PRIME_4;
  }
  if (end - at >= 4) {
    value = rotated(value ^ load32(at) * PRIME_1, 23) * PRIME_2 + PRIME_3;
    at += 4;
  }
  for (; at < end; at++) value = rotated(value ^ *at * PRIME_5, 11) * PRIME_1;
  value = (value ^ value >> 33) * PRIME_2;
  value = (value ^ value >> 29) * PRIME_3;
  return value ^ value >> 32;
}

/* A file without a digest: cut off, of a compiler before ABI 2, or changed. */
static pv_status explain(const uint8_t *bytes, size_t size, pv_detail detail) {
  const pv_status status = pv_elf_tables(bytes, size, detail);
  if (status != PV_OK) return status;
  /* The compiler aligns the struct, whose first fields are the magic number and the version. */
  for (size_t at = 0; at + 12 <= size; at += 8) {
    if (load64(bytes + at) != PV_MODEL_MAGIC) continue;
    const uint32_t version = load32(bytes + at + 8);
    if (version == 0 || version >= PV_ABI_VERSION) continue;
    snprintf(detail.text, detail.bytes, "its ABI version is %u, this runtime reads %u",
             (unsigned)version, (unsigned)PV_ABI_VERSION);
    return PV_ERR_ABI;
  }
  snprintf(detail.text, detail.bytes,
           "it does not end with a digest, which tools such as strip cut off");
  return PV_ERR_DIGEST;
}

pv_status pv_digest_check(const uint8_t *bytes, size_t size, pv_detail detail) {
  if (size < TRAILER_BYTES) return PV_ERR_TRUNCATED;
  const size_t before = size - TRAILER_BYTES;
  const uint8_t *trailer = bytes + before;
  if (memcmp(trailer, MAGIC, MAGIC_BYTES) != 0) return explain(bytes, size, detail);
  if (load64(trailer + LENGTH) != before || load64(trailer + RESERVED) != 0 ||
      load64(trailer + DIGEST) != pv_xxh64(bytes, before)) {
    snprintf(detail.text, detail.bytes, "its digest does not match");
    return PV_ERR_DIGEST;
  }
  return PV_OK;
}
