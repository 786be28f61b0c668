/* Reads a model file once, into memory that the dynamic linker can take it from. */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pocketvision/loader.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

enum { HEAD_BYTES = 64, COPY_BYTES = 1 << 16 };

static pv_status fail(pv_detail detail, const char *reason) {
  snprintf(detail.text, detail.bytes, "%s", reason);
  return PV_ERR_OPEN;
}

/* A new file in memory, named as in /proc/self/maps, or -1. */
static int new_memory_file(const char *path) {
  const char *name = strrchr(path, '/');
  char shown[128];
  snprintf(shown, sizeof shown, "%s", name != NULL ? name + 1 : path);
  const int file = memfd_create(shown, MFD_CLOEXEC | MFD_EXEC);
  /* Kernels before 6.3 do not know the flag, and need none. */
  return file < 0 && errno == EINVAL ? memfd_create(shown, MFD_CLOEXEC) : file;
}

/* Reads `size` bytes from `offset` on, all of them or none. */
static pv_status read_at(int file, uint8_t *bytes, size_t size, uint64_t offset, pv_detail detail) {
  for (size_t done = 0; done < size;) {
    const ssize_t got = pread(file, bytes + done, size - done, (off_t)(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(detail, strerror(errno));
    if (got == 0) {
      fail(detail, "it became shorter while it was read");
      return PV_ERR_TRUNCATED;
    }
    done += (size_t)got;
  }
  return PV_OK;
}

static pv_status write_all(int file, const uint8_t *bytes, size_t size, pv_detail detail) {
  for (size_t done = 0; done < size;) {
    const ssize_t put = write(file, bytes + done, size - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return fail(detail, strerror(errno));
    done += (size_t)put;
  }
  return PV_OK;
}

/* Faster than reading into mapped memory, whose pages would be cleared first. */
static pv_status copy(int from, int to, size_t size, pv_detail detail) {
  uint8_t part[COPY_BYTES];
  pv_status status = PV_OK;
  for (size_t done = 0; done < size && status == PV_OK;) {
    const size_t count = size - done < sizeof part ? size - done : sizeof part;
    status = read_at(from, part, count, done, detail);
    if (status == PV_OK) status = write_all(to, part, count, detail);
    done += count;
  }
  return status;
}

static pv_status read_file(pv_image *image, int file, const char *path, pv_detail detail) {
  struct stat info;
  if (fstat(file, &info) != 0) return fail(detail, strerror(errno));
  if (!S_ISREG(info.st_mode)) return fail(detail, "not a regular file");
  const uint64_t size = (uint64_t)info.st_size;
  uint8_t head[HEAD_BYTES];
  const size_t known = size < HEAD_BYTES ? (size_t)size : HEAD_BYTES;
  pv_status status = read_at(file, head, known, 0, detail);
  if (status == PV_OK) status = pv_elf_kind(head, known, size, detail);
  if (status != PV_OK) return status;
  if (size > PV_MAX_FILE_BYTES) return fail(detail, "larger than any compiled model");
  image->size = (size_t)size;
  image->file = new_memory_file(path);
  const int in_memory = image->file >= 0;
  if (in_memory) status = copy(file, image->file, image->size, detail);
  if (status != PV_OK) return status;
  const int protection = in_memory ? PROT_READ : PROT_READ | PROT_WRITE;
  const int kind = MAP_PRIVATE | MAP_POPULATE | (in_memory ? 0 : MAP_ANONYMOUS);
  void *memory = mmap(NULL, image->size, protection, kind, image->file, 0);
  if (memory == MAP_FAILED) return fail(detail, strerror(errno));
  image->bytes = (const uint8_t *)memory;
  if (!in_memory) status = read_at(file, (uint8_t *)memory, image->size, 0, detail);
  /* What was checked first may be different by now. */
  return status == PV_OK ? pv_elf_kind(image->bytes, image->size, size, detail) : status;
}

pv_status pv_image_open(pv_image *image, const char *path, pv_detail detail) {
  image->bytes = NULL;
  image->size = 0;
  image->file = -1;
  /* Not blocking: opening a named pipe must not wait for its writer. */
  const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return fail(detail, strerror(errno));
  const pv_status status = read_file(image, file, path, detail);
  close(file);
  if (status != PV_OK) {
    pv_image_unmap(image);
    if (image->file >= 0) close(image->file);
    image->file = -1;
  }
  return status;
}

void pv_image_unmap(pv_image *image) {
  if (image->bytes != NULL) munmap((void *)(uintptr_t)image->bytes, image->size);
  image->bytes = NULL;
}

void pv_image_path(int file, char path[PV_IMAGE_PATH_BYTES]) {
  snprintf(path, PV_IMAGE_PATH_BYTES, "/proc/self/fd/%d", file);
}

int pv_image_can_be_linked(const pv_image *image) {
  if (image->file < 0) return 0;
  char path[PV_IMAGE_PATH_BYTES];
  pv_image_path(image->file, path);
  if (access(path, R_OK) != 0) return 0;
  /* Some systems forbid code in such files. */
  void *code = mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, image->file, 0);
  if (code == MAP_FAILED) return 0;
  munmap(code, 1);
  return 1;
}
