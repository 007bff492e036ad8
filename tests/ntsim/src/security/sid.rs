//! Security identifiers (ns-ntifs-_sid).

/// A SID in the form that memory has it: Revision, SubAuthorityCount, IdentifierAuthority (6 bytes,
/// the most significant first), SubAuthority (32 bits each).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sid(Vec<u8>);

/// Bytes before the subauthorities.
pub(crate) const FIXED: usize = 8;
const REVISION: u8 = 1;
const MOST_SUBAUTHORITIES: u8 = 15;

impl Sid {
    /// S-1-`authority`-`rest`.
    pub fn new(authority: u8, rest: &[u32]) -> Self {
        let mut bytes = vec![REVISION, rest.len() as u8, 0, 0, 0, 0, 0, authority];
        bytes.extend(rest.iter().flat_map(|part| part.to_le_bytes()));
        Self(bytes)
    }

    /// Everyone.
    pub fn world() -> Self {
        Self::new(1, &[0])
    }

    /// NT AUTHORITY\SYSTEM.
    pub fn local_system() -> Self {
        Self::new(5, &[18])
    }

    /// NT AUTHORITY\Authenticated Users.
    pub fn authenticated() -> Self {
        Self::new(5, &[11])
    }

    /// NT AUTHORITY\ANONYMOUS LOGON.
    pub fn anonymous() -> Self {
        Self::new(5, &[7])
    }

    /// A group of BUILTIN.
    pub fn alias(group: u32) -> Self {
        Self::new(5, &[32, group])
    }

    /// BUILTIN\Administrators.
    pub fn administrators() -> Self {
        Self::alias(544)
    }

    /// BUILTIN\Users.
    pub fn users() -> Self {
        Self::alias(545)
    }

    /// An account of this machine.
    pub fn account(number: u32) -> Self {
        Self::new(5, &[21, 0x1111_1111, 0x2222_2222, 0x3333_3333, number])
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The SID at the beginning of `bytes`, if a valid one fits in.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let length = Self::length(*bytes.first()?, *bytes.get(1)?)?;
        bytes.get(..length).map(|bytes| Self(bytes.to_vec()))
    }

    /// The length of a SID with this revision and number of subauthorities.
    pub fn length(revision: u8, count: u8) -> Option<usize> {
        let valid = revision == REVISION && count <= MOST_SUBAUTHORITIES;
        valid.then(|| FIXED + 4 * usize::from(count))
    }
}
