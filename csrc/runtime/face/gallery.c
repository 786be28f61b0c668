/* Galleries: reading one with all checks, making an empty one, changing its entries. */
#include "pocketvision/gallery.h"

#include <string.h>

#include "pocketvision/session.h"

/* Offsets in the header. */
enum { VERSION = 8, DIMENSION = 12, COUNT = 16, RESERVED_20 = 20 };
enum { DIGEST = 24, RESERVED_56 = 56, CHECK = 60, DIGEST_BYTES = 32 };

static const char magic[VERSION] = {'P', 'V', 'G', 'A', 'L', 'L', 'R', 'Y'};

static uint32_t load(const uint8_t *at) {
  return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void store(uint8_t *at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (8 * i));
}

/* CRC-32 of IEEE 802.3, four bits at a time: a table of 64 bytes and not of 1024. */
static uint32_t crc(uint32_t before, const uint8_t *bytes, size_t count) {
  static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                     0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                     0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                     0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
  uint32_t value = ~before;
  for (size_t i = 0; i < count; i++) {
    value ^= bytes[i];
    value = table[value & 15] ^ value >> 4;
    value = table[value & 15] ^ value >> 4;
  }
  return ~value;
}

static uint32_t checksum(const uint8_t *memory, size_t bytes) {
  const uint32_t head = crc(0, memory, CHECK);
  return crc(head, memory + PV_GALLERY_HEADER_BYTES, bytes - PV_GALLERY_HEADER_BYTES);
}

static pv_status digest_of(const pv_model *model, uint8_t digest[DIGEST_BYTES]) {
  const char *text = model->source_sha256;
  memset(digest, 0, DIGEST_BYTES);
  for (int i = 0; i < 2 * DIGEST_BYTES; i++, text++) {
    const char digit = *text;
    if ((digit < '0' || digit > '9') && (digit < 'a' || digit > 'f')) return PV_ERR_STRUCT;
    const int value = digit <= '9' ? digit - '0' : digit - 'a' + 10;
    digest[i / 2] = (uint8_t)(digest[i / 2] << 4 | value);
  }
  return PV_OK;
}

static int same(const uint8_t *a, const void *b, size_t count) {
  uint8_t other = 0;
  for (size_t i = 0; i < count; i++) other |= a[i] ^ ((const uint8_t *)b)[i];
  return other == 0;
}

static int all_zero(const uint8_t *bytes, size_t count) {
  uint8_t any = 0;
  for (size_t i = 0; i < count; i++) any |= bytes[i];
  return any == 0;
}

/* Bytes of the UTF-8 character at `at`, which has `most` bytes to read; 0 for what is none, or is a
 * control character. */
static size_t character(const uint8_t *at, size_t most) {
  static const uint32_t least[5] = {0, 0x20, 0xa0, 0x800, 0x10000};
  const uint32_t first = at[0];
  const size_t count = first < 0x80   ? 1
                       : first < 0xc0 ? 0
                       : first < 0xe0 ? 2
                       : first < 0xf0 ? 3
                                      : 4;
  if (count == 0 || count > most || first > 0xf4) return 0;
  uint32_t code = count == 1 ? first : first & (0x7fu >> count);
  for (size_t i = 1; i < count; i++) {
    if ((at[i] & 0xc0) != 0x80) return 0;
    code = code << 6 | (at[i] & 0x3fu);
  }
  /* A longer spelling than needed, half of a pair of UTF-16, or beyond what there is. */
  if (code < least[count] || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff) return 0;
  return code == 0x7f ? 0 : count;
}

/* Bytes of a name that may be in a gallery, 0 for any other. It ends with a zero within the
 * PV_GALLERY_NAME_BYTES, none of which is read behind that. */
static size_t name_length(const uint8_t *name) {
  size_t length = 0;
  while (length < PV_GALLERY_NAME_BYTES && name[length] != 0) length++;
  if (length == PV_GALLERY_NAME_BYTES) return 0;
  for (size_t at = 0, step; at < length; at += step) {
    step = character(name + at, length - at);
    if (step == 0) return 0;
  }
  return length;
}

