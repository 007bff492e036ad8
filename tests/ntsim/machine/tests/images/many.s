# Import descriptors that share one table: few bytes that ask for a quarter of a million imports.
.intel_syntax noprefix
.text
.globl DriverEntry
DriverEntry:
    xor eax, eax
    ret
.section .rdata,"dr"
.globl descriptors
descriptors:
    .rept 64
    .long thunks@IMGREL, 0, 0, name@IMGREL, thunks@IMGREL
    .endr
    .zero 20
name:
    .asciz "some.sys"
hint:
    .short 0
    .asciz "Some"
    .balign 8
thunks:
    .rept 4096
    .long hint@IMGREL, 0
    .endr
    .quad 0
