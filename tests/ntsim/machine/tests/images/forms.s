# Every way to address a line. forms(rcx = base, rdx = 64, r8 = an address below 4 GiB, r9 = base)
.intel_syntax noprefix
.text
.globl DriverEntry
DriverEntry:
    xor eax, eax
    ret

.macro through reg, line
    mov \reg, rcx
    clwb [\reg + 64 * \line]
.endm

.globl forms
forms:
    push rbx
    push rbp
    push rsi
    push rdi
    push r12
    push r13
    push r14
    push r15
    # Plain, unaligned, scaled, negative, index only, 32-bit address, RIP-relative, stack.
    clwb [rcx]
    clwb [rcx + 64 + 63]
    clflushopt [rcx + rdx * 2]
    clflush [rcx + rdx * 8 - 320]
    clwb [r9 * 1 + 256]
    mov rax, 0x7f00000000
    or r8, rax
    clwb [r8d]
    clwb [rip + variable]
    sfence
    clflushopt [rsp]
    # Through each register that can be a base, the short displacement and the long.
    through rax, 5
    through rbx, 6
    through rcx, 7
    through rsi, 8
    through rdi, 9
    through rbp, 10
    through r8, 11
    through r9, 12
    through r10, 13
    through r11, 14
    through r12, 15
    through r13, 16
    through r14, 17
    through r15, 18
    mov rax, rsp
    mov rsp, rcx
    clwb [rsp + 64 * 19]
    mov rsp, rax
    mov rdx, rcx
    clwb [rdx + 64 * 20]
    # Index in each register that needs REX, base too.
    mov r13, 21
    mov r12, rcx
    shl r13, 6
    clwb [r12 + r13]
    clwb [r13 + rcx + 64]
    mfence
    mov rax, 0x1122334455667788
    movnti [rcx + 64 * 23], rax
    movnti [rcx + 64 * 23 + 8], eax
    mov r15, rax
    movnti [rcx + 64 * 23 + 16], r15d
    sfence
    pop r15
    pop r14
    pop r13
    pop r12
    pop rdi
    pop rsi
    pop rbp
    pop rbx
    ret

.globl address_of_variable
address_of_variable:
    lea rax, [rip + variable]
    ret

.data
    .p2align 6
variable:
    .quad 5
