//! Names of volumes and files as the Filter Manager has them.

use crate::{
    NtStatus,
    dispatch::{ACQUIRE_FOR_CC_FLUSH, RELEASE_FOR_CC_FLUSH, RELEASE_FOR_SECTION_SYNCHRONIZATION},
    kernel::{Kernel, State},
    nt::{
        file_object as fo, flt_callback_data as cd, flt_file_name_information as ni,
        flt_io_parameter_block as pb, get, guarded, guarded_characters, put,
    },
    thread,
};
use ntsim_machine::guarded::{self, Guarded};

/// A FLT_FILE_NAME_INFORMATION that the driver has not released.
pub(crate) struct NameInformation {
    block: Guarded,
    characters: Guarded,
    references: u32,
}

impl NameInformation {
    /// The strings share one buffer. Only Name and Volume are there: nobody has parsed the name.
    fn new(volume: &str, path: &str, format: u32) -> Self {
        let units: Vec<u16> = volume.encode_utf16().chain(path.encode_utf16()).collect();
        let block = guarded(ni::SIZE, "name", "a file name information");
        let characters = guarded_characters(2 * units.len());
        for (at, unit) in units.iter().enumerate() {
            // SAFETY: our own block, which is long enough.
            unsafe { put(characters.address(), 2 * at, *unit) };
        }
        let at = block.address();
        // SAFETY: our own block of the structure's size, in all of these.
        unsafe { put(at, 0, ni::SIZE as u16) };
        // SAFETY: as above.
        unsafe { put(at, ni::FORMAT, format) };
        for (string, units) in [
            (ni::NAME, units.len()),
            (ni::VOLUME, volume.encode_utf16().count()),
        ] {
            // SAFETY: as above: Length, MaximumLength, Buffer.
            unsafe {
                put(at, string, 2 * units as u16);
                put(at, string + 2, 2 * units as u16);
                put(at, string + 8, characters.address());
            }
        }
        Self {
            block,
            characters,
            references: 1,
        }
    }
}

/// "\Device\HarddiskVolume1" for the first volume.
fn device_name(index: usize) -> String {
    format!(r"\Device\HarddiskVolume{}", index + 1)
}

impl State {
    /// The path of an open file in its volume. The file system keeps names in upper case only; the
    /// name of a file opened is the normalized one, as there are neither short names nor mount
    /// points.
    fn path_of(&mut self, file: usize) -> Result<String, NtStatus> {
        let object = self.file_objects.get(&file);
        let object = object.ok_or(NtStatus::INVALID_PARAMETER)?;
        // SAFETY: a file object of ours.
        let flags: u32 = unsafe { get(file, fo::FLAGS) };
        if flags & fo::FO_VOLUME_OPEN != 0 {
            return Ok(String::new());
        }
        let id = object.file.ok_or(NtStatus::FLT_INVALID_NAME_REQUEST)?;
        let stream = self.fcb(id)?.stream.as_ref();
        let stream = stream.map_or(String::new(), |(_, name)| format!(":{name}"));
        Ok(self.link_of(file)?.name.clone() + &stream)
    }

    fn volume_index(&self, volume: usize) -> Option<usize> {
        let mut volumes = self.volumes.iter();
        volumes.position(|known| known.block.address() == volume)
    }
}

impl Kernel {
    /// nf-fltkernel-fltgetfilenameinformationunsafe. The Filter Manager has no name in its cache:
    /// the file system is always asked, which may wait for ever where the page says so.
    pub fn file_name(&self, file: usize, instance: usize, options: u32) -> Result<usize, NtStatus> {
        let (format, query) = (options & 0xff, options & 0xff00);
        if !matches!(format, ni::NORMALIZED | ni::OPENED) {
            let detail = "only normalized and opened names are simulated";
            self.violation("not simulated", detail);
            return Err(NtStatus::NOT_SUPPORTED);
        }
        let danger = self.danger_of_query(file);
        match query {
            ni::QUERY_CACHE_ONLY => return Err(NtStatus::FLT_NAME_CACHE_MISS),
            ni::QUERY_ALWAYS_ALLOW_CACHE_LOOKUP if danger.is_some() => {
                return Err(NtStatus::FLT_INVALID_NAME_REQUEST);
            }
            ni::QUERY_DEFAULT | ni::QUERY_FILESYSTEM_ONLY | ni::QUERY_ALWAYS_ALLOW_CACHE_LOOKUP => {
            }
            _ => return Err(NtStatus::INVALID_PARAMETER),
        }
        if let Some(danger) = danger {
            let detail = format!("a name was queried {danger}, which may wait for ever");
            self.violation("name", &detail);
            return Err(NtStatus::FLT_INVALID_NAME_REQUEST);
        }
        self.check_instance_of_name(file, instance)?;
        let mut state = self.lock();
        let path = state.path_of(file)?;
        let volume = state.file_objects[&file].volume;
        let name = NameInformation::new(&device_name(volume), &path, format);
        let address = name.block.address();
        state.names.insert(address, name);
        Ok(address)
    }

