//! Makes the requests of the battery, to the simulated driver on Linux and to the loaded one on
//! Windows, and prints a line for each.

fn main() {
    #[cfg(windows)]
    let lines = daxflush_wine::battery::run(&daxctl::client::Windows, r"C:\ordinary.bin");
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    let lines = daxflush_wine::simulated::run();
    println!("{}", lines.join("\n"));
}
