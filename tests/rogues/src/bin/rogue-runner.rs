//! Loads a driver into the simulated kernel, does what programs do, unloads it and prints every rule
//! that it broke. Exit code 1 if there are any, 70 after a bugcheck.

use ntsim::{Access, Disposition, NtStatus, Sim, SimError, SimOptions, VolumeOptions};
use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

/// CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
const CONTROL: u32 = 0x22 << 16 | 0x800 << 2;

/// A program that uses a file and, if there is one, the driver's device, which another of its
/// threads does.
fn work(sim: &Sim) -> Result<(), NtStatus> {
    let device = sim.open_device(r"\\.\Rogue");
    let file = sim.create_file(r"D:\a", Access::ReadWrite, Disposition::OpenAlways)?;
    std::thread::scope(|scope| {
        if let Ok(device) = device {
            scope.spawn(move || {
                let mut answer = [0; 16];
                // What a rogue answers is its own matter.
                let handle = file.as_raw().to_le_bytes();
                let _ = sim.device_io_control(device, CONTROL, &handle, &mut answer);
            });
        }
        sim.write_file(file, 0, &[7; 100])?;
        sim.flush_file_buffers(file)
    })?;
    if let Ok(device) = device {
        sim.close_handle(device)?;
    }
    sim.close_handle(file)?;
    // The file objects of before are gone. A section for data scan is in the way of a new size.
    let file = sim.create_file(r"D:\a", Access::ReadWrite, Disposition::OpenAlways)?;
    // What the size comes to is the rogue's matter, too.
    let _ = sim.set_end_of_file(file, 10);
    sim.close_handle(file)?;
    // A query to remove the device has been taken back.
    sim.cancel_remove('D')
}

fn run(image: &Path) -> Result<Sim, SimError> {
    let sim = Sim::boot(SimOptions {
        patience: Duration::from_secs(3),
        ..SimOptions::default()
    })?;
    sim.add_volume('D', VolumeOptions::default())?;
    match sim.load_driver(image, "rogue") {
        Ok(()) => {
            // Another thread than the one that loads drivers.
            let program = std::thread::scope(|scope| scope.spawn(|| work(&sim)).join());
            if let Ok(Err(status)) = program {
                eprintln!("the program got {status}");
            }
            sim.unload_driver("rogue")?;
        }
        Err(SimError::Driver { status, .. }) => {
            eprintln!("DriverEntry returned {status}");
            sim.check_nothing_left();
        }
        Err(other) => return Err(other),
    }
    Ok(sim)
}

fn main() -> ExitCode {
    let Some(image) = env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("Usage: rogue-runner DRIVER.sys");
        return ExitCode::from(2);
    };
    let sim = match run(&image) {
        Ok(sim) => sim,
        Err(error) => {
            eprintln!("{}: {error}", image.display());
            return ExitCode::from(2);
        }
    };
    let violations = sim.violations();
    for violation in &violations {
        println!("{violation}");
    }
    ExitCode::from(u8::from(!violations.is_empty()))
}
