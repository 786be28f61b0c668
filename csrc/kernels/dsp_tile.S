/* dsp_frame.inc for cores that issue one instruction a cycle and wait one for what they load.
 *
 * Where there are few weights, they stand in registers of the FPU, which gives two in one instruction
 * without a wait.
 */
.macro products
  smlad r4, r10, r2, r4
  smlad r6, r11, r2, r6
  smlad r8, r12, r2, r8
  smlad r5, r10, r3, r5
  smlad r7, r11, r3, r7
  smlad r9, r12, r3, r9
.endm

.macro loop turn
2:
  .rept \turn
  ldrd r2, r3, [r1], #8
  ldmia r0!, {r10-r12}
  products
  .endr
  cmp r1, lr
  bne 2b
.endm

.macro saved halves
  .if \halves > 8
  vpush {d8-d15}
  .set SAVED, 64
  .endif
.endm

.macro enter halves
  add r2, r1, #HEADER
  .if \halves > 8
  vldmia r2, {s0-s31}
  .else
  vldmia r2, {s0-s15}
  .endif
.endm

.macro again
  add r3, r1, #HEADER
  vldmia r3, {s0-s7}
.endm

.macro half a, b
  ldmia r0!, {r10-r12}
  vmov r2, r3, s\a, s\b
  products
.endm

.macro once halves
  .set k, 0
  .altmacro
  .rept \halves
  half %k, %(k + 1)
  .set k, k + 2
  .endr
  .noaltmacro
.endm

  .equ BEFORE, 0

#include "dsp_frame.inc"
