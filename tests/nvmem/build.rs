//! Compiles the C side against the header of the crate.

fn main() {
    let include = "../../driver/nvmem/include";
    println!("cargo:rerun-if-changed=c");
    println!("cargo:rerun-if-changed={include}");
    for (library, source) in [
        ("nvmem_c_cases", "c/cases.c"),
        ("nvmem_c_program", "c/program.c"),
    ] {
        cc::Build::new()
            .file(source)
            .include(include)
            .warnings_into_errors(true)
            .extra_warnings(true)
            .compile(library);
    }
}
