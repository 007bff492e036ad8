//! The machine that was measured on.

use daxflush_nvmem::NvMemory;
use serde::Serialize;
use std::{fs, thread};

#[derive(Debug, Serialize)]
pub struct Host {
    pub processor: String,
    pub processors: usize,
    /// "L1d 32K", "L2 1024K", ... of the first processor.
    pub caches: Vec<String>,
    pub memory_mib: u64,
    pub kernel: String,
    pub huge_pages: String,
    /// How lines are flushed.
    pub method: &'static str,
    pub line_size: usize,
}

impl Host {
    pub fn describe() -> Self {
        let nv = NvMemory::<1>::new();
        nv.init(0);
        Self {
            processor: processor(),
            processors: thread::available_parallelism().map_or(0, Into::into),
            caches: (0..8).filter_map(cache).collect(),
            memory_mib: memory_mib().unwrap_or(0),
            kernel: line("/proc/sys/kernel/osrelease"),
            huge_pages: line("/sys/kernel/mm/transparent_hugepage/enabled"),
            method: nv.method().name(),
            line_size: nv.line_size(),
        }
    }

    pub fn line(&self) -> String {
        format!(
            "{}, {} processors, {}; {} MiB; Linux {}; {}, {} bytes in a line",
            self.processor,
            self.processors,
            self.caches.join(", "),
            self.memory_mib,
            self.kernel,
            self.method,
            self.line_size
        )
    }
}

fn line(path: &str) -> String {
    fs::read_to_string(path)
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn processor() -> String {
    let text = line("/proc/cpuinfo");
    let field = |name: &str| {
        let found = text.lines().find(|line| line.starts_with(name));
        found
            .and_then(|line| line.split_once(": "))
            .map_or("unknown", |(_, value)| value.trim())
    };
    format!(
        "{}, family {}, model {}",
        field("model name"),
        field("cpu family"),
        field("model\t")
    )
}

fn cache(index: u32) -> Option<String> {
    let field = |name: &str| {
        line(&format!(
            "/sys/devices/system/cpu/cpu0/cache/index{index}/{name}"
        ))
    };
    let kind = match field("type").as_str() {
        "Data" => "d",
        "Unified" => "",
        _ => return None,
    };
    Some(format!("L{}{kind} {}", field("level"), field("size")))
}

fn memory_mib() -> Option<u64> {
    let text = line("/proc/meminfo");
    let kib = text.lines().next()?.split_whitespace().nth(1)?;
    Some(kib.parse::<u64>().ok()? >> 10)
}
