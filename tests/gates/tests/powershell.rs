//! The scripts for Windows, which nothing here can run: they parse, call daxctl as its command line is,
//! call each other's functions as they are, and name files that the package has.

use clap::CommandFactory;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};
use tree_sitter::{Language, Node, Parser, Tree};

/// What a package has beside the scripts.
const PACKAGE: [&str; 5] = [
    "daxflush.sys",
    "daxflush.inf",
    "daxflush.cat",
    "daxflush-test.cer",
    "daxctl.exe",
];

/// Those that take daxctl's arguments as an array.
const DAXCTL: [&str; 3] = ["Invoke-Daxctl", "Read-Daxctl", "Start-Daxctl"];

/// What the scripts use of Windows PowerShell and its modules.
const CMDLETS: &str = "Clear-Disk Compress-Archive Confirm-SecureBootUEFI ConvertFrom-Json ConvertTo-Json Copy-Item
    Export-ModuleMember ForEach-Object Format-Table Format-Volume Get-AuthenticodeSignature Get-ChildItem
    Get-Command Get-Content Get-Date Get-Disk Get-FileHash Get-Item Get-ItemProperty Get-Partition
    Get-PmemUnusedRegion Get-WinEvent Import-Certificate Import-Module Initialize-Disk Join-Path New-Item
    New-ItemProperty New-Object New-Partition New-PmemDisk Out-File Out-Null Remove-Item Resolve-Path
    Select-Object Select-String Set-Content Set-Disk Set-ItemProperty Set-StrictMode Sort-Object Split-Path
    Start-Process Start-Sleep Test-Path Update-HostStorageCache Where-Object Write-Progress Write-Verbose
    Write-Warning";

/// What every function with CmdletBinding takes.
const COMMON: [&str; 5] = ["confirm", "whatif", "verbose", "erroraction", "debug"];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scripts/windows")
}

/// All files beneath a folder whose names end so.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if endings
            .iter()
            .any(|ending| path.to_string_lossy().ends_with(ending))
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned()
}

struct Script {
    text: String,
    tree: Tree,
}

impl Script {
    fn new(text: String) -> Self {
        let mut parser = Parser::new();
        parser
            .set_language(&Language::from(tree_sitter_pwsh::LANGUAGE))
            .expect("the grammar");
        let tree = parser.parse(&text, None).expect("a tree");
        Self { text, tree }
    }

    fn of(&self, node: Node<'_>) -> &str {
        &self.text[node.byte_range()]
    }

    fn nodes(&self) -> Vec<Node<'_>> {
        let mut all = vec![self.tree.root_node()];
        let mut at = 0;
        while at < all.len() {
            let node = all[at];
            all.extend((0..node.child_count()).filter_map(|child| node.child(child as u32)));
            at += 1;
        }
        all
    }

    fn kind(&self, kind: &str) -> Vec<Node<'_>> {
        self.nodes()
            .into_iter()
            .filter(|node| node.kind() == kind)
            .collect()
    }

    /// The functions and what they take.
    fn functions(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut found = BTreeMap::new();
        for function in self.kind("function_statement") {
            let within = |node: &Node<'_>| function.byte_range().contains(&node.start_byte());
            let named = self.kind("function_name");
            let name = named.iter().find(|node| within(node)).expect("a name");
            // The grammar takes a parameter behind a default value for a part of that value, so they are
            // known by what is before them: a type, or the beginning of the list.
            let lists = self.kind("parameter_list");
            let lists: Vec<_> = lists
                .into_iter()
                .filter(within)
                .map(|list| list.byte_range())
                .collect();
            let parameters = self.kind("variable").into_iter().filter(|variable| {
                let before = self.text[..variable.start_byte()].trim_end();
                let declared = lists
                    .iter()
                    .any(|list| list.contains(&variable.start_byte()));
                declared && before.ends_with([']', '(', ','])
            });
            let parameters =
                parameters.map(|node| self.of(node).trim_start_matches('$').to_lowercase());
            found.insert(self.of(*name).to_owned(), parameters.collect());
        }
        found
    }

    /// Each command: its name, and its elements.
    fn commands(&self) -> Vec<(Node<'_>, &str, Vec<Node<'_>>)> {
        let mut found = Vec::new();
        for command in self.kind("command") {
            let Some(name) = command.child_by_field_name("command_name") else {
                continue;
            };
            let elements = command.child_by_field_name("command_elements");
            let elements = elements.map_or(Vec::new(), |elements| {
                (0..elements.child_count())
                    .filter_map(|child| elements.child(child as u32))
                    .collect()
            });
            found.push((command, self.of(name), elements));
        }
        found
    }
}

