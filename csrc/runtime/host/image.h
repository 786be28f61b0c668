/* A model file on its way to the dynamic linker: read once, checked in memory, linked from there.
 * Shared by the files of this folder only. */
#ifndef POCKETVISION_HOST_IMAGE_H
#define POCKETVISION_HOST_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "pocketvision/status.h"

/* Where the reason of a failure goes. */
typedef struct pv_detail {
  char *text;
  size_t bytes;
} pv_detail;

/* The bytes of a file, in memory that nothing else writes to. */
typedef struct pv_image {
  const uint8_t *bytes;
  size_t size;
  int file; /* a file in memory that has the same bytes, or -1 where the system has none */
} pv_image;

/* Reads `path` once. PV_ERR_OPEN: it cannot be read, is no regular file, or is larger than
 * PV_MAX_FILE_BYTES; PV_ERR_TRUNCATED: it became shorter meanwhile; else what pv_elf_kind() says of
 * its first bytes. On failure nothing stays open. */
pv_status pv_image_open(pv_image *image, const char *path, pv_detail detail);

/* Gives the memory back, but leaves `file` open. */
void pv_image_unmap(pv_image *image);

/* Whether the dynamic linker can take `image->file` by pv_image_path(). */
int pv_image_can_be_linked(const pv_image *image);

enum { PV_IMAGE_PATH_BYTES = 32 };
void pv_image_path(int file, char path[PV_IMAGE_PATH_BYTES]);

/* Whether a file of `total` bytes that starts with these `size` is a shared object of this machine:
 * PV_ERR_FORMAT, PV_ERR_TRUNCATED for less than a header, PV_ERR_MACHINE. */
pv_status pv_elf_kind(const uint8_t *bytes, size_t size, uint64_t total, pv_detail detail);

/* Whether headers, segments and sections lie within the file, whose kind is right. */
pv_status pv_elf_tables(const uint8_t *bytes, size_t size, pv_detail detail);

/* XXH64 of these bytes with seed 0. */
uint64_t pv_xxh64(const uint8_t *bytes, size_t size);

/* Whether the file ends with the digest of all before: PV_ERR_DIGEST, PV_ERR_ABI for a file of the
 * time before there were digests. Its kind is right. */
pv_status pv_digest_check(const uint8_t *bytes, size_t size, pv_detail detail);

#endif
