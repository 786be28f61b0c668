/* Depthwise 3x3 at stride 1 and 2 on Cortex-M cores with the DSP extension, one channel at a time.
 *
 *   int pv_dsp_pairs(const int8_t *x, int32_t *pairs, int32_t row, int32_t pixel, int32_t columns)
 *
 * pairs: for every two of `columns` (an odd last one twice) those of four channels, 32 bytes: of each
 * channel two int16 pairs, the value in this row and `row` bytes on.
 *
 *   int pv_dsp_depthwiseS_ENDING(const int32_t *pairs, const int32_t *w, int8_t *y, const int32_t *g)
 *
 * pairs: one channel's of two rows of input; the next two follow, and so on, each for S (the stride)
 * columns and, where S is 1, two rows of outputs, else one.
 * w: for each column of taps the pairs (0, 1) and (1, 2).
 * g: what finishes the channel (scale or factor, what is added to the product, twice the bias), then
 * bytes between outputs and from one to that below and to the right of it, bytes from pairs to those
 * of the next rows, bytes of the pairs of all whole tiles of a row, rows of tiles, whether a column and
 * a row is left, and bytes from a row of tiles of y to the next.
 *
 * Endings are those of dsp_frame.inc. What is beyond the last column or row is written first where the
 * last one is written then. The weights, four or two sums and the pairs take all registers, so that
 * all else stands in those of the FPU, which is why this is not C.
 */
  .syntax unified
  .thumb

  .equ PITCH, 24
  .equ ROWS, 32
  .equ LEFT_COLUMN, 36
  .equ LEFT_ROW, 40
  .equ DOWN, 44

.macro begin name
  .section .text.\name, "ax", %progbits
  .balign 4
  .global \name
  .hidden \name
  .type \name, %function
  .thumb_func
\name:
.endm