/// What the scripts can call and name.
struct Known {
    functions: BTreeMap<String, BTreeSet<String>>,
    files: BTreeSet<String>,
}

impl Known {
    fn new() -> Self {
        let module =
            Script::new(fs::read_to_string(folder().join("daxflush.psm1")).expect("the module"));
        let mut functions = module.functions();
        let exported: BTreeSet<String> = module
            .commands()
            .into_iter()
            .filter(|(_, name, _)| *name == "Export-ModuleMember")
            .flat_map(|(command, _, _)| {
                let words = module
                    .of(command)
                    .split(|c: char| c.is_whitespace() || c == ',' || c == '`');
                words.map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        for name in exported
            .iter()
            .filter(|name| name.contains('-') && !name.starts_with('-'))
        {
            assert!(
                name == "Export-ModuleMember" || functions.contains_key(name),
                "the module exports {name}, which it has not"
            );
        }
        functions.retain(|name, _| exported.contains(name));
        let scripts = files(&folder(), &[".ps1", ".psm1"]);
        let files = PACKAGE.into_iter().map(str::to_owned);
        Self {
            functions,
            files: files.chain(scripts.iter().map(|path| name(path))).collect(),
        }
    }

    /// What is wrong with a script, and how many calls of daxctl it has.
    fn check(&self, script: &Script) -> (Vec<String>, usize) {
        let mut wrong = Vec::new();
        let mut say = |node: Node<'_>, what: &str| {
            let text: String = script.of(node).chars().take(80).collect();
            wrong.push(format!(
                "line {}: {what}: {text}",
                node.start_position().row + 1
            ));
        };
        let nodes = script.nodes();
        for node in &nodes {
            if node.is_error() || node.is_missing() {
                say(*node, "syntax");
            }
        }
        let help = |word: &str| {
            let comments = nodes.iter().filter(|node| node.kind() == "comment");
            let mut blocks = comments
                .map(|node| script.of(*node))
                .filter(|text| text.starts_with("<#"));
            blocks.any(|text| text.lines().any(|line| line.trim() == word))
        };
        for word in [".SYNOPSIS", ".EXAMPLE"] {
            if !help(word) {
                say(nodes[0], &format!("no {word}"));
            }
        }
        for line in [
            "Set-StrictMode -Version Latest",
            "$ErrorActionPreference = 'Stop'",
        ] {
            if !script.text.lines().any(|text| text == line) {
                say(nodes[0], &format!("no {line}"));
            }
        }
        // PowerShell takes "$name:" for a drive; the grammar does not mind.
        for node in nodes.iter().filter(|node| node.kind() == "variable") {
            let scope = script.of(*node).trim_start_matches('$').to_lowercase();
            let colon = script.text[node.end_byte()..].starts_with(':')
                && !script.text[node.end_byte()..].starts_with("::");
            let in_text = node
                .parent()
                .is_some_and(|parent| parent.kind().contains("string"));
            if colon && in_text && !scope.starts_with('{') {
                say(*node, "a colon behind a variable in a text");
            }
        }
        for node in nodes.iter().filter(|node| node.kind() == "string_literal") {
            let text = script.of(*node).trim_matches(['\'', '"']);
            if looks_like_ours(text) && !self.files.contains(text) {
                say(*node, "no such file in the package");
            }
        }
        let own = script.functions();
        let cmdlets: BTreeSet<&str> = CMDLETS.split_whitespace().collect();
        let mut calls = 0;
        for (command, name, elements) in script.commands() {
            if name.to_lowercase().starts_with("daxctl") {
                say(command, "daxctl is called by the module only");
            }
            let Some(parameters) = own.get(name).or_else(|| self.functions.get(name)) else {
                if name.contains('-') && !cmdlets.contains(name) {
                    say(command, "nothing has this name");
                }
                continue;
            };
            for element in elements
                .iter()
                .filter(|element| element.kind() == "command_parameter")
            {
                let text = script.of(*element).trim_start_matches('-').to_lowercase();
                let text = text.split(':').next().unwrap_or("");
                if !parameters.contains(text) && !COMMON.contains(&text) {
                    say(*element, &format!("{name} has no such parameter"));
                }
            }
            if DAXCTL.contains(&name) {
                let Some(array) = elements
                    .iter()
                    .find(|element| script.of(**element).starts_with("@("))
                else {
                    // The module's own hand on what they are given.
                    if !elements
                        .iter()
                        .any(|element| script.of(*element) == "$Arguments")
                    {
                        say(command, "the arguments of daxctl are not an array");
                    }
                    continue;
                };
                calls += 1;
                if let Err(error) = daxctl(&arguments(script, *array)) {
                    say(command, &error);
                }
            }
        }
        (wrong, calls)
    }
}

fn looks_like_ours(text: &str) -> bool {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    let ending = |ending| text.ends_with(ending);
    plain && (ending(".ps1") || ending(".psm1"))
        || plain
            && text.starts_with("dax")
            && [".sys", ".inf", ".cat", ".cer", ".exe"]
                .into_iter()
                .any(ending)
}

/// An array's elements; what a variable stands for is a number and a name at once.
fn arguments(script: &Script, array: Node<'_>) -> Vec<String> {
    let inside = |node: &Node<'_>| array.byte_range().contains(&node.start_byte());
    let literals = script
        .kind("array_literal_expression")
        .into_iter()
        .find(inside);
    let elements = literals.map_or_else(
        || {
            script
                .kind("unary_expression")
                .into_iter()
                .filter(inside)
                .skip(1)
                .take(1)
                .collect()
        },
        |list| {
            (0..list.child_count())
                .filter_map(|child| list.child(child as u32))
                .collect::<Vec<_>>()
        },
    );
    let elements = elements
        .into_iter()
        .filter(|element| script.of(*element) != ",");
    elements
        .map(|element| {
            let text = script.of(element);
            match text
                .strip_prefix('\'')
                .and_then(|text| text.strip_suffix('\''))
            {
                Some(text) => text.to_owned(),
                None => "1".to_owned(),
            }
        })
        .collect()
}

/// Whether the daxctl of Windows takes these arguments.
fn daxctl(arguments: &[String]) -> Result<(), String> {
    if let Some(word) = arguments
        .iter()
        .find(|word| ["simulate", "--sim", "--driver"].contains(&word.as_str()))
    {
        return Err(format!("{word} is for Linux"));
    }
    let command = daxctl::cli::Arguments::command();
    let all = std::iter::once("daxctl").chain(arguments.iter().map(String::as_str));
    match command.try_get_matches_from(all) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string().lines().next().unwrap_or("").to_owned()),
    }
}

