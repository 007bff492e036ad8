//! Stand-in for `wdk-build` 0.6 on hosts without a WDK: the API that `wdk-sys` 0.5.2, `wdk`,
//! `wdk-alloc`, `wdk-panic` and a WDM driver's build script use, and nothing more.  The headers
//! are mingw-w64's, behind the overlay in `overlay/`; the import library is made from
//! `lib/ntoskrnl.def`.

use std::{borrow::Borrow, env, fmt, path::{Path, PathBuf}, process::Command};

use bindgen::Builder;

/// What a build script of the wdk crates can fail with.
#[derive(Debug)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl From<IoError> for ConfigError {
    fn from(error: IoError) -> Self {
        Self(error.to_string())
    }
}

/// An I/O error and the path it happened on.
#[derive(Debug)]
pub struct IoError(PathBuf, std::io::Error);

impl IoError {
    pub fn with_path(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self(path.into(), source)
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.display(), self.1)
    }
}

impl std::error::Error for IoError {}

/// Only `Wdm` is ever constructed here.
#[derive(Debug, Clone)]
pub enum DriverConfig {
    Wdm,
    Kmdf(KmdfConfig),
    Umdf(UmdfConfig),
}

#[derive(Debug, Clone)]
pub struct KmdfConfig {
    pub kmdf_version_major: u8,
    pub target_kmdf_version_minor: u8,
}

#[derive(Debug, Clone)]
pub struct UmdfConfig {
    pub umdf_version_major: u8,
    pub target_umdf_version_minor: u8,
}

#[derive(Debug, Clone, Copy)]
pub enum ApiSubset {
    Base,
    Wdf,
}

#[derive(Debug, Clone)]
pub struct Config {
    pub driver_config: DriverConfig,
    arch: Arch,
}

#[derive(Debug, Clone, Copy)]
enum Arch {
    Amd64,
    Arm64,
}

impl Config {
    fn new() -> Result<Self, ConfigError> {
        let arch = match var("CARGO_CFG_TARGET_ARCH")?.as_str() {
            "x86_64" => Arch::Amd64,
            "aarch64" => Arch::Arm64,
            other => return Err(ConfigError(format!("no Windows driver on {other}"))),
        };
        Ok(Self { driver_config: DriverConfig::Wdm, arch })
    }

    pub fn include_paths(&self) -> Result<impl Iterator<Item = PathBuf>, ConfigError> {
        let mingw = PathBuf::from(
            env::var_os("MINGW_INCLUDE").unwrap_or_else(|| "/usr/share/mingw-w64/include".into()),
        );
        let paths = [
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("overlay"),
            mingw.join("ddk"),
            mingw,
        ];
        for path in &paths {
            if !path.is_dir() {
                return Err(ConfigError(format!("no directory {}", path.display())));
            }
        }
        Ok(paths.into_iter())
    }

    pub fn preprocessor_definitions(&self) -> impl Iterator<Item = (String, Option<String>)> {
        let names: &[&str] = match self.arch {
            Arch::Amd64 => &["_WIN64", "_AMD64_", "AMD64", "_KERNEL_MODE"],
            Arch::Arm64 => &["_WIN64", "_ARM64_", "ARM64", "_M_ARM", "_IA64_", "_KERNEL_MODE"],
        };
        let versions = [("_WIN32_WINNT", "0x0A00"), ("WINVER", "0x0A00"), ("NTDDI_VERSION", "0x0A000002")];
        names
            .iter()
            .map(|name| (name.to_string(), None))
            .chain(versions.map(|(name, value)| (name.to_string(), Some(value.to_string()))))
    }

    pub fn bindgen_header_contents(
        &self,
        _: impl IntoIterator<Item = ApiSubset>,
    ) -> Result<String, ConfigError> {
        Ok("#include \"ntifs.h\"\n#include \"ntddk.h\"\n#include \"ntstrsafe.h\"\n".into())
    }

    pub fn bindgen_library_link_raw_lines(&self, _: ApiSubset) -> Option<String> {
        // As the official crate does it.
        Some("#[link(name = \"ntoskrnl\", kind = \"static\", modifiers = \"-bundle\")]\nunsafe extern \"C\" {}\n".into())
    }

    pub fn compute_wdffunctions_symbol_name(&self) -> Option<String> {
        None
    }
}

pub trait BuilderExt {
    fn wdk_default(config: impl Borrow<Config> + fmt::Debug) -> Result<Builder, ConfigError>;
}

