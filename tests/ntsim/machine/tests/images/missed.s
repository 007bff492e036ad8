# Leaf functions without unwind data behind bytes that mislead a linear sweep: one flush is missed, and one
# breakpoint lands inside an instruction. Only the audit can tell.
.intel_syntax noprefix
.text
.globl DriverEntry
DriverEntry:
    xor eax, eax
    ret
    # The first two bytes of "mov rax, imm64": swallows the next eight.
    .byte 0x48, 0xb8
.globl missed
missed:
    clwb [rcx]
    nop
    nop
    nop
    nop
    ret
    nop
    # "cmp al, imm8": swallows the opcode of the mov, whose immediate then reads "nop; sfence".
    .byte 0x3c
.globl misplaced
misplaced:
    mov eax, 0xf8ae0f90
    ret
