/* Opens a compiled model that is a shared object of this machine (hosts with ELF and dlopen). */
#ifndef POCKETVISION_LOADER_H
#define POCKETVISION_LOADER_H

#include <stddef.h>
#include <stdint.h>

#include "pocketvision/model.h"
#include "pocketvision/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Largest file that is taken for a compiled model, in bytes. */
#define PV_MAX_FILE_BYTES (UINT64_C(1) << 30)

/* An open library and the model in it. */
typedef struct pv_library {
  void *handle;
  const pv_model *model;
  int file; /* what is linked, as long as it is open; -1 where that is the file itself */
  uint64_t inode;
} pv_library;

/* Instruction set family and processor features of this process. */
uint32_t pv_host_arch(void);
uint32_t pv_host_features(void);

/* Name of the target that this processor runs best for `index` 0, of the next best for 1 and so on;
 * null behind the last. */
const char *pv_host_target(size_t index);

/* What a bit of enum pv_feature is called in messages; null for one that is not known here. */
const char *pv_feature_name(uint32_t bit);

/* Reads the file once, into memory; checks there that it is an ELF shared object of this machine,
 * that it ends with its digest as compiled, and that its tables lie within it; links what was
 * checked, finds the model and checks it against this processor.
 *
 * The digest finds damage, not forgery, and linking runs the constructors of the file: open only
 * files that you trust. A path may be replaced at any time: an open library keeps its content, and
 * opening the path again gives what is there then. Where the system links no file in memory (no
 * memfd, no /proc, or neither may hold code), the file is linked by its path, right after the
 * check; there a path that is open already gives the library that was linked first.
 * `detail` receives what was found, as text, or an empty string. On failure nothing stays open. */
pv_status pv_library_open(pv_library *library, const char *path, char *detail, size_t detail_bytes);

/* Unlinks the file; the model and all that it points to are gone. */
void pv_library_close(pv_library *library);

#ifdef __cplusplus
}
#endif

#endif
