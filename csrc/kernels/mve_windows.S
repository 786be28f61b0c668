/* Depthwise sums on cores with MVE: windows of one channel gathered as words of four columns.
 *
 *   int pv_mve_words(const int8_t *x, int8_t *words, int32_t columns, int32_t lines, int32_t pixel,
 *                    int32_t row, int32_t pitch)
 *
 * words: for each line (`pitch` bytes) a column of words for every second pixel of x, which is 16
 * channels of that pixel and the three after it. Half of them are the next column's as well.
 *
 *   int pv_mve_patches_N(const int8_t *words, const int8_t *w, int32_t *sums, int32_t units,
 *                        const int32_t *offsets, int32_t pitch, int32_t channels)
 *   int pv_mve_windows_N(...)
 *
 * words: for each column of words 16 channels of 4 bytes; offsets: N vectors of where the words of
 * one window stand, in bytes. For each of up to 16 channels and each unit eight sums, side by side:
 * patches: four sums of each of two windows (w: N times 64 bytes a channel), columns 64 bytes apart;
 * windows: one sum of each of four windows, and of those `pitch` bytes on (w: N times 16 bytes).
 * VMLADAVA accumulates in even registers alone: all eight are in use, as in mve_dots.S.
 */
  .syntax unified
  .arch armv8.1-m.main
  .arch_extension mve
  .thumb

.macro next q
  vldrb.8 \q, [r7]
  add r7, r4
.endm

.macro interleave a, b, c, d
  vst40.8 {\a, \b, \c, \d}, [r8]
  vst41.8 {\a, \b, \c, \d}, [r8]
  vst42.8 {\a, \b, \c, \d}, [r8]
  vst43.8 {\a, \b, \c, \d}, [r8]!
.endm

  .section .text.pv_mve_words, "ax", %progbits
  .balign 4
  .global pv_mve_words
  .hidden pv_mve_words
  .type pv_mve_words, %function
  .thumb_func
