"""The int8 graph as a list of kernel calls with their constants, for one instruction set."""
