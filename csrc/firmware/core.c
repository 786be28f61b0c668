/* Which features of enum pv_feature a Cortex-M core has, read from its identification registers. */
#include "pocketvision/core.h"

#include "pocketvision/session.h"

#define REGISTER(address) (*(const volatile uint32_t *)(address))
#define CPUID REGISTER(0xE000ED00)    /* 4..15: part number */
#define CPACR REGISTER(0xE000ED88)    /* coprocessor access, 20..23: floats and vectors */
#define ID_ISAR3 REGISTER(0xE000ED6C) /* 4..7: SIMD within registers */
#define MVFR0 REGISTER(0xE000EF40)    /* 4..7: single precision */
#define MVFR1 REGISTER(0xE000EF44)    /* 8..11: MVE; 2: with floats */
#define MVFR2 REGISTER(0xE000EF48)    /* 4..7: 4 from FPv5 on */

/* The Cortex-M4 has the whole extension, but its register says what the Cortex-M3's says. */
#define CORTEX_M4 0xC24

static uint32_t field(uint32_t value, int shift) { return value >> shift & 15; }

uint32_t pv_core_features(void) {
  uint32_t features = 0;
  if (field(ID_ISAR3, 4) >= 3 || (CPUID >> 4 & 0xFFF) == CORTEX_M4) features |= PV_FEATURE_DSP;
  if (field(CPACR, 20) != 15) return features; /* switched off: an access would be a fault */
  if (field(MVFR0, 4) != 0) features |= PV_FEATURE_FPU;
  if (field(MVFR2, 4) >= 4) features |= PV_FEATURE_FPV5;
  if (field(MVFR1, 8) >= 2) features |= PV_FEATURE_MVE;
  return features;
}

pv_status pv_check(const pv_model *model) {
  const pv_status status = pv_model_check(model);
  if (status != PV_OK) return status;
  if (model->arch != PV_ARCH_ARM_M) return PV_ERR_MACHINE;
  return model->features & ~pv_core_features() ? PV_ERR_FEATURES : PV_OK;
}
