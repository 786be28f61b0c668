/* The file VECTORS in flash, for a firmware that reads its inputs from there. */
  .section .rodata.vectors, "a", %progbits
  .balign 4
  .global board_vectors, board_vectors_end
board_vectors:
  .incbin VECTORS
board_vectors_end:
