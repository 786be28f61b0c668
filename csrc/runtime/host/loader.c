/* Links a compiled model and checks it against this runtime and this processor. */
#include "pocketvision/loader.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "pocketvision/session.h"

static const struct {
  uint32_t bit;
  const char *name;
} FEATURES[] = {
    {PV_FEATURE_AVX2, "AVX2+FMA"},       {PV_FEATURE_AVX512_VNNI, "AVX512-VNNI"},
    {PV_FEATURE_AVX_VNNI, "AVX-VNNI"},   {PV_FEATURE_NEON, "NEON"},
    {PV_FEATURE_DOTPROD, "dot product"}, {PV_FEATURE_I8MM, "int8 matrix product"},
};

static void describe_missing(uint32_t missing, char *detail, size_t detail_bytes) {
  size_t used = 0;
  for (size_t i = 0; i < sizeof FEATURES / sizeof FEATURES[0]; i++) {
    if (!(missing & FEATURES[i].bit) || used >= detail_bytes) continue;
    const int written = snprintf(detail + used, detail_bytes - used, "%s%s",
                                 used == 0 ? "missing: " : ", ", FEATURES[i].name);
    used += (size_t)written;
    missing &= ~FEATURES[i].bit;
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

pv_status pv_library_open(pv_library *library, const char *path, char *detail,
                          size_t detail_bytes) {
  if (library == NULL) return PV_ERR_ARGUMENT;
  library->handle = NULL;
  library->model = NULL;
  pv_status status = pv_elf_check(path, detail, detail_bytes);
  if (status != PV_OK) return status;
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) {
    const char *reason = dlerror();
    snprintf(detail, detail_bytes, "%s", reason != NULL ? reason : "");
    return PV_ERR_LINK;
  }
  const pv_model *model = (const pv_model *)dlsym(handle, PV_MODEL_SYMBOL);
  if (model == NULL) {
    snprintf(detail, detail_bytes, "it exports no symbol %s", PV_MODEL_SYMBOL);
    status = PV_ERR_SYMBOL;
  } else {
    status = check_host(model, detail, detail_bytes);
  }
  if (status != PV_OK) {
    dlclose(handle);
    return status;
  }
  library->handle = handle;
  library->model = model;
  return PV_OK;
}

void pv_library_close(pv_library *library) {
  if (library == NULL || library->handle == NULL) return;
  dlclose(library->handle);
  library->handle = NULL;
  library->model = NULL;
}
