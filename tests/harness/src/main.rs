//! daxctl: what people do with daxflush.sys, and to it.

fn main() -> std::process::ExitCode {
    daxctl::cli::run()
}
