//! Every flag, declared once: help, completions and man page come from here.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use oakum_patterns::Confidence;

use super::target::Target;
use crate::report::Format;
use crate::source::registry::Mirror;

/// Finds credentials that people left in source trees and container images.
#[derive(Debug, Parser)]
#[command(name = "oakum", version, max_term_width = 100, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Scan(ScanArgs),
    Compare(CompareArgs),
    Rules(RulesArgs),
    Generate(GenerateArgs),
}

/// Scan folders, files, standard input or container images.
///
/// Exit codes: 0 nothing found; 1 something found; 2 wrong usage or configuration; 3 nothing found, but part could
/// not be scanned.
#[derive(Debug, clap::Args)]
pub(super) struct ScanArgs {
    /// What to scan: a folder or file; - for standard input; dir:ROOTFS; docker-archive:FILE, oci:DIR or oci-archive:FILE
    /// for an image, docker://NAME for one in a registry (docker://HOST/PATH/ for all below it), docker-daemon:NAME, containers-storage:NAME or containerd:NAME
    /// for one that an engine has. A file that is an image archive is recognised without a scheme.
    #[arg(default_value = ".", value_name = "TARGET")]
    pub(super) targets: Vec<Target>,

    /// More targets, one a line; lines that begin with # are passed over. - for standard input.
    #[arg(long, value_name = "FILE")]
    pub(super) images_from: Option<PathBuf>,

    /// Scan the file system that this runs in, from its root: that of a container, most often.
    #[arg(long, conflicts_with_all = ["targets", "images_from"])]
    pub(super) in_container: bool,

    /// Of an image for several platforms, scan only this one.
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    pub(super) platform: Option<String>,

    /// The image that others are built on: its layers are told apart in them. Without it they are guessed from the
    /// history. May be repeated.
    #[arg(long = "base", value_name = "IMAGE")]
    pub(super) bases: Vec<Target>,

    /// Layers that are of base images wherever they are: a file of their digests or diff ids, one a line, as sha256: and
    /// hex digits; # begins a comment. May be repeated.
    #[arg(long, value_name = "FILE")]
    pub(super) base_digests: Vec<PathBuf>,

    /// Do not ask registries for the images that those of docker:// targets say they are built on.
    #[arg(long)]
    pub(super) no_base_lookup: bool,

    /// Keep in this folder what layers of images were found to hold, and read only those that it does not know. No secret
    /// is kept; whoever may write to it decides what is found.
    #[arg(long, value_name = "DIR")]
    pub(super) cache: Option<PathBuf>,

    /// Tell besides what images get wrong, by the CIS Docker Benchmark: run as root, set-id programs, no health check.
    #[arg(long)]
    pub(super) lint: bool,

    /// What makes the exit code 1: all findings, those that are not in a base image alone, or with lint all findings and
    /// what --lint tells.
    #[arg(long, value_name = "WHICH", default_value = "all")]
    pub(super) fail_on: FailOn,

    /// How to write findings to standard output.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,

    /// Write another report of the same scan to a file. May be repeated.
    #[arg(long = "report", value_name = "FORMAT=PATH", value_parser = parse_report)]
    pub(super) reports: Vec<(Format, PathBuf)>,

    #[command(flatten)]
    pub(super) rules: RuleChoice,

    /// Report findings of at least this confidence.
    #[arg(long, value_name = "CONFIDENCE", default_value = "likely")]
    pub(super) min_confidence: ConfidenceArg,

    /// Key of the fingerprints: the bytes of a file. Otherwise OAKUM_KEY, or else derived from the target.
    #[arg(long, value_name = "PATH")]
    pub(super) key_file: Option<PathBuf>,

    /// Pass over what ignore files name. By default it is scanned: secrets live there.
    #[arg(long)]
    pub(super) respect_gitignore: bool,

    /// Threads that read and scan.
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) jobs: Option<u16>,

    /// Say nothing on standard error but errors, and leave the summary out of the text report.
    #[arg(long, short)]
    pub(super) quiet: bool,

    /// Show no progress on standard error.
    #[arg(long)]
    pub(super) no_progress: bool,

    /// Show all places of each finding, and why it was taken for one.
    #[arg(long, short)]
    pub(super) verbose: bool,

    /// When to colour the text report.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: ColorChoice,

    #[command(flatten)]
    pub(super) registry: RegistryArgs,
}

/// Say which secrets of an old image a new one still has.
///
/// Exit codes: 0 none of them; 1 some; 2 wrong usage or configuration; 3 none was seen, but part could not be scanned.
#[derive(Debug, clap::Args)]
pub(super) struct CompareArgs {
    /// What was: an image, or any other target of a scan.
    #[arg(value_name = "OLD")]
    pub(super) old: Target,

    /// What is.
    #[arg(value_name = "NEW")]
    pub(super) new: Target,

    /// How to write to standard output.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: CompareFormat,

    #[command(flatten)]
    pub(super) rules: RuleChoice,

