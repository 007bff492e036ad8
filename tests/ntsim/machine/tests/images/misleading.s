# Data among code: a byte that starts a long instruction stands before a function, known only from its unwind data.
.intel_syntax noprefix
.text
.globl DriverEntry
.seh_proc DriverEntry
DriverEntry:
    sub rsp, 40
    .seh_stackalloc 40
    .seh_endprologue
    xor eax, eax
    add rsp, 40
    ret
.seh_endproc
    # The first two bytes of "mov rax, imm64": swallows the next eight.
    .byte 0x48, 0xb8
.globl flush_one
.seh_proc flush_one
flush_one:
    push rbx
    .seh_pushreg rbx
    .seh_endprologue
    clwb [rcx]
    sfence
    pop rbx
    ret
.seh_endproc
