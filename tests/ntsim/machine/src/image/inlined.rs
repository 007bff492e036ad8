//! Which functions of the source an instruction is of, the inlined ones among them, from the debug
//! information beside an image.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use pdb::{
    AddressMap, FallibleIterator, IdData, IdIndex, ModuleInfo, PDB, PdbInternalSectionOffset,
    SymbolData,
};

use super::registry::Module;

/// Code of an inlined function.
struct Inlined {
    start: u32,
    end: u32,
    /// Inlined functions around it.
    depth: usize,
    name: Arc<str>,
}

/// By the image's file.
type Known = HashMap<Arc<Path>, Arc<Vec<Inlined>>>;

static INLINED: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

/// The inlined functions that an address in a module is in, the innermost first.
pub(super) fn at(module: &Module, rva: usize) -> Vec<Arc<str>> {
    let Some(path) = &module.path else {
        return Vec::new();
    };
    let all = {
        let mut known = INLINED.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || Arc::new(read(path).unwrap_or_default());
        known.entry(path.clone()).or_insert_with(read).clone()
    };
    let rva = rva as u32;
    let mut found: Vec<_> = all
        .iter()
        .filter(|code| (code.start..code.end).contains(&rva))
        .collect();
    found.sort_by_key(|code| std::cmp::Reverse(code.depth));
    found.iter().map(|code| code.name.clone()).collect()
}

fn read(image: &Path) -> pdb::Result<Vec<Inlined>> {
    let mut pdb = PDB::open(File::open(image.with_extension("pdb"))?)?;
    let addresses = pdb.address_map()?;
    let names = names(&mut pdb)?;
    let information = pdb.debug_information()?;
    let mut modules = information.modules()?;
    let mut found = Vec::new();
    while let Some(module) = modules.next()? {
        if let Some(module) = pdb.module_info(&module)? {
            read_module(&module, &names, &addresses, &mut found)?;
        }
    }
    Ok(found)
}

fn read_module(
    module: &ModuleInfo<'_>,
    names: &HashMap<IdIndex, Arc<str>>,
    addresses: &AddressMap<'_>,
    found: &mut Vec<Inlined>,
) -> pdb::Result<()> {
    let inlinees = module.inlinees()?;
    let inlinees = inlinees.map(|inlinee| Ok((inlinee.index(), inlinee)));
    let inlinees: HashMap<_, _> = inlinees.collect()?;
    let mut function = PdbInternalSectionOffset::default();
    // For each scope that is open, whether it is an inlined function.
    let mut scopes: Vec<bool> = Vec::new();
    let mut symbols = module.symbols()?;
    while let Some(symbol) = symbols.next()? {
        let parsed = symbol.parse();
        if let Ok(SymbolData::Procedure(procedure)) = &parsed {
            function = procedure.offset;
        }
        if let Ok(SymbolData::InlineSite(site)) = &parsed
            && let Some(inlinee) = inlinees.get(&site.inlinee)
            && let Some(name) = names.get(&site.inlinee)
        {
            let depth = scopes.iter().filter(|inlined| **inlined).count();
            let mut lines = inlinee.lines(function, site);
            while let Some(line) = lines.next()? {
                let start = line.offset.to_rva(addresses);
                found.extend(start.zip(line.length).map(|(start, length)| Inlined {
                    start: start.0,
                    end: start.0 + length,
                    depth,
                    name: name.clone(),
                }));
            }
        }
        if symbol.ends_scope() {
            scopes.pop();
        } else if symbol.starts_scope() {
            scopes.push(matches!(parsed, Ok(SymbolData::InlineSite(_))));
        }
    }
    Ok(())
}

/// Names of functions that may be inlined.
fn names(pdb: &mut PDB<'_, File>) -> pdb::Result<HashMap<IdIndex, Arc<str>>> {
    let types = pdb.type_information()?;
    let mut type_finder = types.finder();
    let mut each = types.iter();
    while each.next()?.is_some() {
        type_finder.update(&each);
    }
    let ids = pdb.id_information()?;
    let mut id_finder = ids.finder();
    let mut functions = Vec::new();
    let mut each = ids.iter();
    while let Some(id) = each.next()? {
        id_finder.update(&each);
        match id.parse() {
            Ok(IdData::Function(function)) => {
                let scope = match function.scope.map(|scope| id_finder.find(scope)?.parse()) {
                    Some(Ok(IdData::String(scope))) => Some(scope.name.to_string()),
                    _ => None,
                };
                functions.push((id.index(), scope, function.name.to_string()));
            }
            Ok(IdData::MemberFunction(function)) => {
                let class = type_finder.find(function.parent)?.parse().ok();
                let class = class.and_then(|class| class.name());
                let class = class.map(|name| name.to_string());
                functions.push((id.index(), class, function.name.to_string()));
            }
            _ => {}
        }
    }
    let full = functions.into_iter().map(|(index, scope, name)| {
        let name = scope.map_or_else(|| name.to_string(), |scope| format!("{scope}::{name}"));
        (index, Arc::from(name))
    });
    Ok(full.collect())
}