    /// Compare findings of at least this confidence.
    #[arg(long, value_name = "CONFIDENCE", default_value = "likely")]
    pub(super) min_confidence: ConfidenceArg,

    /// Key of the fingerprints: the bytes of a file. Otherwise OAKUM_KEY, or else derived from the old target.
    #[arg(long, value_name = "PATH")]
    pub(super) key_file: Option<PathBuf>,

    /// Of an image for several platforms, compare only this one.
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    pub(super) platform: Option<String>,

    /// Keep in this folder what layers were found to hold, as `oakum scan --cache` does.
    #[arg(long, value_name = "DIR")]
    pub(super) cache: Option<PathBuf>,

    /// Show no progress on standard error.
    #[arg(long)]
    pub(super) no_progress: bool,

    #[command(flatten)]
    pub(super) registry: RegistryArgs,
}

/// How a comparison is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CompareFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What makes a scan fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// Any finding.
    All,
    /// A finding that is not in a base image alone.
    App,
    /// Any finding, and what images get wrong besides.
    Lint,
}

/// How registries are spoken to.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Registries")]
pub(super) struct RegistryArgs {
    /// Scan all tags of a docker:// target that names none.
    #[arg(long)]
    pub(super) all_tags: bool,

    /// Show a registry the token in this file, in place of a user and a password.
    #[arg(long, value_name = "FILE")]
    pub(super) registry_token_file: Option<PathBuf>,

    /// Trust the authorities in this file, in PEM, besides the system's.
    #[arg(long, value_name = "FILE")]
    pub(super) registry_ca: Option<PathBuf>,

    /// Speak to registries without TLS.
    #[arg(long)]
    pub(super) registry_plain_http: bool,

    /// Ask this mirror first for images whose names begin with PREFIX, a host or a host and a path. LOCATION is
    /// [http://]HOST[/PATH]. May be repeated; they are tried in their order, before those of --registries-conf.
    #[arg(long = "registry-mirror", value_name = "PREFIX=LOCATION")]
    pub(super) registry_mirrors: Vec<Mirror>,

    /// What is known of mirrors and blocked registries, as Podman and Skopeo keep it, in place of their own files.
    #[arg(long, value_name = "FILE")]
    pub(super) registries_conf: Option<PathBuf>,

    /// What is known of mirrors and certificates, as containerd and nerdctl keep it: a folder such as
    /// /etc/containerd/certs.d, with HOST/hosts.toml for each registry. It is in place of all registries.conf.
    #[arg(long, value_name = "DIR", conflicts_with = "registries_conf")]
    pub(super) registry_hosts_dir: Option<PathBuf>,
}

/// Which rules are used.
#[derive(Debug, clap::Args)]
pub(super) struct RuleChoice {
    /// More rules: a TOML file, or a folder of them. May be repeated.
    #[arg(long = "rules", value_name = "PATH")]
    pub(super) files: Vec<PathBuf>,

    /// Use only this rule; a service's name stands for all of its. May be repeated.
    #[arg(long = "rule", value_name = "ID")]
    pub(super) only: Vec<String>,

    /// Leave a rule out; a service's name stands for all of its. May be repeated.
    #[arg(long = "disable", value_name = "ID")]
    pub(super) disable: Vec<String>,
}

/// List, show and check rules.
#[derive(Debug, clap::Args)]
pub(super) struct RulesArgs {
    #[command(subcommand)]
    pub(super) command: RulesCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// One line for each rule.
    List {
        #[command(flatten)]
        rules: RuleChoice,
    },
    /// All that is known of a rule.
    Show {
        /// The rule's id, or a service's name.
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        rules: RuleChoice,
    },
    /// Check rule files: their form, their patterns, and that their samples hit and miss.
    Check {
        /// TOML files, or folders of them; the built-in rules if none is given.
        #[arg(value_name = "PATH")]
        files: Vec<PathBuf>,
    },
}

/// Print completions or the man pages.
#[derive(Debug, clap::Args)]
pub(super) struct GenerateArgs {
    #[command(subcommand)]
    pub(super) command: GenerateCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum GenerateCommand {
    /// A completion script, to standard output.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
    /// Man pages, into a folder.
    Man {
        /// The folder; it is made if it is not there.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A confidence, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ConfidenceArg {
    /// Worth a look in an audit.
    Possible,
    /// A reviewer would ask about it.
    Likely,
    /// The format leaves no doubt.
    Certain,
}

impl From<ConfidenceArg> for Confidence {
    fn from(arg: ConfidenceArg) -> Self {
        match arg {
            ConfidenceArg::Possible => Self::Possible,
            ConfidenceArg::Likely => Self::Likely,
            ConfidenceArg::Certain => Self::Certain,
        }
    }
}

fn parse_report(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, path) = text.split_once('=').ok_or("write it as FORMAT=PATH, such as sarif=oakum.sarif")?;
    if path.is_empty() {
        return Err("the path is empty".into());
    }
    Ok((format.parse().map_err(|e: crate::report::UnknownFormat| e.to_string())?, path.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_declarations_hold_together() {
        Args::command().debug_assert();
    }
}
