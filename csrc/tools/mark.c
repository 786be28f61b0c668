/* For a network in QEMU: mark() is the instruction between which icount.c counts. */
#define PV_MARK
#include "stamp.h"

void mark(void) { PV_STAMP(0, 0); }
