//! Names of functions, from the .pdb beside an image, and return addresses, from its unwind data.
//! Both are read when the first message needs them.

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64};
use framehop::{FrameAddress, ModuleSectionInfo, Unwinder};
use object::read::pe::PeFile64;
use object::{Object, ObjectSection};
use pdb::FallibleIterator;

use super::registry::{self, Module};

/// More frames than any stack of a driver has.
const MOST_FRAMES: usize = 64;

/// Functions of a file by address in the image, ascending.
type Functions = Arc<Vec<(u32, String)>>;

static FUNCTIONS: LazyLock<Mutex<HashMap<Arc<Path>, Functions>>> = LazyLock::new(Mutex::default);

/// The function that holds an address in a module, and the offset in it.
pub(super) fn function(module: &Module, rva: usize) -> Option<(String, usize)> {
    let path = module.path.as_ref()?;
    let functions = {
        let mut known = FUNCTIONS.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || Arc::new(read_functions(path).unwrap_or_default());
        known.entry(path.clone()).or_insert_with(read).clone()
    };
    let after = functions.partition_point(|(start, _)| *start as usize <= rva);
    let (start, name) = functions.get(after.checked_sub(1)?)?;
    Some((name.clone(), rva - *start as usize))
}

fn read_functions(image: &Path) -> pdb::Result<Vec<(u32, String)>> {
    let mut pdb = pdb::PDB::open(File::open(image.with_extension("pdb"))?)?;
    let addresses = pdb.address_map()?;
    let mut found = Vec::new();
    let globals = pdb.global_symbols()?;
    let mut symbols = globals.iter();
    while let Some(symbol) = symbols.next()? {
        if let Ok(pdb::SymbolData::Public(public)) = symbol.parse()
            && public.function
        {
            found.extend(named(&addresses, public.offset, &public.name));
        }
    }
    let information = pdb.debug_information()?;
    let mut modules = information.modules()?;
    while let Some(module) = modules.next()? {
        let Some(module) = pdb.module_info(&module)? else {
            continue;
        };
        let mut symbols = module.symbols()?;
        while let Some(symbol) = symbols.next()? {
            if let Ok(pdb::SymbolData::Procedure(procedure)) = symbol.parse() {
                found.extend(named(&addresses, procedure.offset, &procedure.name));
            }
        }
    }
    found.sort();
    found.dedup_by_key(|(start, _)| *start);
    Ok(found)
}

fn named(
    addresses: &pdb::AddressMap<'_>,
    offset: pdb::PdbInternalSectionOffset,
    name: &pdb::RawString<'_>,
) -> Option<(u32, String)> {
    let name = name.to_string();
    // Without the hash that tells instances of a generic apart.
    let name = format!("{:#}", rustc_demangle::demangle(&name));
    Some((offset.to_rva(addresses)?.0, name))
}

/// The return addresses of the frames of image code that are on the stack, from a place where
/// image code was left: the address to which it is returned, its stack pointer after that, and its
/// frame pointer. Ends where code is not of an image.
pub fn frames(ip: usize, sp: usize, bp: usize) -> Vec<usize> {
    let Some(module) = registry::find(ip) else {
        return Vec::new();
    };
    let mut found = vec![ip];
    let mut unwinder = UnwinderX86_64::new();
    match read_unwind_data(&module) {
        Some(module) => unwinder.add_module(module),
        None => return found,
    }
    let mut read = |at: u64| {
        crate::fault::peek(at as usize, 1)
            .first()
            .copied()
            .map(|w| w as u64)
            .ok_or(())
    };
    let mut registers = UnwindRegsX86_64::new(ip as u64, sp as u64, bp as u64);
    let mut at = FrameAddress::from_return_address(ip as u64);
    let mut cache = CacheX86_64::new();
    while let (Some(address), true) = (at, found.len() < MOST_FRAMES) {
        let next = unwinder.unwind_frame(address, &mut registers, &mut cache, &mut read);
        let Ok(Some(next)) = next else {
            break;
        };
        if !(module.start..module.end).contains(&(next as usize)) {
            break;
        }
        found.push(next as usize);
        at = FrameAddress::from_return_address(next);
    }
    found
}

fn read_unwind_data(module: &Module) -> Option<framehop::Module<Vec<u8>>> {
    let file = std::fs::read(module.path.as_ref()?).ok()?;
    let sections = Sections(PeFile64::parse(&*file).ok()?);
    let (start, end) = (module.start as u64, module.end as u64);
    let name = module.name.to_string();
    Some(framehop::Module::new(name, start..end, start, sections))
}

/// As they are in the file.
struct Sections<'a>(PeFile64<'a>);

impl ModuleSectionInfo<Vec<u8>> for Sections<'_> {
    fn base_svma(&self) -> u64 {
        self.0.relative_address_base()
    }

    fn section_svma_range(&mut self, name: &[u8]) -> Option<Range<u64>> {
        let section = self.0.section_by_name_bytes(name)?;
        Some(section.address()..section.address() + section.size())
    }

    fn section_data(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        let section = self.0.section_by_name_bytes(name)?;
        section.data().ok().map(<[u8]>::to_vec)
    }
}
