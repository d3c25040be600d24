//! The rules of the house, kept by machine: who may know whom, what may come in, what stands where.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

#[test]
fn top_level_holds_nothing_else() {
    let allowed = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "crates",
        "deploy",
        "target",
        "tests",
    ];
    let strangers: Vec<_> = std::fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && !allowed.contains(&name.as_str()))
        .collect();
    assert!(strangers.is_empty(), "at the top level: {strangers:?}");
}

/// Arrows point down only, see `crates/README.md`.
#[test]
fn crates_know_only_what_lies_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("imap-proto", &[][..]),
        ("pim", &[]),
        ("mailbox", &[]),
        ("serve", &[]),
        ("ews", &[]),
        ("exchange-sim", &[]),
        ("imap", &["imap-proto", "mailbox", "serve"]),
        ("dav", &["mailbox", "pim", "serve"]),
        ("idmap", &["mailbox"]),
        ("accounts", &["mailbox"]),
        ("exchange", &["ews", "idmap", "mailbox", "pim"]),
    ]);
    let house = metadata();
    let ours: BTreeSet<&str> = house.workspace_packages().iter().map(|package| package.name.as_str()).collect();
    for package in house.workspace_packages() {
        let Some(allowed) = allowed.get(package.name.as_str()) else {
            assert!(["exgate", "exgate-tests"].contains(&package.name.as_str()), "{}: give it a layer", package.name);
            continue;
        };
        for dependency in &package.dependencies {
            let fine = !ours.contains(dependency.name.as_str())
                || dependency.kind == DependencyKind::Development
                || allowed.contains(&dependency.name.as_str());
            assert!(fine, "{} must not depend on {}", package.name, dependency.name);
        }
    }
}

#[test]
fn pure_crates_have_no_runtime() {
    let house = metadata();
    for name in ["imap-proto", "pim"] {
        let reached = reached_from(&house, name);
        for runtime in ["tokio", "mio", "hyper", "async-io"] {
            assert!(!reached.contains(runtime), "{name} is pure but reaches {runtime}");
        }
    }
}

/// The simulator is a second opinion only while it shares no code with the client, not even for its tests.
#[test]
fn simulator_and_client_share_nothing() {
    let house = metadata();
    let ours: BTreeSet<String> = house.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    for name in ["exchange-sim", "ews"] {
        for dependency in &package(&house, name).dependencies {
            assert!(!ours.contains(&dependency.name), "{name} must stand alone, but names {}", dependency.name);
        }
    }
}

#[test]
fn licences_and_bans_are_kept() {
    let rules: toml::Table = std::fs::read_to_string(root().join(".cargo/deny.toml")).unwrap().parse().unwrap();
    let words = |table: &str, list: &str| -> Vec<String> {
        let entries = rules[table][list].as_array().unwrap();
        let word = |entry: &toml::Value| entry.as_str().or_else(|| entry["name"].as_str()).unwrap().to_owned();
        entries.iter().map(word).collect()
    };
    let (allowed, banned) = (words("licenses", "allow"), words("bans", "deny"));
    let house = metadata();
    // Packages that only another platform or a feature we leave out would bring are in the lock file, but not here.
    let used: BTreeSet<&PackageId> = house.resolve.as_ref().unwrap().nodes.iter().map(|node| &node.id).collect();
    for package in house.packages.iter().filter(|package| used.contains(&package.id)) {
        let licence = package.license.as_deref().unwrap_or("none stated");
        assert!(is_allowed(licence, &allowed), "{} {} has licence {licence}", package.name, package.version);
        assert!(!banned.contains(&package.name.to_string()), "{} is banned by .cargo/deny.toml", package.name);
    }
}

#[test]
fn licence_expressions_are_read_right() {
    let allowed = ["MIT".to_owned(), "ISC".to_owned()];
    for (licence, fine) in [
        ("MIT", true),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("(GPL-3.0 OR MIT) AND ISC", true),
        ("(GPL-3.0 OR MPL-2.0) AND ISC", false),
        ("none stated", false),
    ] {
        assert_eq!(is_allowed(licence, &allowed), fine, "{licence}");
    }
}

#[test]
fn every_foreign_crate_has_its_reason_in_the_house_description() {
    let description = std::fs::read_to_string(root().join("crates/README.md")).unwrap();
    let house = metadata();
    let ours: BTreeSet<String> = house.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    for package in house.workspace_packages() {
        for dependency in package.dependencies.iter().filter(|dependency| !ours.contains(&dependency.name)) {
            let name = format!("`{}`", dependency.name);
            assert!(description.contains(&name), "crates/README.md gives no reason for {name} ({})", package.name);
        }
    }
}

#[test]
fn every_crate_keeps_the_common_lints() {
    for package in metadata().workspace_packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}: [lints] workspace = true", package.name);
    }
}

/// `OR` binds loosest, then `AND`, then parentheses, as in SPDX; `/` is the old way to write `OR`.
fn is_allowed(licence: &str, allowed: &[String]) -> bool {
    let licence = licence.trim();
    let split = |separator: &str| -> Vec<String> {
        let mut parts = vec![String::new()];
        let mut depth = 0;
        for word in licence.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ").split_whitespace() {
            depth += i32::from(word == "(") - i32::from(word == ")");
            if depth == 0 && word == separator {
                parts.push(String::new());
            } else {
                let last = parts.last_mut().unwrap();
                last.push_str(word);
                last.push(' ');
            }
        }
        parts
    };
    let either = split("OR");
    if either.len() > 1 {
        return either.iter().any(|part| is_allowed(part, allowed));
    }
    let all = split("AND");
    if all.len() > 1 {
        return all.iter().all(|part| is_allowed(part, allowed));
    }
    match licence.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => is_allowed(inner, allowed),
        None => allowed.iter().any(|name| name == licence),
    }
}

/// Names of all packages that `name` brings along outside its tests.
fn reached_from(house: &Metadata, name: &str) -> BTreeSet<String> {
    let nodes = &house.resolve.as_ref().unwrap().nodes;
    let mut waiting = vec![package(house, name).id.clone()];
    let mut seen = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if seen.insert(id.clone()) {
            let node = nodes.iter().find(|node| node.id == id).unwrap();
            let kept = |kind: &DependencyKind| *kind == DependencyKind::Normal;
            let needed = node.deps.iter().filter(|dep| dep.dep_kinds.iter().any(|info| kept(&info.kind)));
            waiting.extend(needed.map(|dep| dep.pkg.clone()));
        }
    }
    seen.iter().map(|id| house[id].name.to_string()).collect()
}

fn package<'a>(house: &'a Metadata, name: &str) -> &'a Package {
    house.workspace_packages().into_iter().find(|package| package.name.as_str() == name).unwrap()
}

fn metadata() -> Metadata {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--filter-platform".to_owned(), platform, "--locked".to_owned()])
        .exec()
        .unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