#[test]
fn the_scripts_are_sound() {
    let known = Known::new();
    let scripts = files(&folder(), &[".ps1", ".psm1"]);
    assert!(scripts.len() >= 9, "{scripts:?}");
    let (mut wrong, mut calls) = (Vec::new(), 0);
    for path in &scripts {
        let (found, called) =
            known.check(&Script::new(fs::read_to_string(path).expect("a script")));
        wrong.extend(
            found
                .into_iter()
                .map(|what| format!("{}: {what}", name(path))),
        );
        calls += called;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(calls >= 15, "only {calls} calls of daxctl were found");
}

#[test]
fn mistakes_are_found() {
    let known = Known::new();
    let good = "<#\n.SYNOPSIS\nA.\n.EXAMPLE\n.\\a.ps1\n#>\nSet-StrictMode -Version Latest\n\
        $ErrorActionPreference = 'Stop'\nfunction Get-A([int] $number) { \"$number ${number}: 1\" }\n";
    let check = |more: &str| {
        known
            .check(&Script::new(format!("{good}{more}\n")))
            .0
            .join("\n")
    };
    for fine in [
        "",
        "Read-Daxctl @('status', '--json') -AnyStatus",
        "Get-A -number 1",
        "Join-Path $a 'daxflush.sys'",
        "$x = @(Invoke-Daxctl @('stress', $file, '--seconds', \"$n\"))",
        "Invoke-Daxctl @('selftest')",
        "$x = \"$env:TEMP\"",
    ] {
        assert_eq!(check(fine), "", "{fine}");
    }
    for (mistake, found) in [
        ("if ($x { 1 }", "syntax"),
        ("foreach ($a on $b) { 1 }", "syntax"),
        ("$x = @(1, 2", "syntax"),
        ("function f { 'a'", "syntax"),
        ("throw \"it ended with $status: bad\"", "a colon behind"),
        ("Invoke-Daxctl @('stats', '--json')", "stats"),
        ("Invoke-Daxctl @('status', '--yaml')", "--yaml"),
        ("Invoke-Daxctl @('selftest', '--seconds', '3')", "--seconds"),
        (
            "Invoke-Daxctl @('stress', $file, '--seconds', 'long')",
            "--seconds",
        ),
        ("Invoke-Daxctl @('commit')", "required"),
        ("Invoke-Daxctl @('stats')", "stats"),
        ("Invoke-Daxctl @('simulate')", "for Linux"),
        ("Invoke-Daxctl 'status'", "not an array"),
        ("daxctl status", "by the module only"),
        ("& daxctl.exe status", "by the module only"),
        ("Join-Path $a 'daxflush.dll.sys'", "no such file"),
        ("& (Join-Path $b 'reinstall.ps1')", "no such file"),
        ("Get-Everything", "nothing has this name"),
        ("Wait-Until { 1 } 2", "nothing has this name"),
        ("Start-DaxFlush -Seconds 3", "no such parameter"),
        ("Get-A -letter a", "no such parameter"),
    ] {
        assert!(
            check(mistake).contains(found),
            "{mistake}: {}",
            check(mistake)
        );
    }
    for line in good
        .lines()
        .filter(|line| line.starts_with(['.', 'S', '$']) && *line != ".\\a.ps1")
    {
        let without = good.replace(&format!("{line}\n"), "\n");
        let found = known.check(&Script::new(without)).0.join("\n");
        assert!(
            found.contains(&format!("no {line}")),
            "without {line}: {found}"
        );
    }
}

/// The pieces of a text between backquotes, and the lines of its blocks of code.
fn code(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            block = !block;
        } else if block {
            found.push(line.trim());
        } else {
            found.extend(line.split('`').skip(1).step_by(2));
        }
    }
    found
}

#[test]
fn the_readmes_name_what_there_is() {
    let known = Known::new();
    let readmes = files(&folder(), &["README.md"]);
    assert_eq!(readmes.len(), 3, "{readmes:?}");
    let commands = daxctl::cli::Arguments::command();
    let mut named = 0;
    for path in readmes {
        let text = fs::read_to_string(&path).expect("a text");
        for piece in code(&text) {
            for word in piece
                .split([' ', '\\', '/', '('])
                .filter(|word| looks_like_ours(word))
            {
                named += 1;
                assert!(
                    known.files.contains(word),
                    "{}: there is no {word}",
                    path.display()
                );
            }
            let mut words = piece.split_whitespace();
            if words.next() == Some("daxctl") {
                let subcommand = words.next().unwrap_or("");
                let there = commands
                    .get_subcommands()
                    .any(|command| command.get_name() == subcommand);
                assert!(there, "{}: daxctl has no {subcommand}", path.display());
            }
        }
    }
    assert!(named >= 20, "only {named} files are named");
}
