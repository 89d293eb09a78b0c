//! What an image gets wrong besides credentials (`--lint`): what the CIS Docker Benchmark 1.6, part 4, says of what is
//! inside an image, and what stands beside it. A flaw is no finding: it fails nothing unless asked to.

use std::collections::{BTreeMap, BTreeSet};

use oakum_patterns::Severity;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::origin::{Origin, State};

mod add;
pub(crate) mod layer;

/// The most places of one flaw that are kept.
const MOST: usize = 1000;
const SET_ID: u16 = 0o6000;
const STICKY: u16 = 0o1000;
const ALL_WRITE: u16 = 0o002;

/// A flaw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Flaw {
    /// It does not say as whom it runs, or says root.
    Root,
    /// It does not say how to tell whether it works.
    NoHealthcheck,
    /// Lists of packages are updated in an instruction of their own, which is then cached.
    UpdateAlone,
    /// A program that runs as another than who starts it.
    SetId,
    /// An instruction fetches a file that nobody checks.
    AddUrl,
    /// An instruction that may unpack and fetch puts a file there.
    AddFile,
    /// A credential stands in an instruction, a variable or a label.
    Credential,
    /// A file or folder that everybody may write to.
    Writable,
    /// A file of a kind that holds credentials.
    CredentialFile,
}

impl Flaw {
    /// Its name in reports.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Root => "image.root",
            Self::NoHealthcheck => "image.no-healthcheck",
            Self::UpdateAlone => "image.update-alone",
            Self::SetId => "image.set-id",
            Self::AddUrl => "image.add-url",
            Self::AddFile => "image.add-file",
            Self::Credential => "image.credential",
            Self::Writable => "image.writable",
            Self::CredentialFile => "image.credential-file",
        }
    }

    /// Its number in the CIS Docker Benchmark, where it has one.
    #[must_use]
    pub fn cis(self) -> Option<&'static str> {
        Some(match self {
            Self::Root => "4.1",
            Self::NoHealthcheck => "4.6",
            Self::UpdateAlone => "4.7",
            Self::SetId => "4.8",
            Self::AddUrl | Self::AddFile => "4.9",
            Self::Credential => "4.10",
            Self::Writable | Self::CredentialFile => return None,
        })
    }

    /// What is wrong.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Root => "The image runs as root",
            Self::NoHealthcheck => "The image has no health check",
            Self::UpdateAlone => "Lists of packages are updated in an instruction of their own",
            Self::SetId => "Programs run as another user than who starts them",
            Self::AddUrl => "ADD fetches a file that nobody checks",
            Self::AddFile => "ADD puts a file there as COPY would",
            Self::Credential => "A credential stands in the image's configuration",
            Self::Writable => "Everybody may write",
            Self::CredentialFile => "A file of a kind that holds credentials",
        }
    }

    /// The way out.
    #[must_use]
    pub fn fix(self) -> &'static str {
        match self {
            Self::Root => "make a user, and end the Dockerfile with USER and its number",
            Self::NoHealthcheck => "add HEALTHCHECK CMD …, unless the orchestrator has its own probe",
            Self::UpdateAlone => "update and install in one RUN, and remove the lists in it",
            Self::SetId => "RUN chmod a-s on what the application does not need",
            Self::AddUrl => "fetch it in a RUN that checks its hash, or give ADD --checksum",
            Self::AddFile => "COPY it: ADD may unpack what it is given, or fetch something else",
            Self::Credential => {
                "take it out and replace it: give builds RUN --mount=type=secret, and containers a file"
            }
            Self::Writable => "chmod o-w, or the sticky bit for a shared folder",
            Self::CredentialFile => "name it in .dockerignore, or mount it where it is needed",
        }
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::Credential => Severity::High,
            Self::Root | Self::AddUrl | Self::CredentialFile => Severity::Medium,
            Self::NoHealthcheck | Self::UpdateAlone | Self::AddFile | Self::SetId | Self::Writable => Severity::Low,
        }
    }

    /// Whether a file that a later layer took away is none any more. A credential can be read all the same.
    pub(crate) fn ends_with_the_file(self) -> bool {
        matches!(self, Self::SetId | Self::Writable)
    }
}

/// A flaw, with its places.
#[derive(Debug, Clone)]
pub struct Lint {
    /// Which.
    pub flaw: Flaw,
    /// Where, in order: files of layers and fields of configurations, cleared of secrets.
    pub places: Vec<(Origin, Option<State>)>,
    /// How many more places were seen, beyond those that are kept; some may be gone in the end.
    pub more: u64,
}

/// Flaws as they come, from several threads.
#[derive(Debug, Default)]
pub(crate) struct Flaws(BTreeMap<Flaw, (BTreeSet<Origin>, u64)>);

