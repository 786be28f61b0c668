/* dsp_frame.inc for cores that issue two instructions a cycle, of which one is a product.
 *
 * Words are loaded beside the products before those that need them; what the last half of all loads
 * for a next one is of no use.
 */

/* Bytes from r0 and r1 to this half. */
.macro half x, w
  smlad r4, r10, r2, r4
  ldr r11, [r0, #\x + 4]
  smlad r5, r10, r3, r5
  ldr r12, [r0, #\x + 8]
  smlad r6, r11, r2, r6
  ldr r10, [r0, #\x + 12]
  smlad r7, r11, r3, r7
  smlad r8, r12, r2, r8
  ldr r2, [r1, #\w + 8]
  smlad r9, r12, r3, r9
  ldr r3, [r1, #\w + 12]
.endm

.macro first w
  ldr r10, [r0]
  ldr r2, [r1, #\w]
  ldr r3, [r1, #\w + 4]
.endm

.macro halves count, w
  .set k, 0
  .rept \count
  half 12 * k, 8 * k + \w
  .set k, k + 1
  .endr
.endm

/* In a loop the weights are loaded as one, which takes a cycle more and an instruction less. r1 stands
 * before this half's; `moves`: r0 and r1 go on. */
.macro part x, w, moves=
  ldrd r2, r3, [r1, #\w]\moves
  smlad r4, r10, r2, r4
  ldr r11, [r0, #\x + 4]
  smlad r5, r10, r3, r5
  ldr r12, [r0, #\x + 8]
  smlad r6, r11, r2, r6
  ldr r10, [r0, #\x + 12]\moves
  smlad r7, r11, r3, r7
  smlad r8, r12, r2, r8
  smlad r9, r12, r3, r9
.endm

.macro loop turn
  ldr r10, [r0]
  subs r1, #8
2:
  .set k, 0
  .rept \turn - 1
  part 12 * k, 8 * k + 8
  .set k, k + 1
  .endr
  part 12 * k, 8 * k + 8, !
  cmp r1, lr
  bne 2b
.endm

.macro saved halves
.endm

.macro enter halves
.endm

.macro again
.endm

.macro once count
  first HEADER
  halves \count, HEADER
  adds r0, #12 * \count
.endm

  .equ BEFORE, 8

#include "dsp_frame.inc"
