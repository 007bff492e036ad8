# Functions of a known number of instructions.
.intel_syntax noprefix
.text
.globl DriverEntry
DriverEntry:
    xor eax, eax
    ret

# 2 * rcx + 1
.globl counted
counted:
    dec rcx
    jnz counted
    ret

# 7, one of which stores 100 bytes at rcx.
.globl repeated
repeated:
    push rdi
    mov rdi, rcx
    mov ecx, 100
    xor eax, eax
    rep stosb
    pop rdi
    ret

# 4, two of which the oracle executes.
.globl flushed
flushed:
    clwb [rcx]
    sfence
    mov eax, 1
    ret

# 1
.globl nothing
nothing:
    ret