impl Flaws {
    /// Keeps the first places in order, whichever thread comes first.
    pub(crate) fn add(&mut self, flaw: Flaw, origin: &Origin) {
        let (places, more) = self.0.entry(flaw).or_default();
        places.insert(origin.clone());
        if places.len() > MOST {
            places.pop_last();
            *more += 1;
        }
    }

    /// The flaws that are left in the end. `place` gives all places that an origin stands for.
    pub(crate) fn finish(self, mut place: impl FnMut(&Origin) -> Vec<(Origin, Option<State>)>) -> Vec<Lint> {
        let lint = |(flaw, (origins, more)): (Flaw, (BTreeSet<Origin>, u64))| {
            let mut places: Vec<_> = origins.iter().flat_map(&mut place).collect();
            places.retain(|(_, state)| !flaw.ends_with_the_file() || matches!(state, None | Some(State::Present)));
            places.sort();
            places.dedup();
            Lint { flaw, places, more }
        };
        // Where all that was kept has gone, what was not kept may be there.
        self.0.into_iter().map(lint).filter(|lint| !lint.places.is_empty() || lint.more > 0).collect()
    }
}

/// What a configuration has that it should not have, with the field.
pub(crate) fn of_config(config: &Value) -> Vec<(Flaw, String)> {
    let mut flaws = Vec::new();
    let run = config.get("config").unwrap_or(&Value::Null);
    let user = run.get("User").and_then(Value::as_str).unwrap_or_default();
    // On Windows nobody is root, and the default is a user without rights in some bases.
    let windows = config.get("os").and_then(Value::as_str) == Some("windows");
    if !windows && matches!(user.split(':').next(), None | Some("" | "0" | "root")) {
        flaws.push((Flaw::Root, "User".to_owned()));
    }
    let test = run.get("Healthcheck").and_then(|check| check.get("Test")).and_then(Value::as_array);
    if test.is_none_or(|test| test.is_empty() || test[0] == "NONE") {
        flaws.push((Flaw::NoHealthcheck, "Healthcheck".to_owned()));
    }
    let history = config.get("history").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (at, entry) in history.iter().enumerate() {
        let by = entry.get("created_by").and_then(Value::as_str).unwrap_or_default();
        flaws.extend(of_instruction(by).map(|flaw| (flaw, format!("history[{at}]"))));
    }
    flaws
}

fn of_instruction(by: &str) -> Option<Flaw> {
    let text = by.strip_prefix("/bin/sh -c #(nop)").unwrap_or(by).trim_start();
    if let Some(arguments) = text.strip_prefix("ADD ") {
        return add::flaw(arguments);
    }
    let text = text.strip_prefix("RUN ").unwrap_or(text);
    let text = text.strip_prefix("/bin/sh -c ").unwrap_or(text);
    let text = text.strip_suffix("# buildkit").unwrap_or(text);
    // What else an instruction runs may be what it updates for.
    let mut commands =
        text.split(['&', ';', '|', '\n']).map(str::trim).filter(|command| !command.is_empty()).peekable();
    (commands.peek().is_some() && commands.all(is_update)).then_some(Flaw::UpdateAlone)
}

fn is_update(command: &str) -> bool {
    let mut words = command.split_whitespace().filter(|word| !word.starts_with('-'));
    let manager = words.next().map_or("", |word| word.rsplit('/').next().unwrap_or(word));
    match manager {
        "apt-get" | "apt" | "apk" => words.next() == Some("update"),
        "yum" | "dnf" | "microdnf" => words.next() == Some("makecache"),
        _ => false,
    }
}

/// What an entry of a layer has that it should not have.
pub(crate) fn of_entry(path: &str, mode: u16, folder: bool) -> impl Iterator<Item = Flaw> {
    let writable = mode & ALL_WRITE != 0 && !(folder && mode & STICKY != 0);
    let flaws = [
        (Flaw::SetId, !folder && mode & SET_ID != 0),
        (Flaw::Writable, writable && !path.is_empty()),
        (Flaw::CredentialFile, !folder && is_credential_file(path)),
    ];
    flaws.into_iter().filter(|(_, is_so)| *is_so).map(|(flaw, _)| flaw)
}

