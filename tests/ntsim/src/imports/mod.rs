//! The routines that a driver can import, by image. Each checks the IRQL that its reference page
//! allows before it acts, and can be made to fail.

mod completion;
mod data_scan;
mod entry;
mod error_log;
mod etw;
mod fltmgr;
mod levels;
mod locks;
mod names;
mod ntoskrnl;
mod processors;
mod sections;
mod security;
mod work;

use crate::{calls::Call, thread};
pub(crate) use entry::{Origin, stub};

/// Declares routines with the Windows x64 calling convention and a table of them by name.
///
/// `kernel` in a body is the machine whose driver calls. The level is the highest IRQL at which
/// the routine may be called.
macro_rules! imports {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $kind:ty),*) -> $result:ty, $level:ident,
        |$kernel:ident| $body:block)*) => {
        $(
            $(#[$doc])*
            #[allow(non_snake_case, reason = "Windows names keep Windows spelling")]
            extern "win64" fn $name($($argument: $kind),*) -> $result {
                let $kernel = $crate::imports::enter(
                    stringify!($name),
                    $crate::thread::$level,
                );
                $body
            }
        )*

        /// The address of a routine.
        pub fn resolve(name: &str) -> Option<usize> {
            match name {
                $(stringify!($name) => {
                    Some($crate::imports::stub!($name))
                })*
                _ => None,
            }
        }
    };
}
pub(crate) use imports;

/// The address of an import; `exports` is where the kernel's variables are.
pub(crate) fn resolve(exports: usize, dll: &str, name: &str) -> Option<usize> {
    if dll.eq_ignore_ascii_case("fltmgr.sys") {
        return fltmgr::resolve(name)
            .or_else(|| data_scan::resolve(name))
            .or_else(|| completion::resolve(name))
            .or_else(|| names::resolve(name));
    }
    if !dll.eq_ignore_ascii_case("ntoskrnl.exe") {
        return None;
    }
    match name {
        "PsInitialSystemProcess" => Some(exports),
        "IoFileObjectType" => Some(exports + 8),
        "SeExports" => Some(exports + 16),
        _ => ntoskrnl::resolve(name)
            .or_else(|| sections::resolve(name))
            .or_else(|| security::resolve(name))
            .or_else(|| error_log::resolve(name))
            .or_else(|| etw::resolve(name))
            .or_else(|| processors::resolve(name))
            .or_else(|| work::resolve(name))
            .or_else(|| locks::resolve(name)),
    }
}

/// The kernel of the caller, after a look at the level it calls at.
fn enter(routine: &'static str, limit: u8) -> Call {
    let kernel = Call::enter(routine);
    let level = thread::irql();
    if level > limit {
        let detail = format!("{routine} was called at IRQL {level}, and allows {limit} at most");
        kernel.violation("IRQL", &detail);
    }
    kernel.call_hook.call(routine);
    crate::schedule::point(routine);
    kernel
}

/// STATUS_SUCCESS or the failure, as a routine returns it.
fn code(result: Result<(), crate::NtStatus>) -> i32 {
    result.err().unwrap_or(crate::NtStatus::SUCCESS).0
}
