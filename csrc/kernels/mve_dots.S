/* Sums of products on cores with MVE: VMLADAVA multiplies 16 int8 pairs into one scalar.
 *
 *   int pv_mve_dots_N(const int8_t *x, const int8_t *w, int32_t *sums, int32_t pairs,
 *                     int32_t steps, int32_t stride)
 *
 * For each of 2 * `pairs` rows of x, `stride` bytes apart, four sums over 16 * `steps` channels,
 * side by side. w: for each 16 channels those of the four outputs, 64 bytes. N is `steps` up to 4;
 * pv_mve_dots_long_M takes any number that is M more than a positive multiple of 4. x: aligned to 4.
 *
 * VMLADAVA accumulates in even registers alone, so that all eight of them, LR too, hold the sums of
 * four outputs by two rows, which is why this is not C.
 */
  .syntax unified
  .arch armv8.1-m.main
  .arch_extension mve
  .thumb

.macro step a=
  vldrw.32 q0, [r1], #16
  vldrw.32 q1, [r3], #16
  vldrw.32 q2, [r5], #16
  vldrw.32 q3, [r5], #16
  vldrw.32 q4, [r5], #16
  vldrw.32 q5, [r5], #16
  products \a
.endm

.macro products a=, w0=q2, w1=q3, w2=q4, w3=q5
  vmladav\a\().s8 r0, q0, \w0
  vmladav\a\().s8 r2, q0, \w1
  vmladav\a\().s8 r4, q0, \w2
  vmladav\a\().s8 r6, q0, \w3
  vmladav\a\().s8 r8, q1, \w0
  vmladav\a\().s8 r10, q1, \w1
  vmladav\a\().s8 r12, q1, \w2
  vmladav\a\().s8 lr, q1, \w3
.endm

.macro put
  strd r0, r2, [r9], #8
  strd r4, r6, [r9], #8
  strd r8, r10, [r9], #8
  strd r12, lr, [r9], #8
.endm

/* Registers: r1, r3 two rows, r5 weights, r7 pairs or steps left, r9 sums, r11 what is added to the
 * rows after a pair. Above the 13 saved words (r0-r3 among them) are q4 and q5, then arguments. */
.macro enter name
  .section .text.\name, "ax", %progbits
  .balign 4
  .global \name
  .hidden \name
  .type \name, %function
  .thumb_func
\name:
  vpush {d8-d11}
  push {r0-r12, lr}
  mov r9, r2
  mov r7, r3
  mov r5, r1
  mov r1, r0
  ldrd r2, r11, [sp, #88]
  add r3, r1, r11
.endm

.macro leave name
  add sp, #16
  pop {r4-r12, lr}
  vpop {d8-d11}
  movs r0, #0
  bx lr
  .size \name, . - \name
.endm

  enter pv_mve_dots_1
  vldrw.32 q2, [r5]
  vldrw.32 q3, [r5, #16]
  vldrw.32 q4, [r5, #32]
  vldrw.32 q5, [r5, #48]
  lsl r11, r11, #1
1:
  vldrw.32 q0, [r1]
  vldrw.32 q1, [r3]
  add r1, r11
  add r3, r11
  products
  put
  subs r7, #1
  bne 1b
  leave pv_mve_dots_1

.macro short steps
  enter pv_mve_dots_\steps
  lsl r11, r11, #1
  sub r11, r11, #16 * \steps
1:
  step
  .rept \steps - 1
  step a
  .endr
  add r1, r11
  add r3, r11
  sub r5, r5, #64 * \steps
  put
  subs r7, #1
  bne 1b
  leave pv_mve_dots_\steps
.endm

  short 2
  short 3
  short 4

.macro long steps
  enter pv_mve_dots_long_\steps
  lsl r11, r11, #1
  sub r11, r11, r2, lsl #4
  subs r2, #\steps
  lsr r2, r2, #2
  str r2, [sp]
1:
  ldr r7, [sp]
  step
  .rept \steps - 1
  step a
  .endr
2:
  .rept 4
  step a
  .endr
  subs r7, #1
  bne 2b
  add r1, r11
  add r3, r11
  put
  ldr r5, [sp, #4]
  ldr r7, [sp, #12]
  subs r7, #1
  str r7, [sp, #12]
  bne 1b
  leave pv_mve_dots_long_\steps
.endm

  long 1
  long 2
  long 3
  long 4
