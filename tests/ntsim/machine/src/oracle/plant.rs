//! Breakpoints in an image.

use std::io;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use arc_swap::ArcSwap;

use super::decode::{self, Site};
use super::record::Recorder;
use crate::coverage::Coverage;
use crate::image::{Code, Image};

/// INT3.
const BREAKPOINT: u8 = 0xcc;

/// Why an image cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum PlantError {
    /// The image holds instructions that the oracle would have to emulate but does not.
    #[error("not supported by the oracle: {}", instructions.join(", "))]
    Unsupported {
        /// All of them, as `movntdq at daxflush.sys+0x1234`.
        instructions: Vec<String>,
    },
    /// The image has an oracle already.
    #[error("{image} has an oracle already")]
    AlreadyPlanted {
        /// The image's name.
        image: String,
    },
    /// The system refused.
    #[error("planting breakpoints: {0}")]
    System(#[from] io::Error),
}

/// What the trap handler knows of a watched image.
#[derive(Debug)]
pub(super) struct Plant {
    pub image: Image,
    /// By ascending address.
    pub sites: Vec<Site>,
    /// The code as it was.
    pub code: Vec<Code>,
    pub recorder: Recorder,
    /// The basic blocks, if somebody asked for them.
    pub coverage: OnceLock<Arc<Coverage>>,
}

/// All watched images. Readers never wait.
static PLANTS: LazyLock<ArcSwap<Vec<Arc<Plant>>>> = LazyLock::new(Default::default);

/// Writers take turns.
static CHANGING: Mutex<()> = Mutex::new(());

impl Plant {
    /// Finds the sites of an image and plants them.
    pub fn new(image: &Image) -> Result<Arc<Plant>, PlantError> {
        let _turn = CHANGING.lock().unwrap_or_else(|p| p.into_inner());
        if find(image.base()).is_some() {
            return Err(PlantError::AlreadyPlanted {
                image: image.name().to_owned(),
            });
        }
        let code = image.code();
        let (sites, unsupported) = decode::sweep(image, &code);
        if !unsupported.is_empty() {
            let name = |i| {
                format!(
                    "{} at {}",
                    decode::mnemonic(i),
                    image.symbolize(i.ip() as usize)
                )
            };
            return Err(PlantError::Unsupported {
                instructions: unsupported.iter().map(name).collect(),
            });
        }
        let recorder = Recorder::default();
        let plant = Arc::new(Plant {
            image: image.clone(),
            sites,
            code,
            recorder,
            coverage: OnceLock::new(),
        });
        PLANTS
            .rcu(|plants| -> Vec<Arc<Plant>> { plants.iter().chain([&plant]).cloned().collect() });
        // SAFETY: nobody runs image code, by the contract of `Oracle`; the trap handler keeps its
        // meaning.
        let planted = unsafe { image.patch(plant.sites.iter().map(|s| (s.rip, BREAKPOINT))) };
        if planted.is_err() {
            unpublish(&plant);
        }
        planted?;
        Ok(plant)
    }

    /// Takes the breakpoints out.
    pub fn remove(self: &Arc<Plant>) {
        let _turn = CHANGING.lock().unwrap_or_else(|p| p.into_inner());
        let original = |site: &Site| {
            let code = self
                .code
                .iter()
                .find(|c| (c.start..c.start + c.bytes.len()).contains(&site.rip))?;
            Some((site.rip, code.bytes[site.rip - code.start]))
        };
        if let Some(coverage) = self.coverage.get() {
            coverage.remove();
        }
        // SAFETY: nobody runs image code, by the contract of `Oracle`; this is the code as it was.
        let removed = unsafe { self.image.patch(self.sites.iter().filter_map(original)) };
        // A breakpoint that stays needs its handler.
        if removed.is_ok() {
            unpublish(self);
        }
    }

    /// Begins to note which basic blocks are executed.
    pub fn cover(&self) -> io::Result<Arc<Coverage>> {
        let _turn = CHANGING.lock().unwrap_or_else(|p| p.into_inner());
        if let Some(coverage) = self.coverage.get() {
            return Ok(Arc::clone(coverage));
        }
        let is_watched = |at| self.site(at).is_some();
        // SAFETY: nobody runs image code, by the contract of `Oracle`.
        let coverage = unsafe { Coverage::new(&self.image, &self.code, is_watched)? };
        // Before the first breakpoint, whose handler looks here.
        let coverage = Arc::clone(self.coverage.get_or_init(|| Arc::new(coverage)));
        coverage.plant();
        Ok(coverage)
    }

    /// The watched instruction at an address.
    pub fn site(&self, rip: usize) -> Option<&Site> {
        let at = self
            .sites
            .binary_search_by_key(&rip, |site| site.rip)
            .ok()?;
        self.sites.get(at)
    }

    /// The watched instructions that start in a range of addresses.
    pub fn sites_in(&self, range: std::ops::Range<usize>) -> &[Site] {
        let from = self.sites.partition_point(|site| site.rip < range.start);
        let to = self.sites.partition_point(|site| site.rip < range.end);
        self.sites.get(from..to).unwrap_or_default()
    }
}

/// The watched image that holds an address.
pub(super) fn find(address: usize) -> Option<Arc<Plant>> {
    PLANTS
        .load()
        .iter()
        .find(|plant| plant.image.contains(address))
        .cloned()
}

fn unpublish(plant: &Arc<Plant>) {
    PLANTS.rcu(|plants| -> Vec<Arc<Plant>> {
        plants
            .iter()
            .filter(|p| !Arc::ptr_eq(p, plant))
            .cloned()
            .collect()
    });
}
