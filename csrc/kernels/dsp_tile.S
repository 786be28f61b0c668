/* The inner loop of convolutions on Cortex-M cores with the DSP extension: 2 channels by 4 pixels.
 *
 *   int pv_dsp_sums(const int32_t *x, const int32_t *w, int32_t words, int32_t *sums);
 *   int pv_dsp_fixed(const int32_t *x, const int32_t *w, int32_t words, int8_t *y);
 *   int pv_dsp_line0(const int32_t *x, const int32_t *w, int32_t words, int8_t *y);
 *   int pv_dsp_line4(const int32_t *x, const int32_t *w, int32_t words, int8_t *y);
 *   int pv_dsp_float(const int32_t *x, const int32_t *w, int32_t words, int8_t *y);
 *
 * and each with the suffix _long, for `words` that are multiples of 4; those that write y also with
 * the suffix _relu (before _long), for results from 0 to 127.
 *
 * x: for each word of four input channels, first channels 0 and 2, then 1 and 3, as int16 pairs of
 * pixels 0, 1, then, 16 bytes after pixel 0, of pixels 2, 3: 64 bytes a word.
 * w: HEADER bytes, then for each word the same halves of both channels, 16 bytes. The header is the
 * two channels' scales (fixed-point factors, factors of lines or float32), the zero point of the
 * result, the bytes between its pixels, and the two biases. Lines (arithmetic/lines.py) have the
 * first channel's start in place of the zero point and the second's in the word before the header;
 * their names end with the bits of fraction.
 * sums: eight accumulators, pixel by pixel. y: the first pixel's result; two bytes in each of four
 * pixels are written.
 *
 * All 14 registers are in use, which is why this is not C: two loads of two words feed four SMLADs
 * each.
 */
  .syntax unified
  .thumb

  .equ HEADER, 24

.macro half
  ldrd r2, r3, [r1], #8
  ldrd r12, lr, [r0], #16
  smlad r4, r12, r2, r4
  smlad r5, r12, r3, r5
  smlad r6, lr, r2, r6
  smlad r7, lr, r3, r7
  ldrd r12, lr, [r0], #16
  smlad r8, r12, r2, r8
  smlad r9, r12, r3, r9
  smlad r10, lr, r2, r10
  smlad r11, lr, r3, r11
.endm

/* r12: the header. */
.macro end_sums
  ldr r12, [sp, #8]
  stmia r12, {r4-r11}
.endm

/* r4 to r11: results with `shift` bits of a fraction; lr: the first pixel, r3: between pixels. */
.macro store relu, shift=0
  .irp value, r4, r5, r6, r7, r8, r9, r10, r11
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
  strb r4, [lr]
  strb r5, [lr, #1]
  add lr, r3
  strb r6, [lr]
  strb r7, [lr, #1]
  add lr, r3
  strb r8, [lr]
  strb r9, [lr, #1]
  add lr, r3
  strb r10, [lr]
  strb r11, [lr, #1]
.endm

.macro end_fixed relu
  ldr r12, [sp]
  ldr lr, [sp, #8]
  ldrd r0, r1, [r12]
  ldrd r2, r3, [r12, #8]
  .irp channel, r4, r6, r8, r10
  smmlar \channel, \channel, r0, r2
  .endr
  .irp channel, r5, r7, r9, r11
  smmlar \channel, \channel, r1, r2
  .endr
  store \relu
.endm

.macro end_line relu, shift
  ldr r12, [sp]
  ldr lr, [sp, #8]
  ldrd r0, r1, [r12]
  ldrd r2, r3, [r12, #8]
  .irp channel, r4, r6, r8, r10
  smmla \channel, \channel, r0, r2
  .endr
  ldr r2, [r12, #-4]
  .irp channel, r5, r7, r9, r11
  smmla \channel, \channel, r1, r2
  .endr
  store \relu, \shift
.endm

.macro end_float relu
  ldr r12, [sp]
  ldr lr, [sp, #8]
  vldr s8, [r12]
  vldr s9, [r12, #4]
  ldrd r2, r3, [r12, #8]
  vmov s0, s1, r4, r5
  vmov s2, s3, r6, r7
  vmov s4, s5, r8, r9
  vmov s6, s7, r10, r11
  .irp value, s0, s1, s2, s3, s4, s5, s6, s7
  vcvt.f32.s32 \value, \value
  .endr
  .irp value, s0, s2, s4, s6
  vmul.f32 \value, \value, s8
  .endr
  .irp value, s1, s3, s5, s7
  vmul.f32 \value, \value, s9
  .endr
  .irp value, s0, s1, s2, s3, s4, s5, s6, s7
  vcvtr.s32.f32 \value, \value
  .endr
  vmov r4, r5, s0, s1
  vmov r6, r7, s2, s3
  vmov r8, r9, s4, s5
  vmov r10, r11, s6, s7
  .irp value, r4, r5, r6, r7, r8, r9, r10, r11
  add \value, r2
  .endr
  store \relu
.endm

.macro tile name, words, ending:vararg
  .section .text.\name, "ax", %progbits
  .balign 4
  .global \name
  .hidden \name
  .type \name, %function
  .thumb_func
\name:
  push {r1-r11, lr}
  add r2, r1, r2, lsl #4
  adds r2, #HEADER
  str r2, [sp, #4]
  adds r1, #HEADER - 8
  ldrd r4, r5, [r1], #8
  mov r6, r4
  mov r7, r5
  mov r8, r4
  mov r9, r5
  mov r10, r4
  mov r11, r5
1:
  .rept 2 * \words
  half
  .endr
  ldr r2, [sp, #4]
  cmp r1, r2
  bne 1b
  \ending
  movs r0, #0
  pop {r1-r11, pc}
  .size \name, . - \name
.endm

.macro tiles name, ending:vararg
  tile \name, 1, \ending
  tile \name\()_long, 4, \ending
.endm

  tiles pv_dsp_sums, end_sums
  tiles pv_dsp_fixed, end_fixed 0
  tiles pv_dsp_fixed_relu, end_fixed 1
  tiles pv_dsp_line0, end_line 0, 0
  tiles pv_dsp_line0_relu, end_line 1, 0
  tiles pv_dsp_line4, end_line 0, 4
  tiles pv_dsp_line4_relu, end_line 1, 4
#ifdef __ARM_FP
  tiles pv_dsp_float, end_float 0
  tiles pv_dsp_float_relu, end_float 1
#endif
