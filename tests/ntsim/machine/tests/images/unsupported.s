# Stores around the cache that the oracle does not emulate.
.intel_syntax noprefix
.text
.globl DriverEntry
DriverEntry:
    movntps [rcx], xmm0
    clwb gs:[rcx]
    ret