.macro two a, b
  sxtb16 r10, r8\a
  sxtb16 r11, r9\a
  strd r10, r11, [r1, #\b]
.endm

  begin pv_dsp_pairs
  push {r4-r11, lr}
  ldr r12, [sp, #36]
  lsrs lr, r12, #1
  beq 2f
1:
  ldr r4, [r0]
  ldr r5, [r0, r2]
  add r0, r3
  ldr r6, [r0]
  ldr r7, [r0, r2]
  add r0, r3
  pkhbt r8, r4, r5, lsl #16
  pkhbt r9, r6, r7, lsl #16
  sxtb16 r10, r8
  sxtb16 r11, r9
  strd r10, r11, [r1]
  sxtb16 r10, r8, ror #8
  sxtb16 r11, r9, ror #8
  strd r10, r11, [r1, #8]
  pkhtb r8, r5, r4, asr #16
  pkhtb r9, r7, r6, asr #16
  sxtb16 r10, r8
  sxtb16 r11, r9
  strd r10, r11, [r1, #16]
  sxtb16 r10, r8, ror #8
  sxtb16 r11, r9, ror #8
  strd r10, r11, [r1, #24]
  adds r1, #32
  subs lr, #1
  bne 1b
2:
  lsls r12, r12, #31
  beq 3f
  movs r3, #0  /* the odd column serves as the one after it */
  movs r12, #0
  mov lr, #1
  b 1b
3:
  movs r0, #0
  pop {r4-r11, pc}
  .size pv_dsp_pairs, . - pv_dsp_pairs

.macro finish ending, sums:vararg
  .irp value, \sums
  \ending \value
  .endr
.endm

.macro end_fixed value
  smmlar \value, \value, r2, r3
.endm

.macro end_line value
  smmla \value, \value, r2, r3
.endm

.macro end_float value
  vmov s12, \value
  vcvt.f32.s32 s12, s12
  vmul.f32 s12, s12, s0
  vcvtr.s32.f32 s12, s12
  vmov \value, s12
  add \value, r3
.endm

.macro saturate relu, shift, sums:vararg
  .irp value, \sums
  .if \shift
  .if \relu
  usat \value, #7, \value, asr #\shift
  .else
  ssat \value, #8, \value, asr #\shift
  .endif
  .elseif \relu
  usat \value, #7, \value
  .else
  ssat \value, #8, \value
  .endif
  .endr
.endm

/* r2, r3: values of two columns in the pair of rows above or below; sums of two rows. */
.macro column x, first, second, sum0, sum1, above
  .if \above
  smlad \sum0, \x, \first, \sum0
  smlatb \sum1, \x, \first, \sum1
  .else
  smlabt \sum0, \x, \second, \sum0
  smlad \sum1, \x, \second, \sum1
  .endif
.endm

.macro four from, above
  ldrd r2, r3, [\from]
  column r2, r4, r5, r10, r12, \above
  column r3, r6, r7, r10, r12, \above
  column r3, r4, r5, r11, lr, \above
  ldrd r2, r3, [\from, #32]
  column r2, r8, r9, r10, r12, \above
  column r2, r6, r7, r11, lr, \above
  column r3, r8, r9, r11, lr, \above
.endm

.macro tile1 ending, relu, shift
  vmov r10, r11, s2, s3
  vmov r12, lr, s2, s3
  four r0, 1
  four r1, 0
  vmov r2, r3, s0, s1
  finish \ending, r10, r11, r12, lr
  saturate \relu, \shift, r10, r11, r12, lr
  vmov r2, s6
  vmov r3, s5
  add r3, r2
  strb lr, [r3]
  vmov lr, s4
  sub r3, lr
  adds r0, #32
  strb r12, [r3]
  strb r11, [r2, lr]
  strb r10, [r2]
  add r2, r2, lr, lsl #1
  vmov s6, r2
  vmov r2, s7
  adds r1, #32
  cmp r0, r2
.endm

.macro tile2 ending, relu, shift
  ldrd r2, r3, [r0]
  ldrd r12, lr, [r1]
  vmov r10, r11, s2, s3
  smlad r10, r2, r4, r10
  smlad r10, r3, r6, r10
  ldrd r2, r3, [r0, #32]
  smlabt r10, r12, r5, r10
  smlabt r10, lr, r7, r10
  ldrd r12, lr, [r1, #32]
  smlad r10, r2, r8, r10
  smlad r11, r2, r4, r11
  smlad r11, r3, r6, r11
  ldr r2, [r0, #64]!
  smlabt r10, r12, r9, r10
  smlabt r11, r12, r5, r11
  smlabt r11, lr, r7, r11
  ldr r3, [r1, #64]!
  smlad r11, r2, r8, r11
  smlabt r11, r3, r9, r11
  vmov r2, r3, s0, s1
  finish \ending, r10, r11
  saturate \relu, \shift, r10, r11
  vmov r2, s6
  vmov r3, s4
  strb r11, [r2, r3]
  strb r10, [r2]
  add r2, r2, r3, lsl #1
  vmov s6, r2
  vmov r2, s7
  cmp r0, r2
.endm

/* Of the FPU: s0 to s5 what g begins with, s6 the next output, s7 the end of a row's whole tiles, s8
 * and s9 where the next row's pairs and outputs begin, s10 rows left, s11 bytes from row to row of
 * outputs, s14 and s15 those between pairs and of a row's tiles. */
.macro depthwise name, stride, tile, parameters:vararg
  begin \name
  push {r3-r11, lr}
  vmov s8, r0
  vmov s9, r2
  vldmia r3, {s0-s5}
  vldr s14, [r3, #PITCH]
  vldr s15, [r3, #PITCH + 4]
  vldr s10, [r3, #ROWS]
  vldr s11, [r3, #DOWN]
  ldmia r1, {r4-r9}
1:
  vmov r0, r2, s8, s9
  vmov r1, r3, s14, s15
  vmov s6, r2
  add r1, r0
  add r3, r0
  vmov s8, r1
  vmov s7, r3
  vmov r10, r11, s10, s11
  add r2, r11
  vmov s9, r2
  subs r10, #1
  vmov s10, r10
  bne 3f
  ldr r2, [sp]
  ldr r3, [r2, #LEFT_ROW]
  cbz r3, 3f
  vmov.f32 s5, s4  /* the row that is left lies upon the one below */
3:
  \tile \parameters
  blo 3b
  bne 4f
  ldr r2, [sp]
  ldr r3, [r2, #LEFT_COLUMN]
  cbz r3, 4f
  vmov r2, s5
  vmov r3, s4
  subs r2, r3
  vmov s5, r2
  movs r2, #0
  vmov s4, r2
  b 3b
4:
  vmov r2, s10
  cbz r2, 5f
  ldr r3, [sp]
  vldr s4, [r3, #16]
  vldr s5, [r3, #20]
  b 1b
5:
  movs r0, #0
  pop {r3-r11, pc}
  .size \name, . - \name
.endm

.macro ways name, parameters:vararg
  depthwise pv_dsp_depthwise1_\name, 1, tile1, \parameters
  depthwise pv_dsp_depthwise2_\name, 2, tile2, \parameters
.endm

  ways fixed, end_fixed, 0, 0
  ways fixed_relu, end_fixed, 1, 0
  ways line0, end_line, 0, 0
  ways line0_relu, end_line, 1, 0
  ways line4, end_line, 0, 4
  ways line4_relu, end_line, 1, 4
#ifdef __ARM_FP
  ways float, end_float, 0, 0
  ways float_relu, end_float, 1, 0
#endif
