//! The blocks of the shipped driver that were executed, and what exists on a machine.

mod common;

use common::{driver, machine};
use ntsim::{Access, Coverage, Disposition, Handle, Held, Sim, SimOptions, VolumeOptions};

fn boot() -> Sim {
    with_driver(machine())
}

fn boot_covered() -> Sim {
    let sim = Sim::boot(SimOptions {
        cover_blocks: true,
        ..SimOptions::default()
    });
    let sim = sim.expect("a machine");
    let options = VolumeOptions::default();
    sim.add_volume('D', options).expect("a volume");
    with_driver(sim)
}

fn with_driver(sim: Sim) -> Sim {
    sim.load_driver(&driver(), "daxflush")
        .expect("the driver loads");
    sim
}

fn write_and_flush(sim: &Sim, file: Handle) {
    sim.write_file(file, 100, &[7; 1000]).expect("a write");
    sim.flush_file_buffers(file).expect("a flush");
}

fn open(sim: &Sim) -> Handle {
    sim.create_file(r"D:\a", Access::ReadWrite, Disposition::OpenAlways)
        .expect("a file")
}

fn reached(coverage: &Coverage) -> Vec<usize> {
    let blocks = 0..coverage.blocks();
    blocks.filter(|block| coverage.is_reached(*block)).collect()
}

#[test]
fn blocks_are_reached_once_and_the_driver_does_what_it_did() {
    let (plain, covered) = (boot(), boot_covered());
    assert!(plain.coverage().is_none());
    let coverage = covered.coverage().expect("blocks");
    let entry = coverage.reached();
    assert!(entry > 100, "DriverEntry alone has reached {entry} blocks");
    for sim in [&plain, &covered] {
        let file = open(sim);
        write_and_flush(sim, file);
        sim.close_handle(file).expect("close");
    }
    assert_eq!(plain.observed(), covered.observed());
    let first = reached(&coverage);
    assert!(first.len() > entry && first.len() == coverage.reached());
    assert!(first.len() < coverage.blocks() / 2, "most is not asked for");
    // Again, and there is almost nothing new: the file exists by now.
    let file = open(&covered);
    write_and_flush(&covered, file);
    let before = coverage.reached();
    write_and_flush(&covered, file);
    assert!(coverage.reached() - before < 50, "{before}");
    covered.close_handle(file).expect("close");
    for sim in [plain, covered] {
        sim.unload_driver("daxflush").expect("the driver unloads");
        assert_eq!(sim.violations(), []);
    }
}

#[test]
fn what_an_open_file_holds_is_given_back() {
    let sim = boot();
    let file = open(&sim);
    // What the driver makes once.
    write_and_flush(&sim, file);
    sim.close_handle(file).expect("close");
    sim.delete_closed_files();
    let base = sim.held();
    assert_eq!((base.handles, base.file_objects, base.sections), (0, 0, 0));
    let file = open(&sim);
    write_and_flush(&sim, file);
    let open = sim.held();
    assert_eq!((open.handles, open.file_objects), (1, 1));
    assert!(open.contexts > base.contexts && open.sections == 1 && open.views == 1);
    sim.delete_closed_files();
    assert_eq!(sim.held().files, open.files, "it is open");
    sim.close_handle(file).expect("close");
    let closed = sim.held();
    assert_eq!(closed.files, base.files + 1);
    sim.delete_closed_files();
    assert_eq!(sim.held(), base);
    sim.unload_driver("daxflush").expect("the driver unloads");
    let left = sim.held();
    assert_eq!(
        (left.pool_blocks, left.contexts, left.references),
        (0, 0, 0)
    );
    assert_eq!(Held { files: 0, ..left }, Held::default());
}

/// Bytes that a program stores through a view beyond the end of a file belong to no later file.
#[test]
fn what_was_stored_beyond_the_end_is_in_no_other_file() {
    let sim = boot();
    let file = open(&sim);
    sim.write_file(file, 0, &[1; 100]).expect("a write");
    let view = sim.map_view(file, 0, 100, true).expect("a view");
    view.store(2000, &[9; 100]);
    sim.unmap_view(view);
    let volume = sim.open_volume('D').expect("the volume");
    sim.flush_file_buffers(volume).expect("a flush");
    sim.close_handle(volume).expect("close");
    sim.set_disposition(file, true).expect("deleted");
    sim.close_handle(file).expect("close");
    let file = open(&sim);
    sim.write_file(file, 3000, &[1]).expect("a write");
    let mut found = [0; 3000];
    sim.read_file(file, 0, &mut found).expect("a read");
    assert_eq!(found, [0; 3000]);
    sim.close_handle(file).expect("close");
    sim.unload_driver("daxflush").expect("the driver unloads");
    assert_eq!(sim.violations(), []);
}