pv_status pv_gallery_open(pv_gallery *gallery, const pv_model *model, const void *memory,
                          size_t bytes) {
  if (gallery == NULL || model == NULL || memory == NULL) return PV_ERR_ARGUMENT;
  const uint8_t *head = (const uint8_t *)memory;
  if (bytes < PV_GALLERY_HEADER_BYTES) return PV_ERR_TRUNCATED;
  if (!same(head, magic, sizeof magic) || load(head + VERSION) != PV_GALLERY_VERSION) {
    return PV_ERR_GALLERY;
  }
  uint8_t digest[DIGEST_BYTES];
  const pv_status status = digest_of(model, digest);
  if (status != PV_OK) return status;
  const uint32_t dimension = load(head + DIMENSION), count = load(head + COUNT);
  if (!same(head + DIGEST, digest, sizeof digest)) return PV_ERR_MODEL;
  if (dimension != pv_tensor_bytes(&model->outputs[0]) || dimension > PV_MAX_DIMENSION) {
    return PV_ERR_MODEL;
  }
  /* As a quotient, because a product could overflow. */
  const size_t entry = PV_GALLERY_NAME_BYTES + dimension;
  if (count > PV_GALLERY_MAX_ENTRIES || count > (bytes - PV_GALLERY_HEADER_BYTES) / entry) {
    return PV_ERR_TRUNCATED;
  }
  if (load(head + RESERVED_20) != 0 || load(head + RESERVED_56) != 0 ||
      load(head + CHECK) != checksum(head, PV_GALLERY_BYTES(dimension, count))) {
    return PV_ERR_TRUNCATED;
  }
  /* Whoever computes a checksum may still write names without end, or for a terminal to obey. */
  for (uint32_t i = 0; i < count; i++) {
    const uint8_t *at = head + PV_GALLERY_BYTES(dimension, i);
    const size_t length = name_length(at);
    if (length == 0 || !all_zero(at + length, PV_GALLERY_NAME_BYTES - length) ||
        all_zero(at + PV_GALLERY_NAME_BYTES, dimension)) {
      return PV_ERR_TRUNCATED;
    }
  }
  gallery->entries = head + PV_GALLERY_HEADER_BYTES;
  gallery->count = count;
  gallery->dimension = dimension;
  return PV_OK;
}

pv_status pv_gallery_create(void *memory, size_t bytes, const pv_model *model) {
  if (memory == NULL || model == NULL) return PV_ERR_ARGUMENT;
  if (bytes < PV_GALLERY_HEADER_BYTES) return PV_ERR_FULL;
  const size_t dimension = pv_tensor_bytes(&model->outputs[0]);
  if (model->outputs[0].dtype == PV_DTYPE_FLOAT32 || dimension == 0 ||
      dimension > PV_MAX_DIMENSION) {
    return PV_ERR_TENSOR;
  }
  uint8_t digest[DIGEST_BYTES], *head = (uint8_t *)memory;
  const pv_status status = digest_of(model, digest);
  if (status != PV_OK) return status;
  memset(head, 0, PV_GALLERY_HEADER_BYTES);
  memcpy(head, magic, sizeof magic);
  store(head + VERSION, PV_GALLERY_VERSION);
  store(head + DIMENSION, (uint32_t)dimension);
  memcpy(head + DIGEST, digest, sizeof digest);
  store(head + CHECK, checksum(head, PV_GALLERY_HEADER_BYTES));
  return PV_OK;
}

/* `name` as an entry holds it; PV_ERR_NAME for one that may not be in a gallery. */
static pv_status name_field(const char *name, uint8_t field[PV_GALLERY_NAME_BYTES]) {
  const size_t length = name_length((const uint8_t *)name);
  if (length == 0) return PV_ERR_NAME;
  memset(field, 0, PV_GALLERY_NAME_BYTES);
  memcpy(field, name, length);
  return PV_OK;
}

static void write_entry(uint8_t *at, const uint8_t field[PV_GALLERY_NAME_BYTES], const int8_t *face,
                        size_t dimension) {
  memcpy(at, field, PV_GALLERY_NAME_BYTES);
  memcpy(at + PV_GALLERY_NAME_BYTES, face, dimension);
}

/* The header of a gallery that now has `count` entries. */
static void seal(uint8_t *head, uint32_t dimension, uint32_t count) {
  store(head + COUNT, count);
  store(head + CHECK, checksum(head, PV_GALLERY_BYTES(dimension, count)));
}

/* Entries of a name. */
static uint32_t count_of(const pv_gallery *gallery, const uint8_t field[PV_GALLERY_NAME_BYTES]) {
  uint32_t found = 0;
  for (uint32_t i = 0; i < gallery->count; i++) {
    const size_t at = (size_t)i * (PV_GALLERY_NAME_BYTES + gallery->dimension);
    found += (uint32_t)same(gallery->entries + at, field, PV_GALLERY_NAME_BYTES);
  }
  return found;
}