pv_mve_words:
  vpush {d8-d11}
  push {r4-r10, lr}
  ldrd r4, r5, [sp, #64]
  ldr r6, [sp, #72]
  lsrs r9, r2, #1
1:
  mov r7, r0
  mov r8, r1
  next q0
  next q1
  wls lr, r9, 3f
2:
  next q2
  next q3
  interleave q0, q1, q2, q3
  next q4
  next q5
  interleave q2, q3, q4, q5
  vmov q0, q4
  vmov q1, q5
  le lr, 2b
3:
  lsls r10, r2, #31
  beq 4f
  next q2
  next q3
  interleave q0, q1, q2, q3
4:
  add r0, r5
  add r1, r6
  subs r3, #1
  bne 1b
  movs r0, #0
  pop {r4-r10, lr}
  vpop {d8-d11}
  bx lr
  .size pv_mve_words, . - pv_mve_words

/* Registers: r1, r3 words, r5 weights, r7 units left, r9 sums, r11 offsets. Of the saved words r0-r3
 * the first is where the channel's words start, the second counts channels, the last holds units. */
.macro enter name
  .section .text.\name, "ax", %progbits
  .balign 4
  .global \name
  .hidden \name
  .type \name, %function
  .thumb_func
\name:
  vpush {d8-d13}
  push {r0-r12, lr}
  mov r9, r2
  mov r5, r1
  ldr r1, [sp, #112]
  str r1, [sp, #4]
  mov r1, r0
  ldrd r11, r3, [sp, #104]
.endm

.macro put
  strd r0, r2, [r9], #8
  strd r4, r6, [r9], #8
  strd r8, r10, [r9], #8
  strd r12, lr, [r9], #8
  subs r7, #1
.endm

.macro channel
  ldr r1, [sp]
  ldr r7, [sp, #4]
  adds r1, #4
  str r1, [sp]
  subs r7, #1
  str r7, [sp, #4]
  bne 1b
.endm

.macro leave name
  add sp, #16
  pop {r4-r12, lr}
  vpop {d8-d13}
  movs r0, #0
  bx lr
  .size \name, . - \name
.endm

.macro products a=
  vmladav\a\().s8 r0, q0, q3
  vmladav\a\().s8 r2, q0, q4
  vmladav\a\().s8 r4, q0, q5
  vmladav\a\().s8 r6, q0, q6
  vmladav\a\().s8 r8, q1, q3
  vmladav\a\().s8 r10, q1, q4
  vmladav\a\().s8 r12, q1, q5
  vmladav\a\().s8 lr, q1, q6
.endm

.macro weights
  vldrw.32 q3, [r5], #16
  vldrw.32 q4, [r5], #16
  vldrw.32 q5, [r5], #16
  vldrw.32 q6, [r5], #16
.endm

  enter pv_mve_patches_1
  vldrw.32 q2, [r11]
1:
  ldr r7, [sp, #12]
  weights
  add r3, r1, #64
  vldrw.u32 q0, [r1, q2]
2:
  vmladav.s8 r0, q0, q3
  vldrw.u32 q1, [r3, q2]
  vmladav.s8 r2, q0, q4
  adds r1, #128
  vmladav.s8 r4, q0, q5
  adds r3, #128
  vmladav.s8 r6, q0, q6
  vmladav.s8 r8, q1, q3
  vldrw.u32 q0, [r1, q2]
  vmladav.s8 r10, q1, q4
  vmladav.s8 r12, q1, q5
  vmladav.s8 lr, q1, q6
  put
  bne 2b
  channel
  leave pv_mve_patches_1

.macro patch a=
  vldrw.32 q2, [r11], #16
  vldrw.u32 q0, [r1, q2]
  vldrw.u32 q1, [r3, q2]
  weights
  products \a
.endm

.macro patches steps
  enter pv_mve_patches_\steps
1:
  ldr r7, [sp, #12]
  add r3, r1, #64
2:
  patch
  .rept \steps - 1
  patch a
  .endr
  adds r1, #128
  adds r3, #128
  sub r5, r5, #64 * \steps
  sub r11, r11, #16 * \steps
  put
  bne 2b
  add r5, r5, #64 * \steps
  channel
  leave pv_mve_patches_\steps
.endm

  patches 2
  patches 3
  patches 4

.macro row a, from, r0, r1, r2, r3
  vldrw.u32 q2, [\from]
  vmladav\a\().s8 \r0, q2, q3
  vldrw.u32 q2, [\from, #64]
  vmladav\a\().s8 \r1, q2, q3
  vldrw.u32 q2, [\from, #128]
  vmladav\a\().s8 \r2, q2, q3
  vldrw.u32 q2, [\from, #192]
  vmladav\a\().s8 \r3, q2, q3
.endm

.macro rows a=
  row \a, q0, r0, r2, r4, r6
  row \a, q1, r8, r10, r12, lr
.endm

  enter pv_mve_windows_1
1:
  ldr r7, [sp, #12]
  vldrw.32 q0, [r11]
  vadd.i32 q0, q0, r1
  vadd.i32 q1, q0, r3
  vldrw.32 q3, [r5], #16
  mov r1, #256
2:
  rows
  vadd.i32 q0, q0, r1
  vadd.i32 q1, q1, r1
  put
  bne 2b
  channel
  leave pv_mve_windows_1

.macro window a=
  vldrw.32 q0, [r11], #16
  vadd.i32 q0, q0, r1
  vadd.i32 q1, q0, r3
  vldrw.32 q3, [r5], #16
  rows \a
.endm

.macro windows steps
  enter pv_mve_windows_\steps
1:
  ldr r7, [sp, #12]
2:
  window
  .rept \steps - 1
  window a
  .endr
  add r1, r1, #256
  sub r5, r5, #16 * \steps
  sub r11, r11, #16 * \steps
  put
  bne 2b
  add r5, r5, #16 * \steps
  channel
  leave pv_mve_windows_\steps
.endm

  windows 2
  windows 3
  windows 4
