/* Sums of products on cores with MVE: VMLADAVA multiplies 16 int8 pairs into one scalar.
 *
 *   int pv_mve_dots_N(const int8_t *x, const int8_t *w, int32_t *sums, int32_t pairs,
 *                     int32_t steps, int32_t stride)
 *
 * For each of 2 * `pairs` rows of x, `stride` bytes apart, four sums over 16 * `steps` channels,
 * side by side. w: for each 16 channels those of the four outputs, 64 bytes. N is `steps` up to 4;
 * pv_mve_dots_long_M takes any number that is M more than a positive multiple of 4. x: aligned to 4.
 *
 *   int pv_mve_dense_N(...)   the same, N up to 8, for rows side by side (`stride` is 16 * N)
 *   int pv_mve_pairs_N(...)   of such rows, taken by fours, the sums of two of the four outputs
 *
 * VMLADAVA accumulates in even registers alone, so that all eight of them, LR too, hold the sums of
 * four outputs by two rows (or two by four), which is why this is not C.
 */
  .syntax unified
  .arch armv8.1-m.main
  .arch_extension mve
  .thumb

/* A step of the rows in x0 and x1; `more`: the loads of the next one, whose rows go into y0 and y1,
 * stand between products, beside which they issue, each where what it replaces is of no use. */
.macro products a, more, x0, x1, y0, y1
  vmladav\a\().s8 r0, \x0, q2
  .if \more
  row0 \y0
  .endif
  vmladav\a\().s8 r8, \x1, q2
  .if \more
  weight q2, 0
  .endif
  vmladav\a\().s8 r2, \x0, q3
  .if \more
  row1 \y1
  .endif
  vmladav\a\().s8 r10, \x1, q3
  .if \more
  weight q3, 1
  .endif
  vmladav\a\().s8 r4, \x0, q4
  vmladav\a\().s8 r12, \x1, q4
  .if \more
  weight q4, 2
  .endif
  vmladav\a\().s8 r6, \x0, q5
  vmladav\a\().s8 lr, \x1, q5
  .if \more
  weight q5, 3
  .endif
.endm

.macro row0 q
  vldrw.32 \q, [r1], #16
.endm

.macro row1 q
  vldrw.32 \q, [r3], #16
.endm

.macro weight q, number
  vldrw.32 \q, [r5], #16
.endm

.macro load
  row0 q0
  weight q2, 0
  row1 q1
  weight q3, 1
  weight q4, 2
  weight q5, 3
.endm

/* `count` steps whose first loads are done, into q0 and q1 or, if `odd`, q6 and q7. The first one
 * accumulates if `a` says so; the last one loads for what follows if `on`. */
.macro chain count, odd, on, a=
  .set k, 1
  .rept \count
  .if (k + \odd) & 1
  .if k == 1
  products "\a", (k < \count || \on), q0, q1, q6, q7
  .else
  products a, (k < \count || \on), q0, q1, q6, q7
  .endif
  .else
  .if k == 1
  products "\a", (k < \count || \on), q6, q7, q0, q1
  .else
  products a, (k < \count || \on), q6, q7, q0, q1
  .endif
  .endif
  .set k, k + 1
  .endr
.endm

