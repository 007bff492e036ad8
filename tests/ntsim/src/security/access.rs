//! The access check: a user's identifiers against a discretionary access control list.

use super::Sid;
use crate::NtStatus;

/// Who runs a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// The system itself, as services are.
    System,
    /// A member of Administrators, elevated.
    Administrator,
    /// A user with an account, and no more.
    Standard,
    /// Nobody known: an anonymous logon.
    Guest,
}

impl User {
    /// The identifiers of the user and of the groups that it is in.
    fn sids(self) -> Vec<Sid> {
        match self {
            Self::System => vec![
                Sid::local_system(),
                Sid::administrators(),
                Sid::world(),
                Sid::authenticated(),
            ],
            Self::Administrator => vec![
                Sid::account(500),
                Sid::administrators(),
                Sid::users(),
                Sid::world(),
                Sid::authenticated(),
            ],
            Self::Standard => vec![
                Sid::account(1001),
                Sid::users(),
                Sid::world(),
                Sid::authenticated(),
            ],
            Self::Guest => vec![Sid::anonymous(), Sid::world()],
        }
    }
}

const READ_CONTROL: u32 = 0x2_0000;
pub(crate) const WRITE_DAC: u32 = 0x4_0000;
const FILE_GENERIC_READ: u32 = 0x12_0089;
const FILE_GENERIC_WRITE: u32 = 0x12_0116;
const FILE_GENERIC_EXECUTE: u32 = 0x12_00a0;
const FILE_ALL_ACCESS: u32 = 0x1f_01ff;

/// GENERIC_XXX rights (access-mask) as those of files and devices.
pub(crate) fn map_generic(access: u32) -> u32 {
    const GENERIC: [(u32, u32); 4] = [
        (0x8000_0000, FILE_GENERIC_READ),
        (0x4000_0000, FILE_GENERIC_WRITE),
        (0x2000_0000, FILE_GENERIC_EXECUTE),
        (0x1000_0000, FILE_ALL_ACCESS),
    ];
    let mapped = GENERIC
        .iter()
        .filter(|(generic, _)| access & generic != 0)
        .fold(access, |access, (_, rights)| access | rights);
    mapped & 0x0fff_ffff
}

/// An access control entry (ace).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub allows: bool,
    /// It is for what is created inside of the object, and not for itself.
    pub inherit_only: bool,
    pub mask: u32,
    pub sid: Sid,
}

impl Entry {
    fn allowing(sid: Sid, mask: u32) -> Self {
        Self {
            allows: true,
            inherit_only: false,
            mask,
            sid,
        }
    }
}

/// `None` is a NULL list, which allows everything; an empty one allows nothing
/// (nf-wdm-rtlsetdaclsecuritydescriptor).
pub(crate) type Acl = Option<Vec<Entry>>;

/// What protects a device.
#[derive(Clone, Debug)]
pub(crate) struct Security {
    owner: Sid,
    pub dacl: Acl,
}

impl Default for Security {
    /// Of a device that nobody has given a list. The reference only says that IoCreateDevice is not
    /// for named devices without one (nf-wdm-iocreatedevice); the worst is taken: everybody reads
    /// and writes.
    fn default() -> Self {
        let everyone = FILE_GENERIC_READ | FILE_GENERIC_WRITE | FILE_GENERIC_EXECUTE;
        Self {
            owner: Sid::administrators(),
            dacl: Some(vec![
                Entry::allowing(Sid::world(), everyone),
                Entry::allowing(Sid::local_system(), FILE_ALL_ACCESS),
                Entry::allowing(Sid::administrators(), FILE_ALL_ACCESS),
            ]),
        }
    }
}

impl Security {
    /// Whether a user gets all of these rights, none of which is generic: entry by entry, until all
    /// are allowed or one of those missing is denied.
    pub fn check(&self, user: User, rights: u32) -> Result<(), NtStatus> {
        let Some(entries) = &self.dacl else {
            return Ok(());
        };
        let sids = user.sids();
        let mut missing = rights;
        if sids.contains(&self.owner) {
            missing &= !(READ_CONTROL | WRITE_DAC);
        }
        let mine = |entry: &&Entry| !entry.inherit_only && sids.contains(&entry.sid);
        for entry in entries.iter().filter(mine) {
            if entry.allows {
                missing &= !entry.mask;
            } else if missing & entry.mask != 0 {
                break;
            }
        }
        if missing == 0 {
            Ok(())
        } else {
            Err(NtStatus::ACCESS_DENIED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: u32 = FILE_GENERIC_READ;

    fn denying(sid: Sid, mask: u32) -> Entry {
        Entry {
            allows: false,
            ..Entry::allowing(sid, mask)
        }
    }

    fn check(entries: Acl, user: User, rights: u32) -> bool {
        let security = Security {
            owner: Sid::administrators(),
            dacl: entries,
        };
        security.check(user, rights).is_ok()
    }

    #[test]
    fn a_null_list_allows_everything_and_an_empty_one_nothing() {
        assert!(check(None, User::Guest, FILE_ALL_ACCESS));
        assert!(!check(Some(vec![]), User::System, READ));
        assert!(check(Some(vec![]), User::Administrator, WRITE_DAC), "owner");
        assert!(!check(Some(vec![]), User::Standard, WRITE_DAC));
    }

    #[test]
    fn entries_are_taken_in_their_order() {
        let allow = Entry::allowing(Sid::world(), FILE_ALL_ACCESS);
        let deny = denying(Sid::users(), 1);
        let (first, last) = (
            Some(vec![deny.clone(), allow.clone()]),
            Some(vec![allow, deny]),
        );
        assert!(!check(first.clone(), User::Standard, READ));
        assert!(check(first.clone(), User::Standard, 2), "another right");
        assert!(check(first, User::Guest, READ), "not one of the users");
        assert!(check(last, User::Standard, READ));
    }

    #[test]
    fn rights_may_come_from_several_entries() {
        let mut entries = vec![
            Entry::allowing(Sid::world(), 1),
            Entry::allowing(Sid::users(), 2),
        ];
        assert!(check(Some(entries.clone()), User::Standard, 3));
        assert!(!check(Some(entries.clone()), User::Guest, 3));
        entries[0].inherit_only = true;
        assert!(!check(Some(entries), User::Standard, 3));
    }

    #[test]
    fn generic_rights_are_those_of_files() {
        assert_eq!(map_generic(0x8000_0000), FILE_GENERIC_READ);
        assert_eq!(map_generic(0x1000_0002), FILE_ALL_ACCESS);
        assert_eq!(map_generic(3), 3);
    }
}
