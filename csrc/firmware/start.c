/* Start-up of the example boards: vectors, float unit, memory protection, stack paint, faults. */
#include "board.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SHCSR REGISTER(0xE000ED24)
#define CFSR REGISTER(0xE000ED28)
#define HFSR REGISTER(0xE000ED2C)
#define MMFAR REGISTER(0xE000ED34)
#define BFAR REGISTER(0xE000ED38)
#define CPACR REGISTER(0xE000ED88)
#define MPU_CTRL REGISTER(0xE000ED94)
#define MPU_RNR REGISTER(0xE000ED98)
#define MPU_RBAR REGISTER(0xE000ED9C)
#define MPU_RASR REGISTER(0xE000EDA0) /* Armv8-M: MPU_RLAR */
#define MPU_MAIR0 REGISTER(0xE000EDC0)

#define PAINT UINT32_C(0xC5C5C5C5)
#define GUARD_BYTES 32
#define FAULT_STATUS 99

extern uint32_t board_stack_limit[], board_stack_top[];
extern uint32_t board_data_start[], board_data_end[], board_bss_start[], board_bss_end[];
extern const uint32_t board_data_load[];
extern void (*const board_init_start[])(void), (*const board_init_end[])(void);
extern char board_ram_start[], board_ram_end[];
int main(void);

void board_reset(void);
static void fault(void);

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    [0] = board_stack_top, [1] = board_reset, [2] = fault,  [3] = fault,
    [4] = fault,           [5] = fault,       [6] = fault,  [7] = fault,
    [11] = fault,          [12] = fault,      [14] = fault, [15] = fault,
};

/* Nothing in RAM is executed, and running off the end of the stack is a fault. */
static void protect(void) {
#if __ARM_ARCH >= 8
  __asm__ volatile("msr msplim, %0" ::"r"((uintptr_t)board_stack_limit + GUARD_BYTES));
  MPU_MAIR0 = 0xff; /* attribute 0: normal memory, cached */
  MPU_RNR = 0;
  MPU_RBAR = (uintptr_t)board_ram_start | 1 << 1 | 1; /* any access, no execution */
  MPU_RASR = (((uintptr_t)board_ram_end - 1) & ~UINT32_C(31)) | 1;
#else
  const uint32_t bytes = (uint32_t)(board_ram_end - board_ram_start); /* a power of two */
  MPU_RNR = 0;
  MPU_RBAR = (uintptr_t)board_ram_start;
  /* No execution, full access, outer and inner write-back with allocation. */
  MPU_RASR = 1 << 28 | 3 << 24 | 1 << 19 | 3 << 16 | (uint32_t)(30 - __builtin_clz(bytes)) << 1 | 1;
  MPU_RNR = 1; /* of overlapping regions the higher number counts */
  MPU_RBAR = (uintptr_t)board_stack_limit;
  MPU_RASR = 1 << 28 | 4 << 1 | 1; /* no access to 32 bytes */
#endif
  MPU_CTRL = 1 << 2 | 1; /* on, with the default map behind the regions */
}

__attribute__((used, noreturn)) static void start(void) {
  CPACR |= UINT32_C(0xF) << 20;
  SHCSR |= UINT32_C(7) << 16; /* memory, bus and usage faults have handlers of their own */
  __asm__ volatile("dsb\n\tisb");
  const uint32_t *from = board_data_load;
  for (uint32_t *to = board_data_start; to < board_data_end;) *to++ = *from++;
  for (uint32_t *to = board_bss_start; to < board_bss_end;) *to++ = 0;
  protect();
  __asm__ volatile("dsb\n\tisb");
  for (void (*const *run)(void) = board_init_start; run < board_init_end; run++) (*run)();
  board_exit(main());
}

/* Without a frame, since it paints the stack that a frame would stand on. */
__attribute__((naked)) void board_reset(void) {
  __asm__ volatile(
      "ldr r0, =board_stack_limit\n\t"
      "ldr r1, =board_stack_top\n\t"
      "mov sp, r1\n\t"
      "ldr r2, =%c0\n"
      "1:\n\t"
      "str r2, [r0], #4\n\t"
      "cmp r0, r1\n\t"
      "blo 1b\n\t"
      "b %c1\n\t"
      ".ltorg" ::"i"(PAINT),
      "i"(start));
}

/* Objects with unwinding tables ask for these; nothing here is ever unwound. */
void __aeabi_unwind_cpp_pr0(void);
void __aeabi_unwind_cpp_pr1(void);
__attribute__((weak)) void __aeabi_unwind_cpp_pr0(void) {}
__attribute__((weak)) void __aeabi_unwind_cpp_pr1(void) {}

uint32_t board_stack_bytes(void) {
  return (uint32_t)((char *)board_stack_top - (char *)board_stack_limit) - GUARD_BYTES;
}

uint32_t board_stack_used(void) {
  const volatile uint32_t *at = board_stack_limit + GUARD_BYTES / sizeof(uint32_t);
  while (at < board_stack_top && *at == PAINT) at++;
  return (uint32_t)((const char *)board_stack_top - (const char *)at);
}

/* `frame`: r0..r3, r12, lr, pc and xpsr of what was interrupted, if they could be written. */
__attribute__((used, noreturn)) static void report(const uint32_t *frame, uint32_t number) {
  const uint32_t found = CFSR;
  const uint32_t overflow = UINT32_C(1) << 20 | 1 << 4; /* STKOF, MSTKERR */
  board_print("fault: exception ");
  board_print_number(number & 511);
  if (found & overflow || frame < board_stack_limit + GUARD_BYTES / sizeof *frame) {
    board_print(", the stack is too small");
  } else if (frame + 8 <= board_stack_top) {
    board_print(" at pc ");
    board_print_hex(frame[6]);
    board_print(" called from ");
    board_print_hex(frame[5]);
  }
  board_print(", CFSR ");
  board_print_hex(found);
  board_print(" HFSR ");
  board_print_hex(HFSR);
  if (found & 1 << 7) {
    board_print(" memory address ");
    board_print_hex(MMFAR);
  }
  if (found & 1 << 15) {
    board_print(" bus address ");
    board_print_hex(BFAR);
  }
  board_print("\n");
  board_exit(FAULT_STATUS);
}

/* The stack may be what failed, so the report starts it anew: nothing returns to it. */
__attribute__((naked)) static void fault(void) {
  __asm__ volatile(
      "mrs r0, msp\n\t"
      "mrs r1, ipsr\n\t"
#if __ARM_ARCH >= 8
      "movs r2, #0\n\t"
      "msr msplim, r2\n\t"
#endif
      "ldr r2, =board_stack_top\n\t"
      "mov sp, r2\n\t"
      "b %c0\n\t"
      ".ltorg" ::"i"(report));
}
