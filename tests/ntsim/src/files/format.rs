//! Emptying volumes, for who wants to use a machine again.

use super::Kind;
use crate::Sim;

impl Sim {
    /// Deletes every file that nobody has open, without anybody being asked; directories stay.
    pub fn delete_closed_files(&self) {
        let closed: Vec<u64> = {
            let state = self.kernel.lock();
            let files = state.files.iter();
            let closed = files.filter(|(_, fcb)| fcb.kind == Kind::File && fcb.file_objects == 0);
            closed.map(|(id, _)| *id).collect()
        };
        for id in closed {
            self.kernel.delete_stream(id);
        }
    }
}
