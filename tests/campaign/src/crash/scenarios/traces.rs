//! The beginnings of traces of real programs.

use super::Outcome;
use crate::crash::session::{File, Session, whole};
use daxctl::{
    client::{ClientError, DaxFile, Device, Recording, Simulated},
    trace::{self, Op},
};
use ntsim::NtStatus;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

pub fn sqlite_wal(session: &mut Session) -> Outcome {
    run(session, "sqlite-wal", 120)
}

pub fn sqlite_rollback(session: &mut Session) -> Outcome {
    run(session, "sqlite-rollback", 120)
}

pub fn lmdb(session: &mut Session) -> Outcome {
    run(session, "lmdb-writemap", 600)
}

struct Program {
    device: Arc<Device<Simulated>>,
    files: BTreeMap<u32, (File, DaxFile<Simulated>)>,
}

fn run(session: &mut Session, name: &str, operations: usize) -> Outcome {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../data/traces");
    let trace = trace::read(&folder.join(format!("{name}.tsv.gz"))).expect("the trace");
    let device = Device::open(Simulated(session.sim.clone())).expect("the device");
    let mut program = Program {
        device: Arc::new(device),
        files: BTreeMap::new(),
    };
    for step in trace.steps.iter().take(operations) {
        program.step(session, &step.op);
    }
    for (file, mut dax) in program.files.into_values() {
        dax.unmap().expect("unmapped");
        let closed = session.commits("the end of a handle", &[whole(file)], |_| {
            dax.close().map_err(status)
        });
        assert!(closed);
    }
    None
}

fn status(error: ClientError<NtStatus>) -> NtStatus {
    match error {
        ClientError::Platform(status) => status,
        other => panic!("{other}"),
    }
}

impl Program {
    fn step(&mut self, session: &mut Session, op: &Op) {
        match *op {
            Op::Open { file, ref name } => {
                let path = format!(r"D:\{name}");
                let recording = Recording::Log { entries: 1024 };
                let dax = DaxFile::open(&self.device, &path, recording).expect("a file");
                let opened = session.opened(name, *dax.handle());
                self.files.insert(file, (opened, dax));
            }
            Op::Write {
                file,
                offset,
                length,
            } => {
                let (file, dax) = &self.files[&file];
                let data = session.marker.stamps(offset, length as usize);
                let written = session.stores(*file, offset, &data, |_| {
                    dax.write(offset, &data).map_err(status)
                });
                written.expect("a write");
            }
            Op::Store {
                file,
                offset,
                length,
            } => {
                let (file, dax) = self.files.get_mut(&file).expect("an open file");
                let data = session.marker.stamps(offset, length as usize);
                let stored = session.stores_by_itself(*file, offset, &data, |_| {
                    dax.store(offset, &data).map_err(status)
                });
                stored.expect("a store");
            }
            Op::Map {
                file,
                offset,
                length,
            } => {
                let (_, dax) = self.files.get_mut(&file).expect("an open file");
                dax.map(offset, length).expect("a view");
            }
            Op::Flush { file } => {
                let (file, dax) = self.files.get_mut(&file).expect("an open file");
                let committed = session.commits("a flush of the trace", &[whole(*file)], |_| {
                    dax.commit().map_err(status)
                });
                assert!(committed);
            }
            Op::FlushView {
                file,
                offset,
                length,
            } => {
                let (file, dax) = self.files.get_mut(&file).expect("an open file");
                let scope = (*file, Some(offset..offset + length));
                let committed = session.commits("a flush of a view of the trace", &[scope], |_| {
                    dax.commit_view(offset, length).map_err(status)
                });
                assert!(committed);
            }
            Op::Truncate { file, size } => {
                let file = self.files[&file].0;
                session.truncate(file, size);
            }
            Op::Delete { file } => {
                let (file, dax) = self.files.remove(&file).expect("an open file");
                session.deletes(file);
                dax.delete().expect("deleted");
            }
        }
    }
}
