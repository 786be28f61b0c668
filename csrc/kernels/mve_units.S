/* Depthwise results on cores with MVE, where a window is one vector of words and a rescale ends it.
 *
 *   int pv_mve_patch_units_ENDING(const int8_t *words, const int8_t *w, int8_t *y,
 *                                 const int32_t *bias, const float *scale, const int32_t *offsets,
 *                                 uint16_t places[8], int32_t channels, int32_t pairs, int32_t lines,
 *                                 int32_t rows, int32_t units, int32_t tail, int32_t pitch,
 *                                 int32_t step, int32_t zero)
 *   int pv_mve_window_units_ENDING(...)
 *
 * words, w, offsets: as of pv_mve_patches_1 and pv_mve_windows_1 (mve_windows.S). For each of
 * `channels`, `pairs` row pairs and `units` units (`step` bytes of y apart) the results of a unit,
 * `places` from its first one, which are four words among the arguments. tail: not 0 where one more
 * unit follows in the words, whose results begin so many bytes beyond the next place. lines, rows:
 * bytes of words and of y from behind the last unit of a row pair to the next one. zero: the zero
 * point of the results.
 *
 * Endings: plain, and relu for results from 0 to 127 whose zero point is 0. The eight sums go from
 * registers into vectors while products of the next ones issue; the order of the loops is the best of
 * some thousands by llvm-mca.
 */
  .syntax unified
  .arch armv8.1-m.main
  .arch_extension mve.fp
  .thumb

/* On the stack: bias, scale and zero; words and y of the channel; channels, row pairs left; pointers to
 * weights, bias and scale. Then 25 saved words, then arguments. */
  .equ SCALAR, 0
  .equ ZERO, 8
  .equ CHANNEL, 12
  .equ LEFT, 20
  .equ PAIRS_LEFT, 24
  .equ WEIGHTS, 28
  .equ BIASES, 32
  .equ SCALES, 36
  .equ FRAME, 44
  .equ IN_SCALE, FRAME + 100
  .equ IN_OFFSETS, IN_SCALE + 4
  .equ IN_PLACES, IN_SCALE + 8
  .equ IN_CHANNELS, IN_SCALE + 24
  .equ IN_PAIRS, IN_SCALE + 28
  .equ IN_NEXT, IN_SCALE + 32
  .equ IN_UNITS, IN_SCALE + 40
  .equ IN_PITCH, IN_SCALE + 48
  .equ IN_STEP, IN_SCALE + 52
  .equ IN_ZERO, IN_SCALE + 56

.macro enter name
  .section .text.\name, "ax", %progbits
  .balign 4
  .global \name
  .hidden \name
  .type \name, %function
  .thumb_func
