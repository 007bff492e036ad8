//! A file of a command's own, deleted when the command is done with it.

use crate::client::{ClientError, Platform};

/// Why there is no such file.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError<E> {
    /// A file of that name is somebody's.
    #[error("the file is there already; it is left as it is")]
    There,
    /// The file system's.
    #[error(transparent)]
    Client(#[from] ClientError<E>),
}

/// A new file, deleted when dropped.
pub struct Scratch<P: Platform> {
    platform: P,
    handle: Option<P::Handle>,
}

impl<P: Platform> Scratch<P> {
    /// Makes a file of `bytes` bytes, all 0.
    ///
    /// # Errors
    /// There is a file of that name; the file system's.
    pub fn create(platform: &P, path: &str, bytes: u64) -> Result<Self, ScratchError<P::Error>> {
        if let Ok(theirs) = platform.open_existing(path) {
            // It was only looked for.
            let _ = platform.close(theirs);
            return Err(ScratchError::There);
        }
        let handle = platform.open_file(path).map_err(ClientError::Platform)?;
        let made = Self {
            platform: platform.clone(),
            handle: Some(handle),
        };
        let sized = platform.set_size(made.handle(), bytes);
        sized.map_err(ClientError::Platform)?;
        Ok(made)
    }

    /// Its handle.
    ///
    /// # Panics
    /// Never: it is there until the file is deleted, which takes the value.
    pub fn handle(&self) -> &P::Handle {
        self.handle.as_ref().expect("open until it is deleted")
    }

    /// Deletes it.
    ///
    /// # Errors
    /// The file system's.
    pub fn delete(mut self) -> Result<(), ClientError<P::Error>> {
        self.release().map_err(ClientError::Platform)
    }

    fn release(&mut self) -> Result<(), P::Error> {
        let Some(handle) = self.handle.take() else {
            return Ok(());
        };
        let marked = self.platform.delete_on_close(&handle);
        self.platform.close(handle).and(marked)
    }
}

impl<P: Platform> Drop for Scratch<P> {
    fn drop(&mut self) {
        // Who wants to know calls delete.
        let _ = self.release();
    }
}