    /// nf-fltkernel-fltgetfilenameinformation: asks where it is safe, and else refuses.
    pub fn name_of_operation(&self, data: usize, options: u32) -> Result<usize, NtStatus> {
        /// Operations in whose callbacks names cannot be asked for.
        const REFUSED: [u8; 3] = [
            ACQUIRE_FOR_CC_FLUSH,
            RELEASE_FOR_CC_FLUSH,
            RELEASE_FOR_SECTION_SYNCHRONIZATION,
        ];
        // SAFETY: callback data of ours, for the operation under way, in all of these.
        let block: usize = unsafe { get(data, cd::IOPB) };
        // SAFETY: as above.
        let major: u8 = unsafe { get(block, pb::MAJOR_FUNCTION) };
        // SAFETY: as above.
        let file: usize = unsafe { get(block, pb::TARGET_FILE_OBJECT) };
        // SAFETY: as above.
        let instance: usize = unsafe { get(block, pb::TARGET_INSTANCE) };
        if self.danger_of_query(file).is_some() || REFUSED.contains(&major) {
            return Err(NtStatus::FLT_INVALID_NAME_REQUEST);
        }
        self.file_name(file, instance, options)
    }

    /// Why asking the file system for the name of this file object could be a deadlock.
    fn danger_of_query(&self, file: usize) -> Option<&'static str> {
        if thread::irql() >= thread::APC_LEVEL {
            return Some("while APCs are disabled");
        }
        if thread::top_level_irp() != 0 {
            return Some("below a file system");
        }
        let known = self.lock().file_objects.contains_key(&file);
        // SAFETY: a file object of ours.
        let cleaned_up =
            known && unsafe { get::<u32>(file, fo::FLAGS) } & fo::FO_CLEANUP_COMPLETE != 0;
        cleaned_up.then_some("after the cleanup")
    }

    fn check_instance_of_name(&self, file: usize, instance: usize) -> Result<(), NtStatus> {
        if instance == 0 {
            // For a DriverEntry, which has no instance yet.
            if self.lock().volumes.iter().any(|volume| volume.attached) {
                self.violation("name", "a name was queried without an instance");
            }
            return Ok(());
        }
        let index = self.live_instance(instance)?;
        let of_file = self.lock().file_objects.get(&file).map(|file| file.volume);
        if of_file != Some(index) {
            self.violation("name", "the instance is not of the file's volume");
            return Err(NtStatus::INVALID_PARAMETER);
        }
        Ok(())
    }

    /// nf-fltkernel-fltreferencefilenameinformation
    pub fn reference_name(&self, name: usize) {
        if let Some(name) = self.lock().names.get_mut(&name) {
            name.references += 1;
            return;
        }
        self.violation("name", "something was referenced that is no name");
    }

    /// nf-fltkernel-fltreleasefilenameinformation
    pub fn release_name(&self, address: usize) {
        let mut state = self.lock();
        let Some(name) = state.names.get_mut(&address) else {
            drop(state);
            let was = guarded::meaning(address).map(|was| was.what);
            let was = was.unwrap_or_else(|| format!("{address:#x}, which is no name,"));
            self.violation("name", &format!("{was} was released"));
            return;
        };
        name.references -= 1;
        if name.references == 0
            && let Some(name) = state.names.remove(&address)
        {
            let when = "after it was released";
            name.block.take_away(when);
            name.characters.take_away(when);
        }
    }

    /// nf-fltkernel-fltgetvolumefrominstance, referenced.
    pub fn volume_of_instance(&self, instance: usize) -> Result<usize, NtStatus> {
        let index = self.live_instance(instance)?;
        let mut state = self.lock();
        let volume = state.volumes[index].block.address();
        state.add_flt_reference(volume);
        Ok(volume)
    }

    /// What nf-fltkernel-fltgetvolumename returns.
    pub fn volume_name(&self, volume: usize) -> Result<String, NtStatus> {
        let index = self.lock().volume_index(volume);
        index.map(device_name).ok_or(NtStatus::INVALID_PARAMETER)
    }

    /// What nf-fltkernel-fltgetvolumeguidname returns.
    pub fn volume_guid_name(&self, volume: usize) -> Result<String, NtStatus> {
        let index = self.lock().volume_index(volume);
        let index = index.ok_or(NtStatus::FLT_VOLUME_NOT_FOUND)?;
        let number = index + 1;
        Ok(format!(
            r"\??\Volume{{da5f1054-0000-4000-8000-{number:012x}}}"
        ))
    }
}
