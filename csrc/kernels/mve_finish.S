/* Results of sums on cores with MVE: two pixels at a time in different parts of the way.
 *
 *   int pv_mve_finish_ENDING(const int32_t *sums, int8_t *y, const int32_t *bias, const float *scale,
 *                            int32_t half, int32_t count, int32_t step, int32_t rows, int32_t row,
 *                            int32_t zero)
 *
 * sums: of each pixel of each row, 16 bytes apart, those of the even ones of eight channels, and `half`
 * bytes on of the odd ones. y: `step` bytes from pixel to pixel, `row` from row to row. bias, scale:
 * of the eight channels. zero: the zero point of the result.
 *
 * Endings: plain, and relu for results from 0 to 127 whose zero point is 0. What multiplies floats and
 * what adds and narrows issues side by side, which a compiler does not arrange here.
 */
  .syntax unified
  .arch armv8.1-m.main
  .arch_extension mve.fp
  .thumb

  .equ COUNT, 0
  .equ STEP, 4
  .equ ROWS, 8
  .equ ROW, 12
  .equ ZERO, 16

.macro begin name
  .section .text.\name, "ax", %progbits
  .balign 4
  .global \name
  .hidden \name
  .type \name, %function
  .thumb_func
\name:
.endm

.macro rectify relu, q
  .if \relu
  vqshlu.s8 \q, \q, #0
  .endif
.endm

/* The first part: sums to floats. */
.macro first a, b
  even \a
  biased \a, 0
  odd \b
  vcvt.f32.s32 \a, \a
  biased \b, 1
  scaled \a, 0
  vcvt.f32.s32 \b, \b
  scaled \b, 1
.endm

/* The second part: floats to bytes. */
.macro second a, b, relu
  vcvtn.s32.f32 \a, \a
  vcvtn.s32.f32 \b, \b
  vqmovnb.s32 \a, \a
  vqmovnt.s32 \a, \b
  vqadd.s16 \a, \a, r5
  vqmovnb.s16 \a, \a
  rectify \relu, \a
  put \a
.endm

/* The second part of a and b, the first of c and d. */
.macro both a, b, c, d, relu
  vcvtn.s32.f32 \a, \a
  odd \d
  vqmovnb.s32 \a, \a
  vcvtn.s32.f32 \b, \b
  biased \d, 1
  even \c
  vqmovnt.s32 \a, \b
  vcvt.f32.s32 \d, \d
  biased \c, 0
  vcvt.f32.s32 \c, \c
  vqadd.s16 \a, \a, r5
  scaled \c, 0
  vqmovnb.s16 \a, \a
  scaled \d, 1
  rectify \relu, \a
  put \a
.endm

/* Two of them; this order of their instructions is the best of some thousands by llvm-mca. */
.macro twice relu
  vcvtn.s32.f32 q0, q0
  odd q3
  vqmovnb.s32 q0, q0
  vcvtn.s32.f32 q1, q1
  biased q3, 1
  even q2
  vqmovnt.s32 q0, q1
  vcvt.f32.s32 q3, q3
  biased q2, 0
  vcvt.f32.s32 q2, q2
  vqadd.s16 q0, q0, r5
  scaled q2, 0
  vqmovnb.s16 q0, q0
  scaled q3, 1
  odd q1
  rectify \relu, q0
  vstrb.16 q0, [r1]
  vcvtn.s32.f32 q2, q2
  even q0
  vqmovnb.s32 q2, q2
  vcvtn.s32.f32 q3, q3
  biased q1, 1
  vcvt.f32.s32 q1, q1
  vqmovnt.s32 q2, q3
  scaled q1, 1
  biased q0, 0
  vcvt.f32.s32 q0, q0
  vqadd.s16 q2, q2, r5
  add r1, r4
  vqmovnb.s16 q2, q2
  scaled q0, 0
  rectify \relu, q2
  put q2
.endm

/* r1: y, r4: its step, r5: zero, r7: rows left, r8: bytes from row to row, r10: the row's y; r9: pixels
 * beyond the first one. */
.macro rows relu
1:
  mov r1, r10
  lsrs lr, r9, #1
  first q0, q1
  beq 3f
2:
  twice \relu
  subs lr, #1
  bne 2b
3:
  lsls r2, r9, #31
  beq 4f
  both q0, q1, q2, q3, \relu
  second q2, q3, \relu
  b 5f
4:
  second q0, q1, \relu
5:
  add r10, r8
  subs r7, #1
  bne 1b
  vpop {d8-d15}
  movs r0, #0
  pop {r4-r11, pc}
.endm

.macro arguments at
  add r12, sp, #\at
  ldrd r9, r4, [r12, #COUNT]
  ldrd r7, r8, [r12, #ROWS]
  ldr r5, [r12, #ZERO]
  mov r10, r1
  subs r9, #1
.endm

.macro even q
  vldrw.32 \q, [r0], #16
.endm

.macro odd q
  vldrw.32 \q, [r6], #16
.endm

.macro biased q, odd
  .if \odd
  vadd.i32 \q, \q, q7
  .else
  vadd.i32 \q, \q, q6
  .endif
.endm

.macro scaled q, odd
  .if \odd
  vmul.f32 \q, \q, q5
  .else
  vmul.f32 \q, \q, q4
  .endif
.endm

.macro put q
  vstrb.16 \q, [r1]
  add r1, r4
.endm

.macro finish ending, relu
  begin pv_mve_finish_\ending
  push {r4-r11, lr}
  vpush {d8-d15}
  ldr r6, [sp, #100]
  add r6, r0
  vld20.32 {q6, q7}, [r2]
  vld21.32 {q6, q7}, [r2]
  vld20.32 {q4, q5}, [r3]
  vld21.32 {q4, q5}, [r3]
  arguments 104
  rows \relu
  .size pv_mve_finish_\ending, . - pv_mve_finish_\ending
.endm

  finish plain, 0
  finish relu, 1