impl BuilderExt for Builder {
    fn wdk_default(config: impl Borrow<Config> + fmt::Debug) -> Result<Builder, ConfigError> {
        let config = config.borrow();
        let mut builder = Builder::default()
            .use_core()
            .derive_default(true)
            .generate_cstr(true)
            .detect_include_paths(false)
            // Microsoft's ABI (an enum is an `int`), but GNU's dialect, which is what mingw-w64's
            // headers are written for.
            .clang_args(["-nostdinc", "-fno-builtin", "-fms-extensions", "-fno-ms-compatibility"])
            .clang_args(["-fgnuc-version=4.2.1", "-Wno-everything"])
            .opaque_type("_KGDTENTRY64")
            .opaque_type("_KIDTENTRY64")
            .must_use_type("NTSTATUS")
            .must_use_type("HRESULT")
            .default_enum_style(bindgen::EnumVariation::ModuleConsts)
            .parse_callbacks(Box::new(bindgen::CargoCallbacks::new()))
            .rust_edition(bindgen::RustEdition::Edition2024);
        for name in ["ExAllocatePool", "ExAllocatePoolWithTag", "ExAllocatePoolWithQuotaTag", "ExAllocatePoolWithTagPriority"] {
            builder = builder.blocklist_item(name); // as the official crate does
        }
        for path in config.include_paths()? {
            builder = builder.clang_arg(format!("-isystem{}", path.display()));
        }
        for (name, value) in config.preprocessor_definitions() {
            builder = builder.clang_arg(format!("-D{name}={}", value.unwrap_or_default()));
        }
        Ok(builder)
    }
}

/// The build scripts of `wdk`, `wdk-alloc` and `wdk-panic`.
pub fn configure_wdk_library_build() -> Result<(), ConfigError> {
    println!("cargo::rustc-check-cfg=cfg(driver_model__driver_type, values(\"WDM\", \"KMDF\", \"UMDF\"))");
    println!("cargo::rustc-cfg=driver_model__driver_type=\"WDM\"");
    Ok(())
}

/// The build script of `wdk-sys`.
pub fn configure_wdk_library_build_and_then<F, E>(mut f: F) -> Result<(), E>
where
    F: FnMut(Config) -> Result<(), E>,
    E: From<ConfigError>,
{
    configure_wdk_library_build()?;
    f(Config::new()?)
}

/// The build script of a driver.
pub fn configure_wdk_binary_build() -> Result<(), ConfigError> {
    configure_wdk_library_build()?;
    let out = PathBuf::from(var("OUT_DIR")?);
    println!("cargo::rustc-link-search={}", out.display());
    for library in ["ntoskrnl", "fltmgr", "rpcrt4"] {
        import_library(library, &out)?;
    }
    for arg in [
        "/DRIVER",
        "/NODEFAULTLIB",
        "/SUBSYSTEM:NATIVE,10.00",
        "/OSVERSION:10.0",
        "/SECTION:INIT,ERD",
        "/KERNEL",
        "/IGNORE:4257",
        "/IGNORE:4216",
        "/ENTRY:DriverEntry",
        "/NXCOMPAT",
        "/DYNAMICBASE",
        "/OPT:REF,ICF",
        "/INTEGRITYCHECK",
        "/MANIFEST:NO",
    ] {
        println!("cargo::rustc-cdylib-link-arg={arg}");
    }
    Ok(())
}

/// Makes an import library from its list of names.
fn import_library(library: &str, out: &Path) -> Result<(), ConfigError> {
    let def = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("lib/{library}.def"));
    println!("cargo::rerun-if-changed={}", def.display());
    let machine = match Config::new()?.arch {
        Arch::Amd64 => "i386:x86-64",
        Arch::Arm64 => "arm64",
    };
    let dlltool = env::var("DLLTOOL").unwrap_or_else(|_| "llvm-dlltool".into());
    let status = Command::new(&dlltool)
        .args(["-m", machine, "-d"])
        .arg(&def)
        .arg("-l")
        .arg(out.join(format!("{library}.lib")))
        .status()
        .map_err(|error| ConfigError(format!("{dlltool}: {error}")))?;
    if status.success() { Ok(()) } else { Err(ConfigError(format!("{dlltool}: {status}"))) }
}

fn var(name: &str) -> Result<String, ConfigError> {
    env::var(name).map_err(|error| ConfigError(format!("{name}: {error}")))
}
