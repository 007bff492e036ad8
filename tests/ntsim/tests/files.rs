//! What the simulated file system does, through what a program can call, with no driver loaded.

#[path = "files/controls.rs"]
mod controls;
#[path = "files/names.rs"]
mod names;
#[path = "files/sizes.rs"]
mod sizes;
#[path = "files/writes.rs"]
mod writes;

use ntsim::{
    Access, CreateFileOptions, CutPolicy, Disposition, Handle, NtStatus, Sim, SimOptions,
    VolumeOptions,
};

fn machine() -> Sim {
    machine_with(SimOptions::default())
}

fn machine_with(options: SimOptions) -> Sim {
    let sim = Sim::boot(options).expect("a machine");
    let added = sim.add_volume('D', VolumeOptions::default());
    added.expect("a volume");
    sim
}

fn open(sim: &Sim, name: &str, disposition: Disposition) -> Result<Handle, NtStatus> {
    sim.create_file(&format!(r"D:\{name}"), Access::ReadWrite, disposition)
}

fn create(sim: &Sim, name: &str) -> Handle {
    open(sim, name, Disposition::CreateNew).expect("a new file")
}

fn open_with(sim: &Sim, name: &str, options: CreateFileOptions) -> Handle {
    let opened = sim.create_file_with(&format!(r"D:\{name}"), options);
    opened.expect("a file")
}

fn contents(sim: &Sim, file: Handle) -> Vec<u8> {
    let size = sim.file_size(file).expect("an open file");
    let mut data = vec![0; size as usize];
    if size != 0 {
        assert_eq!(sim.read_file(file, 0, &mut data), Ok(data.len()));
    }
    data
}

/// What is left of a file's first bytes if the power goes now.
fn durable(sim: &Sim, file: Handle, count: usize) -> Vec<u8> {
    let id = sim.file_id(file).expect("an open file");
    let mut data = vec![0xff; count];
    assert!(sim.power_cut(CutPolicy::Durable).read(id, 0, &mut data));
    data
}

/// Ends a test: everything is closed, and nobody broke a rule.
fn end(sim: &Sim, handles: &[Handle]) {
    for handle in handles {
        sim.close_handle(*handle).expect("close");
    }
    assert_eq!(sim.open_file_objects(), 0);
    assert_eq!(sim.violations(), []);
    assert_eq!(sim.callbacks(), 0);
}
