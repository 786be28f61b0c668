/* Links a compiled model and checks it against this runtime and this processor. */
#include "pocketvision/loader.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image.h"
#include "pocketvision/session.h"

static void describe_missing(uint32_t missing, char *detail, size_t detail_bytes) {
  size_t used = 0;
  for (uint32_t bit = 1; bit != 0; bit <<= 1) {
    const char *name = pv_feature_name(bit);
    if (!(missing & bit) || name == NULL || used >= detail_bytes) continue;
    const char *before = used == 0 ? "missing: " : ", ";
    used += (size_t)snprintf(detail + used, detail_bytes - used, "%s%s", before, name);
    missing &= ~bit;
  }
  if (missing != 0 && used < detail_bytes) {
    snprintf(detail + used, detail_bytes - used, "%sfeature bits 0x%x that are not known here",
             used == 0 ? "missing: " : ", ", (unsigned)missing);
  }
}

static void describe(pv_status status, const pv_model *model, char *detail, size_t detail_bytes) {
  if (status == PV_ERR_ABI) {
    snprintf(detail, detail_bytes, "its ABI version is %u, this runtime reads %u",
             (unsigned)model->abi_version, (unsigned)PV_ABI_VERSION);
  } else if (status == PV_ERR_STRUCT) {
    snprintf(detail, detail_bytes, "%u bytes, expected %zu with no null pointer",
             (unsigned)model->struct_bytes, sizeof(pv_model));
  } else if (status == PV_ERR_ARENA) {
    snprintf(detail, detail_bytes, "%llu bytes aligned to %u",
             (unsigned long long)model->arena_bytes, (unsigned)model->arena_alignment);
  }
}

static pv_status check_host(const pv_model *model, char *detail, size_t detail_bytes) {
  pv_status status = pv_model_check(model);
  if (status != PV_OK) {
    describe(status, model, detail, detail_bytes);
    return status;
  }
  if (model->arch != pv_host_arch()) {
    snprintf(detail, detail_bytes, "its description names architecture %u, this one is %u",
             (unsigned)model->arch, (unsigned)pv_host_arch());
    return PV_ERR_MACHINE;
  }
  const uint32_t missing = model->features & ~pv_host_features();
  if (missing != 0) {
    describe_missing(missing, detail, detail_bytes);
    return PV_ERR_FEATURES;
  }
  return PV_OK;
}

/* The exported object must be as large as its description says before more of it is read. */
static pv_status check_symbol(const pv_model *model, pv_detail detail) {
#ifdef __GLIBC__
  Dl_info info;
  const Elf64_Sym *symbol = NULL;
  const int found = dladdr1(model, &info, (void **)&symbol, RTLD_DL_SYMENT);
  const uint64_t size = found != 0 && symbol != NULL ? symbol->st_size : 0;
  const int known = size >= offsetof(pv_model, struct_bytes) && model->magic == PV_MODEL_MAGIC &&
                    model->abi_version == PV_ABI_VERSION;
  if (size < offsetof(pv_model, struct_bytes) || (known && size != sizeof(pv_model))) {
    snprintf(detail.text, detail.bytes, "its symbol has %llu bytes, expected %zu",
             (unsigned long long)size, sizeof(pv_model));
    return PV_ERR_STRUCT;
  }
#else
  (void)model;
  (void)detail;
#endif
  return PV_OK;
}

static void close_file(pv_library *library) {
  struct stat info;
  /* A process that closes all its descriptors, as daemons do, may have given ours to others. */
  if (library->file >= 0 && fstat(library->file, &info) == 0 &&
      (uint64_t)info.st_ino == library->inode) {
    close(library->file);
  }
  library->file = -1;
}

/* A descriptor whose name in /proc no linked library has: the dynamic linker goes by names, and a
 * library may outlive its descriptor. */
static int unused_name(int file, char path[PV_IMAGE_PATH_BYTES]) {
  for (;;) {
    pv_image_path(file, path);
    void *other = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
    if (other == NULL) return file;
    dlclose(other);
    const int next = fcntl(file, F_DUPFD_CLOEXEC, file + 1);
    close(file);
    if (next < 0) return -1;
    file = next;
  }
}

static pv_status link_image(pv_library *library, const pv_image *image, const char *path,
                            pv_detail detail) {
  char name[PV_IMAGE_PATH_BYTES];
  library->file = image->file;
  if (pv_image_can_be_linked(image)) {
    struct stat info;
    if (fstat(image->file, &info) == 0) library->inode = (uint64_t)info.st_ino;
    library->file = unused_name(image->file, name);
    if (library->file < 0) {
      snprintf(detail.text, detail.bytes, "%s", strerror(errno));
      return PV_ERR_OPEN;
    }
    path = name;
  } else if (image->file >= 0) {
    close(image->file);
    library->file = -1;
  }
  library->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library->handle != NULL) return PV_OK;
  const char *reason = dlerror();
  snprintf(detail.text, detail.bytes, "%s", reason != NULL ? reason : "");
  return PV_ERR_LINK;
}

static pv_status check_image(const pv_image *image, pv_detail detail) {
  const pv_status status = pv_digest_check(image->bytes, image->size, detail);
  return status != PV_OK ? status : pv_elf_tables(image->bytes, image->size, detail);
}

static pv_status find_model(pv_library *library, pv_detail detail) {
  const pv_model *model = (const pv_model *)dlsym(library->handle, PV_MODEL_SYMBOL);
  if (model == NULL) {
    snprintf(detail.text, detail.bytes, "it exports no symbol %s", PV_MODEL_SYMBOL);
    return PV_ERR_SYMBOL;
  }
  const pv_status status = check_symbol(model, detail);
  if (status != PV_OK) return status;
  library->model = model;
  return check_host(model, detail.text, detail.bytes);
}

pv_status pv_library_open(pv_library *library, const char *path, char *detail,
                          size_t detail_bytes) {
  if (library == NULL) return PV_ERR_ARGUMENT;
  *library = (pv_library){NULL, NULL, -1, 0};
  if (path == NULL || detail == NULL || detail_bytes == 0) return PV_ERR_ARGUMENT;
  detail[0] = '\0';
  const pv_detail reason = {detail, detail_bytes};
  pv_image image;
  pv_status status = pv_image_open(&image, path, reason);
  if (status != PV_OK) return status;
  status = check_image(&image, reason);
  if (status == PV_OK) {
    status = link_image(library, &image, path, reason);
  } else if (image.file >= 0) {
    close(image.file);
  }
  pv_image_unmap(&image);
  if (status == PV_OK) status = find_model(library, reason);
  if (status != PV_OK) pv_library_close(library);
  return status;
}

void pv_library_close(pv_library *library) {
  if (library == NULL) return;
  if (library->handle != NULL) dlclose(library->handle);
  close_file(library);
  library->handle = NULL;
  library->model = NULL;
}
