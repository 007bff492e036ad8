//! Links against the kernel and the Filter Manager, and makes the image's resources: its version, and
//! the message table of the event log.

mod messages;
mod resource;
mod version;

use resource::Resource;
use std::{env, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rustc-link-lib=static:-bundle=fltmgr");
    println!("cargo::rerun-if-changed=messages.txt");
    println!("cargo::rerun-if-changed=build");
    let resources = [
        Resource {
            kind: Resource::MESSAGE_TABLE,
            data: messages::table(&fs::read_to_string("messages.txt")?)?,
        },
        Resource {
            kind: Resource::VERSION,
            data: version::information(&env::var("CARGO_PKG_VERSION")?)?,
        },
    ];
    let file = PathBuf::from(env::var("OUT_DIR")?).join("daxflush.res");
    fs::write(&file, resource::file(&resources))?;
    println!("cargo::rustc-cdylib-link-arg={}", file.display());
    Ok(wdk_build::configure_wdk_binary_build()?)
}