\name:
  push {r4-r11, lr}
  vpush {d8-d15}
  sub sp, #FRAME
  strd r0, r2, [sp, #CHANNEL]
  str r1, [sp, #WEIGHTS]
  str r3, [sp, #BIASES]
  ldr r4, [sp, #IN_SCALE]
  str r4, [sp, #SCALES]
  ldr r4, [sp, #IN_ZERO]
  str r4, [sp, #ZERO]
  ldr r4, [sp, #IN_CHANNELS]
  str r4, [sp, #LEFT]
  add r4, sp, #IN_PLACES
  vldrw.32 q7, [r4]
  ldr r11, [sp, #IN_STEP]
.endm

/* A channel's bias and scale. r1: words, r9: y, r7: units, r5: what is beyond the next place of the
 * last one. */
.macro channel
  ldrd r3, r4, [sp, #BIASES]
  ldr r0, [r3], #4
  ldr r2, [r4], #4
  strd r3, r4, [sp, #BIASES]
  strd r0, r2, [sp, #SCALAR]
  ldrd r1, r9, [sp, #CHANNEL]
  ldr r4, [sp, #IN_PAIRS]
  ldrd r7, r5, [sp, #IN_UNITS]
  str r4, [sp, #PAIRS_LEFT]
.endm

/* After a unit: the next one, the last one, the next row pair, the next channel. */
.macro others
  bne 2b
  cbz r5, 3f
  add r9, r5
  movs r5, #0
  movs r7, #1
  b 2b
3:
  ldrd r0, r2, [sp, #IN_NEXT]
  ldr r4, [sp, #PAIRS_LEFT]
  ldrd r7, r5, [sp, #IN_UNITS]
  subs r4, #1
  str r4, [sp, #PAIRS_LEFT]
  add r9, r2
  next
  bne 2b
  ldrd r1, r9, [sp, #CHANNEL]
  ldr r4, [sp, #LEFT]
  adds r1, #4
  add r9, #1
  strd r1, r9, [sp, #CHANNEL]
  subs r4, #1
  str r4, [sp, #LEFT]
  bne 7b
.endm

.macro leave name
  add sp, #FRAME
  vpop {d8-d15}
  movs r0, #0
  pop {r4-r11, pc}
  .size \name, . - \name
.endm

.macro rectify relu, q
  .if \relu
  vqshlu.s8 \q, \q, #0
  .endif
.endm

/* The next row pair, r0 bytes on. */
.macro next
  add r1, r0
  add r3, r0
  vldrw.u32 q0, [r1, q2]
  vldrw.u32 q1, [r3, q2]
.endm

.macro patches ending, relu
  enter pv_mve_patch_units_\ending
  ldr r4, [sp, #IN_OFFSETS]
  vldrw.32 q2, [r4]
7:
  ldr r4, [sp, #WEIGHTS]
  vldrw.32 q3, [r4], #16
  vldrw.32 q4, [r4], #16
  vldrw.32 q5, [r4], #16
  vldrw.32 q6, [r4], #16
  str r4, [sp, #WEIGHTS]
  channel
  add r3, r1, #64
  vldrw.u32 q0, [r1, q2]
  vldrw.u32 q1, [r3, q2]
2:
  vmladav.s8 r10, q1, q4
  vmladav.s8 r4, q0, q5
  vmladav.s8 r0, q0, q3
  vmladav.s8 r2, q0, q4
  vmladav.s8 r6, q0, q6
  vmladav.s8 r12, q1, q5
  vmov q0[2], q0[0], r0, r4
  vmladav.s8 r8, q1, q3
  vmov q0[3], q0[1], r2, r6
  adds r3, #128
  ldrd r0, r2, [sp, #SCALAR]
  vmladav.s8 lr, q1, q6
  vadd.i32 q0, q0, r0
  adds r1, #128
  vcvt.f32.s32 q0, q0
  vmov q1[2], q1[0], r8, r12
  vmul.f32 q0, q0, r2
  vmov q1[3], q1[1], r10, lr
  vcvtn.s32.f32 q0, q0
  vadd.i32 q1, q1, r0
  vcvt.f32.s32 q1, q1
  ldr r4, [sp, #ZERO]
  vmul.f32 q1, q1, r2
  vqmovnb.s32 q0, q0
  vcvtn.s32.f32 q1, q1
  vqmovnt.s32 q0, q1
  vqadd.s16 q0, q0, r4
  vldrw.u32 q1, [r3, q2]
  vqmovnb.s16 q0, q0
  rectify \relu, q0
  vstrb.16 q0, [r9, q7]
  subs r7, #1
  add r9, r11
  vldrw.u32 q0, [r1, q2]
  others
  leave pv_mve_patch_units_\ending
.endm

  patches plain, 0
  patches relu, 1

  .purgem next

.macro next
  vadd.i32 q0, q0, r0
  vadd.i32 q1, q1, r0
.endm

.macro windows ending, relu
  enter pv_mve_window_units_\ending
7:
  ldr r4, [sp, #WEIGHTS]
  vldrw.32 q3, [r4], #16
  str r4, [sp, #WEIGHTS]
  channel
  ldr r4, [sp, #IN_OFFSETS]
  vldrw.32 q0, [r4]
  ldr r3, [sp, #IN_PITCH]
  vadd.i32 q0, q0, r1
  vadd.i32 q1, q0, r3
  mov r1, #256
2:
  vldrw.u32 q2, [q0]
  vldrw.u32 q4, [q0, #64]
  vmladav.s8 r0, q2, q3
  vldrw.u32 q5, [q0, #128]
  vmladav.s8 r2, q4, q3
  vldrw.u32 q6, [q0, #192]
  vmladav.s8 r4, q5, q3
  vldrw.u32 q4, [q1, #64]
  vmladav.s8 r6, q6, q3
  vldrw.u32 q2, [q1]
  vmladav.s8 r10, q4, q3
  vldrw.u32 q5, [q1, #128]
  vmladav.s8 r8, q2, q3
  vmov q2[2], q2[0], r0, r4
  vmladav.s8 r12, q5, q3
  vmov q2[3], q2[1], r2, r6
  ldrd r0, r2, [sp, #SCALAR]
  vldrw.u32 q6, [q1, #192]
  vmov q4[2], q4[0], r8, r12
  vmladav.s8 lr, q6, q3
  vadd.i32 q2, q2, r0
  vcvt.f32.s32 q2, q2
  vmov q4[3], q4[1], r10, lr
  vmul.f32 q2, q2, r2
  vadd.i32 q4, q4, r0
  vcvt.f32.s32 q4, q4
  vadd.i32 q1, q1, r1
  vcvtn.s32.f32 q2, q2
  vadd.i32 q0, q0, r1
  vmul.f32 q4, q4, r2
  vqmovnb.s32 q2, q2
  vcvtn.s32.f32 q4, q4
  ldr r4, [sp, #ZERO]
  vqmovnt.s32 q2, q4
  vqadd.s16 q2, q2, r4
  vqmovnb.s16 q2, q2
  rectify \relu, q2
  vstrb.16 q2, [r9, q7]
  subs r7, #1
  add r9, r11
  others
  leave pv_mve_window_units_\ending
.endm

  windows plain, 0
  windows relu, 1
