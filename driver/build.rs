//! Links against the kernel and the Filter Manager.

fn main() -> Result<(), wdk_build::ConfigError> {
    println!("cargo::rustc-link-lib=static:-bundle=fltmgr");
    wdk_build::configure_wdk_binary_build()
}
