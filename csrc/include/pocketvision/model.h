/* The compiled model: one exported constant struct that the compiler emits and every runtime reads.
 */
#ifndef POCKETVISION_MODEL_H
#define POCKETVISION_MODEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PV_MODEL_MAGIC UINT64_C(0x4c444d4e53495650) /* "PVISNMDL" in memory order */
#define PV_ABI_VERSION UINT32_C(2)

/* Most axes of a tensor, and most inputs or outputs of a model. */
#define PV_MAX_RANK 6
#define PV_MAX_TENSORS 64

/* Name of the exported struct in a shared library; firmware objects prefix it with the model's
 * name. */
#define PV_MODEL_SYMBOL "pocketvision_model"

/* Element types of a tensor that crosses the interface; floats have scale 1 and zero point 0. */
enum pv_dtype { PV_DTYPE_INT8 = 1, PV_DTYPE_UINT8 = 2, PV_DTYPE_FLOAT32 = 3 };

/* Processor features that a compiled model may need; the loader refuses it where one is absent. */
enum pv_feature {
  PV_FEATURE_AVX2 = 1 << 0,        /* x86: AVX2 and FMA */
  PV_FEATURE_AVX512_VNNI = 1 << 1, /* x86: AVX-512 F, BW, DQ, VL and VNNI */
  PV_FEATURE_AVX_VNNI = 1 << 2,    /* x86: VPDPBUSD on 256 bits without AVX-512 */
  PV_FEATURE_NEON = 1 << 8,        /* aarch64 base */
  PV_FEATURE_DOTPROD = 1 << 9,     /* aarch64 SDOT and UDOT */
  PV_FEATURE_I8MM = 1 << 10,       /* aarch64 SMMLA */
  PV_FEATURE_DSP = 1 << 16,        /* Cortex-M: the DSP extension, SMLAD and its kin */
  PV_FEATURE_FPU = 1 << 17,        /* Cortex-M: single precision in hardware, FPv4 or later */
  PV_FEATURE_FPV5 = 1 << 18,       /* Cortex-M: what FPv5 adds, VMAXNM and directed rounding */
  PV_FEATURE_MVE = 1 << 19         /* Cortex-M: Helium vectors of integers and floats */
};

/* Instruction set family of a compiled model. */
enum pv_arch { PV_ARCH_X86_64 = 1, PV_ARCH_AARCH64 = 2, PV_ARCH_ARM_M = 3 };

/* One input or output: dense, the last axis innermost, without the batch's axis; a picture or map
 * is {height, width, channels}. Real value = scale * (stored - zero_point). */
typedef struct pv_tensor {
  const char *name;
  uint32_t dtype; /* enum pv_dtype */
  uint32_t rank;
  uint32_t shape[PV_MAX_RANK]; /* the first `rank` are sizes, the others 0 */
  float scale;
  int32_t zero_point;
} pv_tensor;

/* Everything has static storage duration: it lives as long as the library or image that holds it.
 */
typedef struct pv_model {
  uint64_t magic;
  uint32_t abi_version;
  uint32_t struct_bytes; /* sizeof(pv_model) of the emitter: guards against a truncated struct */
  uint32_t arch;         /* enum pv_arch */
  uint32_t features;     /* or of enum pv_feature: what the processor must have */
  uint64_t arena_bytes;  /* scratch that run() needs, owned by the caller */
  uint32_t arena_alignment;
  /* 0: the arena is one piece. More: run()'s `arena` is an array of that many pointers to pieces in
   * RAM banks, whose sizes the emitted header names and arena_bytes sums up. */
  uint32_t banks;
  uint32_t input_count;
  uint32_t output_count;
  const pv_tensor *inputs;
  const pv_tensor *outputs;
  const char *target;        /* "x86-64-vnni", "aarch64-dotprod", ... */
  const char *source_sha256; /* of the int8 ONNX file, 64 hexadecimal digits */
  const char *record;        /* JSON, NUL-terminated UTF-8 */
  /* Returns 0. Reads in[0], in[1], ..., writes out[0], ..., in the order of `inputs` and `outputs`,
   * and uses `arena`; touches nothing else, so any number of threads may run one model at once,
   * each with buffers of its own. */
  int (*run)(const void *const *in, void *const *out, void *arena);
} pv_model;

#ifdef __cplusplus
}
#endif

#endif
