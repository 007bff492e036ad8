//! What an INF installs: the DefaultInstall sections of one architecture and what they lead to.

use crate::{
    number::number,
    parse::{Entry, Inf, Section},
    target::{Architecture, ISOLATED_BUILD, decorated},
};

/// An INF as it is installed on one architecture.
#[derive(Debug)]
pub struct Package<'a> {
    /// The INF.
    pub inf: &'a Inf,
    /// The architecture.
    pub architecture: Architecture,
    /// Its DefaultInstall sections, the one for the newest systems last.
    pub installs: Vec<Install<'a>>,
}

/// A DefaultInstall section.
#[derive(Debug)]
pub struct Install<'a> {
    /// The section.
    pub section: &'a Section,
    /// The first build that takes it; nothing for all older ones too.
    pub from: Option<u32>,
    /// The first build that takes another one instead.
    pub until: Option<u32>,
    /// What its `Services` section adds.
    pub services: Vec<Service<'a>>,
}

/// A service that is added.
#[derive(Debug)]
pub struct Service<'a> {
    /// The AddService directive.
    pub directive: &'a Entry,
    /// The service-install section.
    pub section: Option<&'a Section>,
    /// The event-log-install section.
    pub event_log: Option<&'a Section>,
}

/// A line of an add-registry section.
#[derive(Debug)]
pub struct RegistryLine<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// `HKR`, say.
    pub root: &'a str,
    /// The subkey; empty for the root itself.
    pub key: &'a str,
    /// The value's name; empty for the unnamed one.
    pub name: &'a str,
    /// The flags as they are written.
    pub flags: &'a str,
}

/// A file that is copied or deleted.
#[derive(Debug)]
pub struct FileLine<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// The file-list section; nothing for `@filename`.
    pub list: Option<&'a Section>,
    /// Its name where it goes.
    pub destination: &'a str,
    /// Its name where it comes from.
    pub source: &'a str,
}

impl<'a> Package<'a> {
    /// What the INF installs on an architecture.
    pub fn new(inf: &'a Inf, architecture: Architecture) -> Self {
        let mut installs: Vec<Install<'a>> = inf
            .sections_with_prefix("DefaultInstall")
            .filter_map(|section| {
                let parts = decorated("DefaultInstall", &section.name)?.ok()?;
                let is_meant = parts.target.architecture == Some(architecture);
                (is_meant && parts.extension.is_none())
                    .then(|| Install::new(inf, section, parts.target.build))
            })
            .collect();
        installs.sort_by_key(|install| install.from);
        let next: Vec<Option<u32>> = installs.iter().skip(1).map(|next| next.from).collect();
        for (install, next) in installs.iter_mut().zip(next) {
            install.until = next;
        }
        Self {
            inf,
            architecture,
            installs,
        }
    }

    /// The services of all generations, each with its install section.
    pub fn services(&self) -> impl Iterator<Item = (&Install<'a>, &Service<'a>)> {
        self.installs.iter().flat_map(|install| {
            install
                .services
                .iter()
                .map(move |service| (install, service))
        })
    }

    /// The `SourceDisksFiles` or `SourceDisksNames` sections that count here, the architecture's first.
    pub fn source_disks(&self, name: &str) -> Vec<&'a Section> {
        let decorated = format!("{name}.{}", self.architecture.name());
        [decorated.as_str(), name]
            .iter()
            .filter_map(|name| self.inf.section(name))
            .collect()
    }
}

impl<'a> Install<'a> {
    fn new(inf: &'a Inf, section: &'a Section, from: Option<u32>) -> Self {
        let services = inf.section(&format!("{}.Services", section.name));
        let services = services
            .into_iter()
            .flat_map(|section| section.entries_of("AddService"));
        Self {
            section,
            from,
            until: None,
            services: services
                .map(|directive| Service::new(inf, directive))
                .collect(),
        }
    }

    /// Whether the rules of driver package isolation hold for it: those of the newest system that takes it
    /// count (infverif_h).
    pub fn is_isolated(&self) -> bool {
        self.until.is_none_or(|until| until > ISOLATED_BUILD)
    }

    /// Whether systems before this build take it.
    pub fn serves_before(&self, build: u32) -> bool {
        self.from.is_none_or(|from| from < build)
    }

    /// The files that it copies.
    pub fn copied(&self, inf: &'a Inf) -> Vec<FileLine<'a>> {
        listed(inf, self.section, "CopyFiles")
    }
}

impl<'a> Service<'a> {
    fn new(inf: &'a Inf, directive: &'a Entry) -> Self {
        Self {
            directive,
            section: inf.section(directive.value(2)),
            event_log: inf.section(directive.value(3)),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'a str {
        self.directive.value(0)
    }

    /// A directive of the service-install section.
    pub fn get(&self, key: &str) -> Option<&'a Entry> {
        self.section?.entry(key)
    }

    /// What is added under the service's key.
    pub fn registry(&self, inf: &'a Inf) -> Vec<RegistryLine<'a>> {
        self.section
            .map_or(Vec::new(), |section| added(inf, section))
    }

    /// What is added under its event log's key.
    pub fn event_registry(&self, inf: &'a Inf) -> Vec<RegistryLine<'a>> {
        self.event_log
            .map_or(Vec::new(), |section| added(inf, section))
    }
}

impl<'a> RegistryLine<'a> {
    /// A line of an add-registry section (inf-addreg-directive).
    pub fn new(entry: &'a Entry) -> Self {
        Self {
            entry,
            root: entry.value(0),
            key: entry.value(1),
            name: entry.value(2),
            flags: entry.value(3),
        }
    }

    /// The flags; those of a text if there are none.
    pub fn bits(&self) -> Option<u32> {
        if self.flags.is_empty() {
            Some(0)
        } else {
            number(self.flags)
        }
    }

    /// A part of the data.
    pub fn data(&self, place: usize) -> &'a str {
        self.entry.value(place.saturating_add(4))
    }

    /// The subkey and the name, to tell others about it.
    pub fn path(&self) -> String {
        if self.key.is_empty() {
            self.name.to_owned()
        } else {
            format!("{}\\{}", self.key, self.name)
        }
    }
}

/// What the AddReg directives of a section lead to.
pub fn added<'a>(inf: &'a Inf, section: &'a Section) -> Vec<RegistryLine<'a>> {
    let directives = section.entries_of("AddReg");
    directives
        .flat_map(|directive| &directive.values)
        .filter_map(|name| inf.section(&name.text))
        .flat_map(|section| &section.entries)
        .map(RegistryLine::new)
        .collect()
}

/// What the file directives of a section lead to.
pub fn listed<'a>(inf: &'a Inf, section: &'a Section, directive: &str) -> Vec<FileLine<'a>> {
    let mut files = Vec::new();
    for entry in section.entries_of(directive) {
        for value in &entry.values {
            if let Some(file) = value.text.strip_prefix('@') {
                files.push(FileLine {
                    entry,
                    list: None,
                    destination: file,
                    source: file,
                });
                continue;
            }
            let list = inf.section(&value.text);
            files.extend(
                list.into_iter()
                    .flat_map(|list| &list.entries)
                    .map(|entry| {
                        let destination = entry.value(0);
                        let source = entry.value(1);
                        FileLine {
                            entry,
                            list,
                            destination,
                            source: if source.is_empty() {
                                destination
                            } else {
                                source
                            },
                        }
                    }),
            );
        }
    }
    files
}
