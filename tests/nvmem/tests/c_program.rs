//! The `main` of this test is in C: `c/program.c`.
#![no_main]

#[cfg(not(target_arch = "aarch64"))]
extern crate daxflush_nvmem_tests as _;

/// qemu 7.2 takes `DC CVAP` in user mode for an illegal instruction: the oracle stands in for it.
#[cfg(target_arch = "aarch64")]
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = {
    extern "C" fn install() {
        daxflush_nvmem_tests::oracle::install();
    }
    install
};