/* `count` steps. */
.macro steps count
  load
  chain \count, 0, 0
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
  vpush {d8-d15}
  push {r0-r12, lr}
  mov r9, r2
  mov r7, r3
  mov r5, r1
  mov r1, r0
  ldrd r2, r11, [sp, #120]
  add r3, r1, r11
.endm

.macro leave name
  add sp, #16
  pop {r4-r12, lr}
  vpop {d8-d15}
  movs r0, #0
  bx lr
  .size \name, . - \name
.endm

/* Rows side by side: every load is at a fixed distance, and the last one moves r1, which stands one
 * vector before the first. k counts steps; the weights of the first one follow those of the last. */
.macro near0 q
  vldrw.32 \q, [r1, #16 * k + 16]
.endm

.macro near1 steps, q
  .if k + 1 < \steps
  vldrw.32 \q, [r1, #16 * (k + \steps) + 16]
  .else
  vldrw.32 \q, [r1, #32 * \steps]!
  .endif
.endm

.macro near q, k, number
  vldrw.32 \q, [r5, #64 * (\k) + 16 * \number]
.endm

/* The last step's sums are stored as soon as they are there. */
.macro stored a, b, at
  .if !more
  strd \a, \b, [r9, #\at]
  .endif
.endm

.macro dense_step steps, x0, x1, y0, y1, a=
  .set more, \steps - k
  .set then, k
  .if !more
  .set then, 0
  .endif
  vmladav\a\().s8 r0, \x0, q2
  .if more
  near0 \y0
  .endif
  vmladav\a\().s8 r8, \x1, q2
  .if \steps > 1
  near q2, then, 0
  .endif
  vmladav\a\().s8 r2, \x0, q3
  .if more
  near1 \steps, \y1
  .endif
  vmladav\a\().s8 r10, \x1, q3
  .if \steps > 1
  near q3, then, 1
  .endif
  stored r0, r2, 0
  vmladav\a\().s8 r4, \x0, q4
  stored r8, r10, 16
  vmladav\a\().s8 r12, \x1, q4
  .if \steps > 1
  near q4, then, 2
  .endif
  vmladav\a\().s8 r6, \x0, q5
  vmladav\a\().s8 lr, \x1, q5
  stored r4, r6, 8
  .if \steps > 1
  near q5, then, 3
  .endif
.endm

.macro dense steps
  enter pv_mve_dense_\steps
  subs r1, #16
  near q2, 0, 0
  near q3, 0, 1
  near q4, 0, 2
  near q5, 0, 3
1:
  .set k, 0
  near0 q0
  near1 \steps, q1
  .rept \steps
  .set k, k + 1
  .if k == 1
  dense_step \steps, q0, q1, q6, q7
  .elseif k & 1
  dense_step \steps, q0, q1, q6, q7, a
  .else
  dense_step \steps, q6, q7, q0, q1, a
  .endif
  .endr
  stored r12, lr, 24
  adds r9, #32
  subs r7, #1
  bne 1b
  leave pv_mve_dense_\steps
.endm

  dense 1
  dense 2
  dense 3
  dense 4
  dense 5
  dense 6
  dense 7
  dense 8

.macro short steps
  enter pv_mve_dots_\steps
  lsl r11, r11, #1
  sub r11, r11, #16 * \steps
1:
  steps \steps
  add r1, r11
  add r3, r11
  sub r5, r5, #64 * \steps
  put
  subs r7, #1
  bne 1b
  leave pv_mve_dots_\steps
.endm

  short 1
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
  load
  chain \steps, 0, 1
  subs r7, #1
  beq 3f
2:
  chain 4, (\steps & 1), 1, a
  subs r7, #1
  bne 2b
3:
  chain 4, (\steps & 1), 0, a
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

/* The weights of two outputs stay in registers for all rows, which are taken by fours: r7 counts
 * those. The sums of the other two outputs of a row are another call's. */
.macro vector steps, m, k, q, w0, w1, r0, r1
  .if \m * \steps + \k + 1 < 4 * \steps
  vldrw.32 \q, [r1, #16 * (\m * \steps + \k) + 16]
  .else
  vldrw.32 \q, [r1, #64 * \steps]!
  .endif
  .if \k
  vmladava.s8 \r0, \q, \w0
  vmladava.s8 \r1, \q, \w1
  .else
  vmladav.s8 \r0, \q, \w0
  vmladav.s8 \r1, \q, \w1
  .endif
.endm

.macro two steps, m, r0, r1
  vector \steps, \m, 0, q0, q2, q3, \r0, \r1
  vector \steps, \m, 1, q1, q4, q5, \r0, \r1
  .if \steps > 2
  vector \steps, \m, 2, q0, q6, q7, \r0, \r1
  .endif
.endm

.macro pairs steps
  enter pv_mve_pairs_\steps
  subs r1, #16
  vldrw.32 q2, [r5]
  vldrw.32 q3, [r5, #16]
  vldrw.32 q4, [r5, #64]
  vldrw.32 q5, [r5, #80]
  .if \steps > 2
  vldrw.32 q6, [r5, #128]
  vldrw.32 q7, [r5, #144]
  .endif
1:
  two \steps, 0, r0, r2
  two \steps, 1, r4, r6
  two \steps, 2, r8, r10
  two \steps, 3, r12, lr
  strd r0, r2, [r9], #16
  strd r4, r6, [r9], #16
  strd r8, r10, [r9], #16
  strd r12, lr, [r9], #16
  subs r7, #1
  bne 1b
  leave pv_mve_pairs_\steps
.endm

  pairs 2
  pairs 3
