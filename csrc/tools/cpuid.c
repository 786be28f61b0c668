/* Preloaded into a process: CPUID answers as if the processor had AVX2 and nothing newer, or, where
 * the environment variable POCKETVISION_BENCH_PROCESSOR is "avxvnni", AVX-VNNI besides, or, where
 * it is "avx512", everything but AMX.
 *
 * Linux makes CPUID fault where the processor can (flag cpuid_fault); the fault asks the processor
 * and takes AVX-512, AMX and the like out of the answer. The setting passes to threads and not to
 * new programs, which LD_PRELOAD brings here again.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <cpuid.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { REFUSED = 120 }; /* exit status: CPUID cannot be made to fault */

/* Leaf 7: the bits of EBX, ECX and EDX, then of EAX and EDX of its subleaf 1. */
#define AVX512_EBX UINT32_C(0xdc230000) /* F, DQ, IFMA, PF, ER, CD, BW, VL */
#define AVX512_ECX UINT32_C(0x00005842) /* VBMI, VBMI2, VNNI, BITALG, VPOPCNTDQ */
#define AVX512_EDX UINT32_C(0x03c0010c) /* 4VNNIW, 4FMAPS, VP2INTERSECT, FP16, AMX */
#define AVX_VNNI UINT32_C(0x00000010)
#define NEWER_EAX UINT32_C(0x00a00020) /* AVX512-BF16, AMX-FP16, AVX-IFMA */
#define NEWER_EDX UINT32_C(0x00080530) /* AVX-VNNI-INT8, -INT16, NE-CONVERT, AMX-COMPLEX, AVX10 */

/* Of these AMX alone. */
#define AMX_EDX UINT32_C(0x03400000)
#define AMX_FP16_EAX UINT32_C(0x00200000)
#define AMX_COMPLEX_EDX UINT32_C(0x00000100)

static unsigned hidden_ebx = AVX512_EBX, hidden_ecx = AVX512_ECX, hidden_edx = AVX512_EDX;
static unsigned hidden_eax1 = NEWER_EAX | AVX_VNNI, hidden_edx1 = NEWER_EDX;

typedef int (*Sigaction)(int, const struct sigaction *, struct sigaction *);

static long faulting(int on) { return syscall(SYS_arch_prctl, ARCH_SET_CPUID, on ? 0UL : 1UL); }

static int usual_sigaction(int signal, const struct sigaction *action, struct sigaction *before) {
  Sigaction usual;
  *(void **)&usual = dlsym(RTLD_NEXT, "sigaction"); /* as POSIX has it: ISO C has no such cast */
  return usual(signal, action, before);
}

/* Compilers and interpreters report faults of their own; here they go without. */
int sigaction(int signal, const struct sigaction *action, struct sigaction *before) {
  return usual_sigaction(signal, signal == SIGSEGV ? NULL : action, before);
}

void (*signal(int number, void (*handler)(int)))(int) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, before;
  return sigaction(number, &action, &before) == 0 ? before.sa_handler : SIG_ERR;
}

static void answer(int signal, siginfo_t *info, void *context) {
  (void)info;
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  const unsigned char cpuid[] = {0x0f, 0xa2};
  if (memcmp((const void *)registers[REG_RIP], cpuid, sizeof cpuid) != 0) {
    struct sigaction usual = {.sa_handler = SIG_DFL};
    usual_sigaction(signal, &usual, NULL); /* a fault of another kind: it comes again and ends us */
    return;
  }
  const unsigned leaf = (unsigned)registers[REG_RAX], subleaf = (unsigned)registers[REG_RCX];
  unsigned eax, ebx, ecx, edx;
  faulting(0);
  __cpuid_count(leaf, subleaf, eax, ebx, ecx, edx);
  faulting(1);
  if (leaf == 7 && subleaf == 0) {
    ebx &= ~hidden_ebx;
    ecx &= ~hidden_ecx;
    edx &= ~hidden_edx;
  } else if (leaf == 7 && subleaf == 1) {
    eax &= ~hidden_eax1;
    edx &= ~hidden_edx1;
  }
  registers[REG_RAX] = eax;
  registers[REG_RBX] = ebx;
  registers[REG_RCX] = ecx;
  registers[REG_RDX] = edx;
  registers[REG_RIP] += (greg_t)sizeof cpuid;
}

__attribute__((constructor(101))) static void start(void) {
  const char *named = getenv("POCKETVISION_BENCH_PROCESSOR");
  if (named != NULL && strcmp(named, "avxvnni") == 0) hidden_eax1 &= ~AVX_VNNI;
  if (named != NULL && strcmp(named, "avx512") == 0) {
    hidden_ebx = hidden_ecx = 0;
    hidden_edx = AMX_EDX;
    hidden_eax1 = AMX_FP16_EAX;
    hidden_edx1 = AMX_COMPLEX_EDX;
  }
  struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER};
  if (usual_sigaction(SIGSEGV, &action, NULL) != 0 || faulting(1) != 0) _exit(REFUSED);
}