/* Moves the entries of other names together, writes zeros over what becomes free, and returns their
 * number. The header is left as it was. */
static uint32_t take_out(uint8_t *head, const pv_gallery *gallery,
                         const uint8_t field[PV_GALLERY_NAME_BYTES]) {
  uint32_t kept = 0;
  const size_t entry = PV_GALLERY_NAME_BYTES + gallery->dimension;
  for (uint32_t i = 0; i < gallery->count; i++) {
    const uint8_t *from = head + PV_GALLERY_BYTES(gallery->dimension, i);
    if (same(from, field, PV_GALLERY_NAME_BYTES)) continue;
    memmove(head + PV_GALLERY_BYTES(gallery->dimension, kept++), from, entry);
  }
  const size_t start = PV_GALLERY_BYTES(gallery->dimension, kept);
  memset(head + start, 0, PV_GALLERY_BYTES(gallery->dimension, gallery->count) - start);
  return kept;
}

pv_status pv_gallery_enrol(void *memory, size_t bytes, const pv_model *model, const char *name,
                           const int8_t *face) {
  if (name == NULL || face == NULL) return PV_ERR_ARGUMENT;
  pv_gallery gallery;
  uint8_t field[PV_GALLERY_NAME_BYTES], *head = (uint8_t *)memory;
  pv_status status = pv_gallery_open(&gallery, model, memory, bytes);
  if (status == PV_OK) status = name_field(name, field);
  if (status != PV_OK) return status;
  if (all_zero((const uint8_t *)face, gallery.dimension)) return PV_ERR_ZERO_NORM;
  const size_t used = PV_GALLERY_BYTES(gallery.dimension, gallery.count);
  const size_t entry = PV_GALLERY_NAME_BYTES + gallery.dimension;
  if (bytes - used < entry || gallery.count == PV_GALLERY_MAX_ENTRIES) return PV_ERR_FULL;
  write_entry(head + used, field, face, gallery.dimension);
  seal(head, gallery.dimension, gallery.count + 1);
  return PV_OK;
}

pv_status pv_gallery_remove(void *memory, size_t bytes, const pv_model *model, const char *name,
                            uint32_t *removed) {
  if (name == NULL || removed == NULL) return PV_ERR_ARGUMENT;
  pv_gallery gallery;
  uint8_t field[PV_GALLERY_NAME_BYTES], *head = (uint8_t *)memory;
  pv_status status = pv_gallery_open(&gallery, model, memory, bytes);
  if (status == PV_OK) status = name_field(name, field);
  if (status != PV_OK) return status;
  *removed = count_of(&gallery, field);
  if (*removed > 0) seal(head, gallery.dimension, take_out(head, &gallery, field));
  return PV_OK;
}

pv_status pv_gallery_replace(void *memory, size_t bytes, const pv_model *model, const char *name,
                             const int8_t *faces, uint32_t count, uint32_t *removed) {
  if (name == NULL || faces == NULL || count == 0 || removed == NULL) return PV_ERR_ARGUMENT;
  pv_gallery gallery;
  uint8_t field[PV_GALLERY_NAME_BYTES], *head = (uint8_t *)memory;
  pv_status status = pv_gallery_open(&gallery, model, memory, bytes);
  if (status == PV_OK) status = name_field(name, field);
  if (status != PV_OK) return status;
  const uint32_t gone = count_of(&gallery, field), rest = gallery.count - gone;
  const size_t dimension = gallery.dimension;
  const size_t room = (bytes - PV_GALLERY_HEADER_BYTES) / (PV_GALLERY_NAME_BYTES + dimension);
  if (count > PV_GALLERY_MAX_ENTRIES - rest || count > room - rest) return PV_ERR_FULL;
  for (uint32_t i = 0; i < count; i++) {
    if (all_zero((const uint8_t *)faces + i * dimension, dimension)) return PV_ERR_ZERO_NORM;
  }
  *removed = gone;
  if (gone == 0) return PV_OK;
  (void)take_out(head, &gallery, field);
  for (uint32_t i = 0; i < count; i++) {
    write_entry(head + PV_GALLERY_BYTES(dimension, rest + i), field, faces + i * dimension,
                dimension);
  }
  seal(head, gallery.dimension, rest + count);
  return PV_OK;
}
