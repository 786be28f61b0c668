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

/* An open library and the model in it. */
typedef struct pv_library {
  void *handle;
  const pv_model *model;
} pv_library;

/* Instruction set family and processor features of this process. */
uint32_t pv_host_arch(void);
uint32_t pv_host_features(void);

/* Refuses a file that is no ELF shared object of this machine or whose headers, segments or
 * sections reach beyond its end. Runs no code of the file. `detail` as in pv_library_open(). */
pv_status pv_elf_check(const char *path, char *detail, size_t detail_bytes);

/* Checks the file, links it, finds the model and checks it against this processor.
 *
 * Linking runs the constructors of the file: open only files that you trust. A path that is open
 * already gives the library that was linked then, even if the file has changed since.
 * `detail` receives what was found, as text, or an empty string. On failure nothing stays open. */
pv_status pv_library_open(pv_library *library, const char *path, char *detail, size_t detail_bytes);

/* Unlinks the file; the model and all that it points to are gone. */
void pv_library_close(pv_library *library);

#ifdef __cplusplus
}
#endif

#endif