fn is_credential_file(path: &str) -> bool {
    const NAMES: [&str; 16] = [
        ".npmrc",
        ".pypirc",
        ".netrc",
        "_netrc",
        ".git-credentials",
        ".pgpass",
        ".my.cnf",
        ".env",
        ".bash_history",
        ".zsh_history",
        ".ash_history",
        ".psql_history",
        ".mysql_history",
        ".htpasswd",
        ".vault-token",
        ".s3cfg",
    ];
    const ENDS: [&str; 7] = [
        ".aws/credentials",
        ".docker/config.json",
        ".kube/config",
        ".azure/accessTokens.json",
        ".cargo/credentials.toml",
        ".config/gh/hosts.yml",
        "gcloud/application_default_credentials.json",
    ];
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    // What editors keep beside a file is as good as the file.
    let hidden = name.strip_suffix(".swp").and_then(|name| name.strip_prefix('.'));
    let name = ["~", ".bak", ".save", ".orig"].iter().find_map(|end| name.strip_suffix(end)).or(hidden).unwrap_or(name);
    let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    let key = name.starts_with("id_") && !name.ends_with(".pub") && folder.ends_with(".ssh");
    let host_key = folder == "etc/ssh" && name.starts_with("ssh_host_") && name.ends_with("_key");
    let samples = ["example", "sample", "template", "dist"];
    let settings = name.strip_prefix(".env.").is_some_and(|of| !samples.contains(&of));
    let number = name.strip_prefix("core.").is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()));
    let memory = number || name.ends_with(".hprof");
    let under = |end: &&str| path.strip_suffix(*end).is_some_and(|left| left.is_empty() || left.ends_with('/'));
    NAMES.contains(&name) || ENDS.iter().any(under) || key || host_key || settings || memory
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_configuration_is_judged_by_what_it_says() {
        let flaws = |config: Value| -> Vec<(&str, String)> {
            of_config(&config).into_iter().map(|(flaw, field)| (flaw.id(), field)).collect()
        };
        let good = json!({"config": {"User": "1000:0", "Healthcheck": {"Test": ["CMD", "true"]}}, "history": [
            {"created_by": "RUN apt-get update && apt-get install -y curl"},
            {"created_by": "ADD --checksum=sha256:aa https://example.com/a /a # buildkit"},
            {"created_by": "/bin/sh -c #(nop) ADD file:aa in / "},
            {"created_by": "RUN /bin/sh -c apt-get update && ./setup # buildkit"},
            {"created_by": "/bin/sh -c echo apt-get update"},
        ]});
        assert_eq!(flaws(good), []);
        let bad = json!({"config": {"User": "root", "Healthcheck": {"Test": ["NONE"]}}, "history": [
            {"created_by": "/bin/sh -c apt-get update"},
            {"created_by": "/bin/sh -c #(nop) ADD https://example.com/a in /a"},
        ]});
        let expected: Vec<(&str, String)> = [
            ("image.root", "User"),
            ("image.no-healthcheck", "Healthcheck"),
            ("image.update-alone", "history[0]"),
            ("image.add-url", "history[1]"),
        ]
        .map(|(id, field)| (id, field.to_owned()))
        .into();
        assert_eq!(flaws(bad), expected);
        assert_eq!(of_config(&json!([1])).len(), 2);
        assert_eq!(of_instruction("RUN /bin/sh -c apt-get -qq update # buildkit"), Some(Flaw::UpdateAlone));
        assert_eq!(flaws(json!({"os": "windows"})), [("image.no-healthcheck", "Healthcheck".to_owned())]);
    }

    #[test]
    fn files_are_judged_by_mode_and_name() {
        let flaws = |path: &str, mode, folder| of_entry(path, mode, folder).map(Flaw::id).collect::<Vec<_>>();
        assert_eq!(flaws("usr/bin/su", 0o4755, false), ["image.set-id"]);
        assert_eq!(flaws("tmp", 0o1777, true), [""; 0]);
        assert_eq!(flaws("srv", 0o2777, true), ["image.writable"]);
        assert_eq!(flaws("a", 0o666, false), ["image.writable"]);
        for path in [
            "root/.npmrc",
            ".env",
            "root/.aws/credentials",
            "home/a/.ssh/id_rsa",
            ".kube/config",
            "a/.env.production",
            "etc/ssh/ssh_host_rsa_key",
            ".netrc~",
            "root/..npmrc.swp",
            "app/core.17",
        ] {
            assert_eq!(flaws(path, 0o600, false), ["image.credential-file"], "{path}");
        }
        for path in [
            "root/.ssh/id_rsa.pub",
            "a/env",
            "my.kube/config",
            "etc/ssh/sshd_config",
            ".env.example",
            "usr/lib/core.so",
            "a.bak",
        ] {
            assert_eq!(flaws(path, 0o644, false), [""; 0], "{path}");
        }
    }

    #[test]
    fn the_first_places_are_kept_and_the_others_counted() {
        let mut flaws = Flaws::default();
        for number in (0..MOST + 5).rev() {
            flaws.add(Flaw::SetId, &Origin::File(format!("{number:05}").into()));
        }
        let lints = flaws.finish(|origin| vec![(origin.clone(), None)]);
        assert_eq!((lints[0].places.len(), lints[0].more), (MOST, 5));
        assert_eq!(lints[0].places[MOST - 1].0, Origin::File(format!("{:05}", MOST - 1).into()));
    }
}
