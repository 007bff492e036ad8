//! All targets by name.

use crate::{dirty_map, inf, ioctl, loader, protocol, trace_text};

/// Something that inputs are given to.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which its corpus and its program have too.
    pub name: &'static str,
    act: fn(&[u8]),
    /// Changes a part of an input that chance alone would seldom find; a number chooses how.
    pub mutate: Option<fn(&mut [u8], u32)>,
}

/// Every target.
pub const TARGETS: [Target; 6] = [
    plain("ioctl", ioctl::run),
    plain("trace", trace_text::run),
    Target {
        mutate: Some(loader::mutate),
        ..plain("loader", loader::run)
    },
    plain("dirty_map", dirty_map::run),
    plain("inf", inf::run),
    plain("protocol", protocol::run),
];

const fn plain(name: &'static str, act: fn(&[u8])) -> Target {
    Target {
        name,
        act,
        mutate: None,
    }
}

impl Target {
    /// The target of a name.
    pub fn named(name: &str) -> Option<Self> {
        TARGETS.into_iter().find(|target| target.name == name)
    }

    /// Does what is to be done with an input.
    ///
    /// # Panics
    /// Something is wrong.
    pub fn run(&self, input: &[u8]) {
        (self.act)(input);
    }
}
