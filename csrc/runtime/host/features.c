/* What this processor and its operating system offer: CPUID on x86, the auxiliary vector on ARM. */
#include "pocketvision/loader.h"

/* By architecture and best first: a target, the feature bit that it needs, and what that is called.
 */
static const struct {
  const char *name;
  uint32_t arch, feature;
  const char *feature_name;
} TARGETS[] = {
    {"x86-64-vnni", PV_ARCH_X86_64, PV_FEATURE_AVX512_VNNI, "AVX512-VNNI"},
    {"x86-64-avxvnni", PV_ARCH_X86_64, PV_FEATURE_AVX_VNNI, "AVX-VNNI"},
    {"x86-64-avx2", PV_ARCH_X86_64, PV_FEATURE_AVX2, "AVX2+FMA"},
    {"x86-64-portable", PV_ARCH_X86_64, 0, NULL},
    {"aarch64-i8mm", PV_ARCH_AARCH64, PV_FEATURE_I8MM, "int8 matrix product"},
    {"aarch64-dotprod", PV_ARCH_AARCH64, PV_FEATURE_DOTPROD, "dot product"},
    {"aarch64-neon", PV_ARCH_AARCH64, PV_FEATURE_NEON, "NEON"},
};

#define COUNT (sizeof TARGETS / sizeof TARGETS[0])

const char *pv_host_target(size_t index) {
  const uint32_t features = pv_host_features();
  for (size_t i = 0; i < COUNT; i++) {
    const int runs =
        TARGETS[i].arch == pv_host_arch() && (features & TARGETS[i].feature) == TARGETS[i].feature;
    if (runs && index-- == 0) return TARGETS[i].name;
  }
  return NULL;
}

const char *pv_feature_name(uint32_t bit) {
  for (size_t i = 0; i < COUNT; i++) {
    if (bit != 0 && TARGETS[i].feature == bit) return TARGETS[i].feature_name;
  }
  return NULL;
}

#if defined(__x86_64__)

#include <cpuid.h>

#define XCR0_AVX UINT32_C(0x06)
#define XCR0_AVX512 UINT32_C(0xe6)
#define LEAF7_1_EAX_AVX_VNNI (1u << 4)

uint32_t pv_host_arch(void) { return PV_ARCH_X86_64; }

uint32_t pv_host_features(void) {
  unsigned eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return 0;
  const unsigned wanted1 = bit_OSXSAVE | bit_AVX | bit_FMA;
  if ((ecx & wanted1) != wanted1) return 0;
  /* The registers are usable only where the operating system saves them. */
  uint32_t xcr0, high;
  __asm__("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
  if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return 0;
  uint32_t features = 0;
  if ((xcr0 & XCR0_AVX) == XCR0_AVX && (ebx & bit_AVX2)) features |= PV_FEATURE_AVX2;
  const unsigned wanted512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
  if ((xcr0 & XCR0_AVX512) == XCR0_AVX512 && (ebx & wanted512) == wanted512 &&
      (ecx & bit_AVX512VNNI)) {
    features |= PV_FEATURE_AVX512_VNNI;
  }
  if ((features & PV_FEATURE_AVX2) && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) &&
      (eax & LEAF7_1_EAX_AVX_VNNI)) {
    features |= PV_FEATURE_AVX_VNNI;
  }
  return features;
}

#elif defined(__aarch64__)

#include <sys/auxv.h>

#define HWCAP_BIT_ASIMD (UINT64_C(1) << 1)
#define HWCAP_BIT_ASIMDDP (UINT64_C(1) << 20)
#define HWCAP2_BIT_I8MM (UINT64_C(1) << 13)

uint32_t pv_host_arch(void) { return PV_ARCH_AARCH64; }

uint32_t pv_host_features(void) {
  const unsigned long capabilities = getauxval(AT_HWCAP);
  uint32_t features = 0;
  if (capabilities & HWCAP_BIT_ASIMD) features |= PV_FEATURE_NEON;
  if (capabilities & HWCAP_BIT_ASIMDDP) features |= PV_FEATURE_DOTPROD;
  if (getauxval(AT_HWCAP2) & HWCAP2_BIT_I8MM) features |= PV_FEATURE_I8MM;
  return features;
}

#else
#error "the loader knows x86-64 and aarch64"
#endif
