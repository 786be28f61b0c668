/* The inner loop of convolutions on Cortex-M cores with the DSP extension: 2 channels by 4 pixels.
 *
 *   int pv_dsp_tile(const int32_t *x, const int32_t *w, int32_t words, int32_t *acc);
 *   int pv_dsp_tile_long(...)   the same for `words` that are multiples of 4
 *
 * x: for each word of four input channels, first channels 0 and 2, then 1 and 3, as int16 pairs of
 * pixels 0, 1, then, 16 bytes after pixel 0, of pixels 2, 3: 64 bytes a word. w: the two starts
 * (biases), 8 bytes, then for each word the same halves of both channels: 16 bytes a word. acc:
 * eight sums, pixel by pixel. All 14 registers are in use, which is why this is not C: two loads of
 * two words feed four SMLADs each.
 */
  .syntax unified
  .thumb

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

.macro tile name, words
  .section .text.\name, "ax", %progbits
  .balign 4
  .global \name
  .hidden \name
  .type \name, %function
  .thumb_func
\name:
  push {r2-r11, lr}
  add r2, r1, r2, lsl #4
  adds r2, #8
  str r2, [sp]
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
  ldr r2, [sp]
  cmp r1, r2
  bne 1b
  ldr r12, [sp, #4]
  stmia r12, {r4-r11}
  movs r0, #0
  pop {r2-r11, pc}
  .size \name, . - \name
.endm

  tile pv_dsp_tile, 1
  tile pv_dsp_tile_long, 4
