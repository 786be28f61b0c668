"""Where compiled programs run and are counted: this machine, QEMU, the example boards."""
