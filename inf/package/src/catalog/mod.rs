//! Catalogs: the signed lists of a driver package's files.
//!
//! A catalog is PKCS #7 signed data whose content is a certificate trust list (CTL). Microsoft does
//! not describe the list's entries; their form is
//!
//! * in the sources of osslsigncode, which reads and signs catalogs
//!   (<https://github.com/mtrojnar/osslsigncode/blob/master/cat.c>), and in the catalog among its
//!   tests' files, which MakeCat made;
//! * in catalogs in public packages, such as those of
//!   <https://github.com/mullvad/mullvadvpn-app-binaries>, which Microsoft made.
//!
//! The CTL itself is in
//! [CTL_INFO](https://learn.microsoft.com/windows/win32/api/wincrypt/ns-wincrypt-ctl_info), what a
//! catalog is for in
//! [Catalog files](https://learn.microsoft.com/windows-hardware/drivers/install/catalog-files).
//!
//! This writes version 2, which Windows takes from 8 on and in which entries are tagged with hashes;
//! in version 1 there was SHA-1 only.

pub mod member;
pub mod os;
pub mod read;
pub mod write;

/// The arcs of the identifiers that catalogs have.
pub mod oids {
    /// PKCS #7 signed data.
    pub const SIGNED_DATA: &[u32] = &[1, 2, 840, 113_549, 1, 7, 2];
    /// szOID_CTL: a certificate trust list.
    pub const CTL: &[u32] = &[1, 3, 6, 1, 4, 1, 311, 10, 1];
    /// szOID_CATALOG_LIST: the list is a catalog.
    pub const CATALOG_LIST: &[u32] = &[1, 3, 6, 1, 4, 1, 311, 12, 1, 1];
    /// szOID_CATALOG_LIST_MEMBER2: its members are of version 2.
    pub const CATALOG_LIST_MEMBER2: &[u32] = &[1, 3, 6, 1, 4, 1, 311, 12, 1, 3];
    /// CAT_NAMEVALUE_OBJID: a name and a value.
    pub const NAME_VALUE: &[u32] = &[1, 3, 6, 1, 4, 1, 311, 12, 2, 1];
    /// CAT_MEMBERINFO2_OBJID: what kind of file a member is.
    pub const MEMBER_INFO2: &[u32] = &[1, 3, 6, 1, 4, 1, 311, 12, 2, 3];
    /// SPC_INDIRECT_DATA_OBJID: a file's hash.
    pub const INDIRECT_DATA: &[u32] = &[1, 3, 6, 1, 4, 1, 311, 2, 1, 4];
    /// SPC_PE_IMAGE_DATA_OBJID: the hash is an image's.
    pub const PE_IMAGE_DATA: &[u32] = &[1, 3, 6, 1, 4, 1, 311, 2, 1, 15];
    /// SPC_CAB_DATA_OBJID, as MakeCat has it in any file that is not an image: the hash is of all
    /// bytes.
    pub const CAB_DATA: &[u32] = &[1, 3, 6, 1, 4, 1, 311, 2, 1, 25];
    /// SHA-256.
    pub const SHA256: &[u32] = &[2, 16, 840, 1, 101, 3, 4, 2, 1];
}
