//! Each mistake breaks the rule against it, and no other.

use inf_check::{check, parse::Inf, target::Architecture};

mod common;

/// Edits of the real INX, each of which must apply, and the rule that they break.
struct Mistake {
    rule: &'static str,
    /// What it cannot help but break too.
    others: &'static [&'static str],
    edits: &'static [Edit],
}

enum Edit {
    /// Everywhere, and at least once.
    Replace(&'static str, &'static str),
    /// The first only.
    ReplaceFirst(&'static str, &'static str),
    /// The last only.
    ReplaceLast(&'static str, &'static str),
    /// At the end.
    Append(&'static str),
    /// Written so often.
    Repeat(&'static str, usize),
    /// Everywhere in what stamping has made.
    Stamped(&'static str, &'static str),
}

use Edit::{Append, Repeat, Replace, ReplaceFirst, ReplaceLast, Stamped};

const fn mistake(rule: &'static str, edits: &'static [Edit]) -> Mistake {
    mistake_with(rule, &[], edits)
}

const fn mistake_with(
    rule: &'static str,
    others: &'static [&'static str],
    edits: &'static [Edit],
) -> Mistake {
    Mistake {
        rule,
        others,
        edits,
    }
}

#[rustfmt::skip]
const MISTAKES: &[Mistake] = &[
    // The file.
    mistake("1002 syntax", &[ReplaceFirst("\"$WINDOWS NT$\"", "\"$WINDOWS NT$")]),
    mistake("1003 encoding", &[Replace("The daxflush authors", "The daxflush authors \u{2014}")]),
    mistake("length", &[Repeat("daxflush installation", 400)]),
    // Sections and strings.
    mistake("1203 missing-section", &[Append("\n[DefaultInstall.NT$ARCH$.10.0...26100]\nCopyFiles = DaxFlush.Files.Store\nAddReg = Nowhere\n[DefaultInstall.NT$ARCH$.10.0...26100.Services]\nAddService = %ServiceName%,0x10,DaxFlush.Service.Store,DaxFlush.EventLog.Store\n")]),
    mistake("2083 unused-section", &[Append("\n[DaxFlush.Unused]\nx = 1\n")]),
    mistake("2083 unused-section", &[Append("\n[DefaultInstall.NT$ARCH$.10.0...26100.Services]\nAddService = %ServiceName%,0x10,DaxFlush.Service.Store\n")]),
    mistake("1005 no-section-named", &[Replace("OptionDesc = %ServiceDescription%", "OptionDesc = %ServiceDescription%\nAddReg =")]),
    mistake("1209 section-defined-twice", &[Append("\n[sourcedisksnames]\n")]),
    mistake("1205 section-for-two-directives", &[
        ReplaceFirst("DelFiles        = DaxFlush.Files.System.Delete", "DelFiles = DaxFlush.Files.System"),
        ReplaceFirst("[DaxFlush.Files.System.Delete]\ndaxflush.sys\n", ""),
        ReplaceFirst("DaxFlush.Files.System.Delete = 12\n", ""),
    ]),
    mistake("1235 undefined-string", &[Replace("Description    = %ServiceDescription%", "Description = %Missing%")]),
    mistake("1235 undefined-string", &[Replace("%%SystemRoot%%", "%SystemRoot%"), ReplaceFirst("[Strings]", "[Strings]\nx = \"%SystemRoot%\""), Replace("\nx = \"%SystemRoot%\"", "")]),
    mistake("unused-string", &[Append("\nUnused = \"x\"\n")]),
    mistake("1294 string-defined-twice", &[Append("\nDISKNAME = \"x\"\n")]),
    mistake("1295 strings-differ-by-language", &[Append("\n[Strings.0407]\nDiskName = \"x\"\n")]),
    // [Version].
    mistake("1218 driver-date", &[Stamped("07/01/2025", "2025/07/01")]),
    mistake("1217 driver-version", &[Stamped(",0.1.0.0", ",0.1.0")]),
    mistake("1088 version-directive-twice", &[Replace("PnpLockdown = 1", "PnpLockdown = 1\nPnpLockdown = 1")]),
    mistake_with("1286 class-name-length", &["1281 class-and-guid-differ", "class-of-group"], &[Repeat("ActivityMonitor", 3)]),
    mistake("1001 signature", &[Replace("$WINDOWS NT$", "$Windows 95$")]),
    mistake("1234 version-incomplete", &[ReplaceFirst("Class       = \"ActivityMonitor\"", "Class =")]),
    mistake("1204 provider", &[Replace("The daxflush authors", "Microsoft Corporation")]),
    mistake("1292 provider-indirect", &[Replace("%ProviderString%", "\"The authors\""), ReplaceFirst("ProviderString     = \"The daxflush authors\"\n", "")]),
    mistake("1233 no-catalog", &[Replace("CatalogFile = daxflush.cat\n", "")]),
    mistake("1214 catalog-name", &[Replace("daxflush.cat", "daxflush.txt")]),
    mistake("1324 pnp-lockdown", &[Replace("PnpLockdown = 1", "PnpLockdown = 0")]),
    mistake("1010 class-guid", &[Replace("{b86dff51-a31e-4bac-b3cf-e8cfe75c9fc2}", "b86dff51-a31e-4bac-b3cf-e8cfe75c9fc2")]),
    mistake("1281 class-and-guid-differ", &[Replace("{b86dff51", "{b86dff52")]),
    mistake("1290 version-directive", &[Replace("PnpLockdown = 1", "PnpLockdown = 1\nDriverPackageType = ClassFilter")]),
    // What is installed where.
    mistake("1212 manufacturer", &[Append("\n[Manufacturer]\n")]),
    mistake("1421 no-architecture", &[Append("\n[DefaultInstall]\nCopyFiles = DaxFlush.Files.System\n")]),
    mistake("1274 not-stamped", &[Stamped("DefaultUninstall.NTamd64", "DefaultUninstall.NT$ARCH$")]),
    mistake("1287 decoration", &[Append("\n[DefaultInstall.NTvax]\nCopyFiles = DaxFlush.Files.System\n")]),
    mistake("1288 build-number", &[Append("\n[DefaultInstall.NTx86.10.0...10240]\nCopyFiles = DaxFlush.Files.System\n")]),
    mistake("1422 legacy-uninstall", &[Replace("LegacyUninstall = 1\n", "")]),
    mistake("uninstall-stops-service", &[Replace("DelService = %ServiceName%,0x204", "DelService = %ServiceName%,0x004")]),
    mistake("1308 prohibited-directive", &[ReplaceFirst("CopyFiles  = DaxFlush.Files.Store", "CopyFiles = DaxFlush.Files.Store\nReboot")]),
    mistake("1308 prohibited-directive", &[ReplaceFirst("CopyFiles  = DaxFlush.Files.System", "CopyFiles = DaxFlush.Files.System\nRegisterDlls = DaxFlush.Dlls"), Append("\n[DaxFlush.Dlls]\n11,,daxflush.dll,1\n")]),
    mistake("1300 prohibited-section", &[Append("\n[ClassInstall32]\n")]),
    mistake("1303 co-installer", &[Replace("HKR,,\"TypesSupported\",0x00010001,7", "HKR,,\"TypesSupported\",0x00010001,7\nHKR,,\"CoInstallers32\",0x00010000,\"x.dll\"")]),
    mistake("1290 unknown-directive", &[ReplaceFirst("OptionDesc = %ServiceDescription%", "OptionDesc = %ServiceDescription%\nLogo = x")]),
    mistake("required-sections", &[Append("\n[DefaultInstall.NT$ARCH$.10.0...26100]\nCopyFiles = DaxFlush.Files.Store\n")]),
    mistake("1423 not-for-this-architecture", &[Replace("NT$ARCH$", "NTarm64")]),
    mistake("product-type", &[Append("\n[DefaultInstall.NTx86.10.0.1]\nCopyFiles = DaxFlush.Files.System\n")]),
    // Each generation by the rules of its systems.
    mistake_with("1323 not-under-parameters", &["1322 not-in-driver-store"], &[Replace("10.0...25952", "10.0...26100")]),
    mistake("filter-values-place", &[Replace("10.0...25952", "10.0...22000")]),
    // Files.
    mistake("1231 compressed-name", &[Replace("daxflush.sys = 1", "daxflush.sys = 1\ndaxflush.tx_ = 1"), ReplaceFirst("[DaxFlush.Files.System]", "[DaxFlush.Files.System]\ndaxflush.tx_")]),
    mistake("1330 two-sources", &[Replace("daxflush.sys = 1", "daxflush.sys = 1\nother.sys = 1"), ReplaceFirst("[DaxFlush.Files.System]", "[DaxFlush.Files.System]\ndaxflush.sys,other.sys")]),
    mistake("1083 copy-flags", &[ReplaceFirst("[DaxFlush.Files.System]\ndaxflush.sys", "[DaxFlush.Files.System]\ndaxflush.sys,,,0x10000")]),
    mistake("1230 file-not-listed", &[Replace("[SourceDisksFiles]\ndaxflush.sys = 1\n", "[SourceDisksFiles]\n")]),
    mistake("file-name-token", &[Replace("daxflush.sys = 1", "%ServiceName%.sys = 1")]),
    mistake("1008 disk-number", &[Replace("daxflush.sys = 1", "daxflush.sys = one")]),
    mistake("1273 disk-not-listed", &[Replace("daxflush.sys = 1", "daxflush.sys = 2")]),
    mistake("file-not-copied", &[Replace("daxflush.sys = 1", "daxflush.sys = 1\ndaxflush.exe = 1")]),
    mistake("1213 catalog-listed", &[Replace("daxflush.sys = 1", "daxflush.sys = 1\ndaxflush.cat = 1"), ReplaceFirst("[DaxFlush.Files.System]\ndaxflush.sys", "[DaxFlush.Files.System]\ndaxflush.sys\ndaxflush.cat")]),
    mistake("1275 no-destination", &[Replace("DaxFlush.Files.System.Delete = 12\n", "")]),
    mistake_with("1243 directory-number", &["2084 service-binary-not-copied"], &[Replace("Store         = 13", "Store = drivers")]),
    mistake("1322 not-in-driver-store", &[Replace("Store         = 13", "Store = 12"), Replace("%13%", "%12%"), ReplaceFirst("\"%12%\\daxflush.sys\"", "\"%%SystemRoot%%\\System32\\drivers\\daxflush.sys\"")]),
    mistake("1340 directory-not-allowed", &[
        Replace("daxflush.sys = 1", "daxflush.sys = 1\ndaxflush.txt = 1"),
        ReplaceFirst("CopyFiles  = DaxFlush.Files.System", "CopyFiles = DaxFlush.Files.System,DaxFlush.Files.Help"),
        Replace("[DestinationDirs]", "[DestinationDirs]\nDaxFlush.Files.Help = 18"),
        Append("\n[DaxFlush.Files.Help]\ndaxflush.txt\n"),
    ]),
    mistake("1100 moved-in-driver-store", &[Replace("daxflush.sys = 1", "daxflush.sys = 1,x64")]),
    mistake("1103 flags-in-driver-store", &[ReplaceFirst("[DaxFlush.Files.Store]\ndaxflush.sys", "[DaxFlush.Files.Store]\ndaxflush.sys,,,0x10")]),
    mistake("1101 security-in-driver-store", &[Append("\n[DaxFlush.Files.Store.security]\n\"D:P(A;;GA;;;SY)\"\n")]),
    mistake("destination-of-nothing", &[Replace("[DestinationDirs]", "[DestinationDirs]\nDaxFlush.Files.Nowhere = 13")]),
    // The service.
    mistake("2006 undefined-service", &[Append("\n[DefaultInstall.NT$ARCH$.10.0...26100]\nCopyFiles = DaxFlush.Files.Store\n[DefaultInstall.NT$ARCH$.10.0...26100.Services]\nAddService = other,0x10,Nowhere\n")]),
    mistake("1013 service-incomplete", &[Replace("ErrorControl   = 1\n", ""), Replace("ErrorControl   = 1 ", ";")]),
    mistake("service-type", &[Replace("ServiceType    = 2", "ServiceType    = 1")]),
    mistake("start-type", &[Replace("StartType      = 3", "StartType      = 0")]),
    mistake("error-control", &[Replace("ErrorControl   = 1", "ErrorControl   = 3")]),
    mistake("filter-manager", &[Replace("Dependencies   = \"FltMgr\"\n", "")]),
    mistake("1083 service-flags", &[Replace("%ServiceName%,0x10,", "%ServiceName%,0x12,")]),
    mistake("1017 service-name", &[Replace("ServiceName        = \"daxflush\"", "ServiceName = \"minispy\"")]),
    mistake("2085 service-binary-path", &[Replace("ServiceBinary  = %12%\\daxflush.sys", "ServiceBinary = \"%%SystemRoot%%\\System32\\drivers\\daxflush.sys\"")]),
    mistake("2084 service-binary-not-copied", &[Replace("%13%\\daxflush.sys", "%13%\\daxflsuh.sys")]),
    mistake("service-security", &[Replace("(A;;GR;;;AU)", "(A;;GA;;;AU)")]),
    mistake("1290 service-directive", &[Replace("DisplayName    = %ServiceName%", "DisplayName = %ServiceName%\nDelayedStart = 0x1")]),
    mistake("1199 newer-syntax", &[Replace("DisplayName    = %ServiceName%", "DisplayName = %ServiceName%\nBootFlags = 0x1")]),
    mistake("1088 service-directive-twice", &[Replace("DisplayName    = %ServiceName%", "DisplayName = %ServiceName%\nDisplayName = %ServiceName%")]),
    mistake("service-texts", &[Repeat("exact commits on persistent memory", 40)]),
    // The filter.
    mistake("load-order-group", &[Replace("\"FSFilter Bottom\"", "\"FSFilter Basement\"")]),
    mistake("class-of-group", &[Replace("\"FSFilter Bottom\"", "\"FSFilter Anti-Virus\""), Replace("\"40077.7\"", "\"325000\"")]),
    mistake("altitude", &[Replace("\"40077.7\"", "\"367777.7\"")]),
    mistake("altitude", &[Replace("\"40077.7\"", "\"0xB2D1\"")]),
    mistake("default-instance", &[Replace("\"DefaultInstance\",0x00000000,%InstanceName%", "\"DefaultInstance\",0x00000000,\"another\"")]),
    mistake("instance-incomplete", &[Replace("\"Flags\",0x00010001,0x0", "\"Flagz\",0x00010001,0x0")]),
    mistake("filter-values-place", &[Replace("HKR,\"Instances", "HKR,\"Parameters\\Instances")]),
    mistake("filter-values-place", &[Replace("HKR,,\"SupportedFeatures\"", "HKR,\"Parameters\",\"SupportedFeatures\"")]),
    mistake("supported-features", &[Replace("\"SupportedFeatures\",0x00010001,0xB", "\"SupportedFeatures\",0x00010001,0x1B")]),
    mistake("generations-differ", &[ReplaceLast("\"TrackingKiB\",0x00010003,1024", "\"TrackingKiB\",0x00010003,2048")]),
    // The registry.
    mistake("1224 registry-root", &[Replace("HKR,\"Parameters\",\"MaxViews\"", "HKX,\"Parameters\",\"MaxViews\"")]),
    mistake("1321 not-relative", &[Replace("HKR,\"Parameters\",\"MaxViews\"", "HKLM,\"SYSTEM\\CurrentControlSet\\Services\\daxflush\\Parameters\",\"MaxViews\"")]),
    mistake("1323 not-under-parameters", &[Replace("HKR,\"Parameters\",\"MaxViews\"", "HKR,\"Settings\",\"MaxViews\"")]),
    mistake("relative-to-nothing", &[Replace("CopyFiles  = DaxFlush.Files.Store", "CopyFiles = DaxFlush.Files.Store\nAddReg = DaxFlush.EventLog.Registry.Store")]),
    mistake("1294 value-added-twice", &[Replace("HKR,\"Parameters\",\"MaxViews\",0x00010003,1024", "HKR,\"Parameters\",\"MaxViews\",0x00010003,1024\nHKR,\"Parameters\",\"MaxViews\",0x00010003,1024")]),
    mistake("1258 directory-in-registry", &[Replace("\"%%SystemRoot%%\\System32\\drivers\\daxflush.sys\"", "\"%12%\\daxflush.sys\"")]),
    mistake("1083 registry-flags", &[Replace("\"MaxViews\",0x00010003", "\"MaxViews\",REG_DWORD")]),
    mistake("1268 not-a-number", &[Replace("\"MaxViews\",0x00010003,1024", "\"MaxViews\",0x00010003,many")]),
    mistake("1267 not-bytes", &[Replace("\"MaxViews\",0x00010003,1024", "\"MaxViews\",0x00000003,1024")]),
    mistake("1006 no-data", &[Replace("\"MaxViews\",0x00010003,1024", "\"MaxViews\",0x00010003")]),
    mistake("1201 too-much-data", &[Replace("\"FlushMethod\",0x00000002,\"auto\"", "\"FlushMethod\",0x00000002,auto,clwb")]),
    mistake("1305 appended", &[Replace("\"FlushMethod\",0x00000002", "\"FlushMethod\",0x00010008")]),
    mistake("1309 deleted", &[Replace("\"FlushMethod\",0x00000002", "\"FlushMethod\",0x00000004")]),
    mistake("1431 well-known-type", &[Replace("\"Altitude\",0x00000000", "\"Altitude\",0x00020000")]),
    // The event log.
    mistake("1290 event-log-directive", &[Replace("[DaxFlush.EventLog.Store]", "[DaxFlush.EventLog.Store]\nTitle = x")]),
    mistake("event-message-file", &[Replace("\"%13%\\daxflush.sys\"", "\"%13%\\messages.dll\"")]),
    mistake("event-types", &[Replace("\"TypesSupported\",0x00010001,7", "\"TypesSupported\",0x00010001,1")]),
    mistake("1250 event-log-type", &[Replace("DaxFlush.EventLog.Store ;", "DaxFlush.EventLog.Store,Systems ;")]),
];

impl Edit {
    /// The edited text, or nothing if there is nothing to edit.
    fn apply(&self, text: &str) -> Option<String> {
        match self {
            Append(new) => Some(format!("{text}{new}")),
            Replace(old, new) | Stamped(old, new) => {
                text.contains(old).then(|| text.replace(old, new))
            }
            ReplaceFirst(old, new) => text.contains(old).then(|| text.replacen(old, new, 1)),
            ReplaceLast(old, new) => {
                let (before, after) = text.rsplit_once(old)?;
                Some(format!("{before}{new}{after}"))
            }
            Repeat(old, times) => text
                .contains(old)
                .then(|| text.replace(old, &old.repeat(*times))),
        }
    }
}

/// Makes those edits that are meant for before stamping, or for after it.
///
/// # Errors
/// An edit that does not apply.
fn edited(mut text: String, edits: &[Edit], after_stamping: bool) -> Result<String, String> {
    for (place, edit) in edits.iter().enumerate() {
        if matches!(edit, Stamped(..)) == after_stamping {
            text = edit
                .apply(&text)
                .ok_or(format!("edit {place} does not apply"))?;
        }
    }
    Ok(text)
}

/// The rules that the INX breaks with these edits.
///
/// # Errors
/// An edit that does not apply.
fn broken(edits: &[Edit]) -> Result<Vec<String>, String> {
    let architecture = Architecture::Amd64;
    let inx = edited(common::INX.to_owned(), edits, false)?;
    let stamped = common::stamped(&inx, architecture);
    let stamped = String::from_utf8(stamped).map_err(|error| error.to_string())?;
    let inf = Inf::parse(edited(stamped, edits, true)?.as_bytes());
    let findings = check(&inf, architecture);
    let mut rules: Vec<String> = findings
        .iter()
        .map(|finding| finding.rule.label())
        .collect();
    rules.sort();
    rules.dedup();
    Ok(rules)
}

#[test]
fn each_mistake_breaks_its_rule_only() {
    let mut failures = Vec::new();
    for (place, mistake) in MISTAKES.iter().enumerate() {
        let mut expected = vec![mistake.rule.to_owned()];
        expected.extend(mistake.others.iter().map(|rule| (*rule).to_owned()));
        expected.sort();
        let rules = broken(mistake.edits);
        if rules != Ok(expected) {
            failures.push(format!("{place} {}: {rules:?}", mistake.rule));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn an_edit_that_does_not_apply_fails() {
    const NONE: &str = "no such text";
    assert_eq!(broken(&[]), Ok(Vec::new()));
    for edit in [
        Replace(NONE, ""),
        ReplaceFirst(NONE, ""),
        ReplaceLast(NONE, ""),
        Repeat(NONE, 2),
        Stamped(NONE, ""),
        // There before stamping only.
        Stamped("$ARCH$", ""),
    ] {
        assert!(broken(&[edit]).is_err());
    }
}

#[test]
fn every_rule_has_its_mistake() {
    let missing: Vec<String> = inf_check::rules::all()
        .map(|rule| rule.label())
        .filter(|rule| MISTAKES.iter().all(|mistake| mistake.rule != rule))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
