//! From what Vault Agent was asked for to a configuration of our own.
//!
//! Vault Agent writes each file where the file says; we publish all files of a volume at once. So the folder of each
//! destination is a volume, unless it lies in the folder of another, and a file is named by the rest of its path.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::values::account;
use super::{
    Account, Command, LogLevel, Restart, Signal, Template, TemplateBody, TemplateConfig, TemplateText, Translation,
    VaultAgentConfig, Warning,
};
use crate::config::template::{self, Implied};
use crate::config::{ConfigError, DEFAULT_DEBOUNCE};
use crate::config::{
    Content, EnvSource, FileName, FileSpec, Hook, Injection, Mode, Pace, SignalName, Tell, TemplateSpec, VolumeSpec,
};
use crate::reference::Name;
use crate::template::{MissingKey, Write};

/// The mode of files that say none: Vault Agent's, whose readers may be anybody in the pod.
const MODE: &str = "0644";
/// Vault Agent tries a secret twelve times before it gives up, which takes about this long.
const RETRIES: Duration = Duration::from_secs(300);
const GROUPS: &str = "/etc/group";

/// What is around a configuration: variables, files and programs.
pub trait Around {
    /// Finds a variable of the environment.
    fn variable(&self, name: &str) -> Option<String>;

    /// Reads a file that the configuration names.
    ///
    /// # Errors
    /// Whatever the system says.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// Finds a program that is named without its path.
    fn program(&self, name: &str) -> Option<PathBuf>;
}

/// What our agent has to do in place of Vault Agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Counterpart {
    /// The configuration.
    pub injection: Injection,
    /// The program to run as a child, with its arguments; without one, there is only the agent.
    pub command: Option<Vec<String>>,
    /// Whether to end once everything is rendered.
    pub once: bool,
    /// The file that the number of our process is written to.
    pub pid_file: Option<PathBuf>,
    /// What will not be as it was asked for.
    pub warnings: Vec<Warning>,
}

pub(super) fn counterpart(config: &VaultAgentConfig, around: &dyn Around) -> Result<Counterpart, ConfigError> {
    let asked = config.translate(|name| around.variable(name))?;
    let mut writer = Writer { source: &config.source, around, warnings: asked.warnings.clone() };
    let stored = asked.store(&config.source)?;
    writer.warnings.extend(stored.warnings);
    let stores = BTreeMap::from([(name("vault"), stored.store)]);
    let variables = |name: &str| around.variable(name);
    let mut implied = Implied::new(&stores, Some(&variables));
    let mut outputs = Vec::new();
    for (number, template) in asked.templates.iter().enumerate() {
        writer.outputs(number, template, &mut implied, &mut outputs)?;
    }
    let folders = writer.folders(&outputs)?;
    let (mut files, mut on_change) = (BTreeMap::new(), Vec::new());
    let (volume, volumes) = writer.volumes(&folders, &outputs)?;
    let mut names: Vec<BTreeSet<FileName>> = vec![BTreeSet::new(); asked.templates.len()];
    for Output { of, path, mode, content, .. } in outputs {
        let file = writer.file_name(&path, &folders)?;
        names[of].insert(file.clone());
        let spec = FileSpec { content: Content::Template(content), mode: Some(mode) };
        if files.insert(file, spec).is_some() {
            return Err(writer.wrong(format!("two templates have the destination `{}`", path.display())));
        }
    }
    for (template, files) in asked.templates.iter().zip(names) {
        on_change.extend(writer.command(template, files)?);
    }
    let mut env = BTreeMap::new();
    for variable in &asked.env_templates {
        let what = format!("the variable {}", variable.name);
        let template = writer.template(&variable.body, &what, &mut implied)?;
        if !template.parsed.writes().is_empty() {
            return Err(writer
                .wrong(format!("{what}: its template writes a file"))
                .hinted("use `writeToFile` in a `template` only"));
        }
        if template.further.is_some() {
            return Err(writer.wrong(format!("{what}: {}", template::UNKNOWN)).hinted(template::UNKNOWN_HINT));
        }
        env.insert(variable.name.clone(), EnvSource::Template(template));
    }
    let mut secrets = implied.secrets;
    if files.is_empty() && env.is_empty() && asked.sinks.is_empty() {
        return Err(writer
            .wrong("there is no template, and no sink for the token")
            .hinted("add a `template`, an `env_template` or a `sink`"));
    }
    let pace = pace(asked.template_config);
    secrets.values_mut().for_each(|secret| pace.set(secret));
    for file in files.values_mut() {
        if let Content::Template(TemplateSpec { further: Some(further), .. }) = &mut file.content {
            further.pace = pace;
        }
    }
    if let Some(exec) = &asked.exec {
        if exec.restart_on_secret_changes == Restart::Always {
            let files = BTreeSet::new();
            let stop = writer.stopping(exec.restart_stop_signal);
            on_change.push(Hook { tell: Tell::Restart(stop), files, debounce: DEFAULT_DEBOUNCE, at_start: false });
        }
        if asked.exit_after_auth {
            writer.warn("`exit_after_auth` is not followed, since there is an `exec` to go on with");
        }
    }
    let once = asked.exit_after_auth && asked.exec.is_none();
    writer.say_what_is_lost(&asked);
    Ok(Counterpart {
        injection: Injection {
            stores,
            volume,
            volumes,
            secrets,
            files,
            env,
            on_change,
            listen: None,
            log: asked.log_format,
            audit: None,
        },
        once,
        pid_file: asked.pid_file.clone(),
        command: asked.exec.map(|exec| exec.argv),
        warnings: writer.warnings,
    })
}

/// How often secrets are looked at, and what becomes of those that cannot be.
fn pace(config: TemplateConfig) -> Pace {
    // Their five minutes are a compromise that asking for the version alone makes needless.
    let usual = config.static_secret_render_interval == TemplateConfig::default().static_secret_render_interval;
    let refresh = config.static_secret_render_interval.max(Duration::from_secs(1));
    Pace { refresh: (!usual).then_some(refresh), gives_up: config.exit_on_retry_failure.then_some(RETRIES) }
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("it is a name")
}

fn volume_name(at: usize) -> Name {
    name(&format!("v{at}"))
}

fn mode() -> Mode {
    Mode::parse(MODE).expect("it is a mode")
}

/// A file that a template makes: its destination, or one that it writes beside that.
struct Output {
    /// The template, by its place.
    of: usize,
    path: PathBuf,
    mode: Mode,
    group: Option<Account>,
    content: TemplateSpec,
}

struct Writer<'a> {
    source: &'a str,
    around: &'a dyn Around,
    warnings: Vec<Warning>,
}

impl Writer<'_> {
    fn warn(&mut self, what: impl Into<String>) {
        self.warnings.push(Warning { line: None, what: what.into() });
    }

    fn wrong(&self, what: impl Into<String>) -> ConfigError {
        ConfigError { source_name: self.source.to_owned(), line: None, what: what.into(), hint: None }
    }

    /// Finds the files that a template makes. One that `writeToFile` writes is made by the same template once more, of
    /// which only that is taken: a certificate and its key are of one answer, and appear together.
    fn outputs(
        &mut self,
        of: usize,
        template: &Template,
        implied: &mut Implied<'_>,
        all: &mut Vec<Output>,
    ) -> Result<(), ConfigError> {
        let Template { body, destination, perms, group, .. } = template;
        let what = destination.display().to_string();
        let content = self.template(body, &what, implied)?;
        let writes = content.parsed.writes().to_vec();
        let text = content.text.clone();
        let (path, mode) = (destination.clone(), perms.unwrap_or_else(mode));
        all.push(Output { of, path, mode, group: group.clone(), content });
        for Write { path, user, group, mode } in writes {
            let unfit = |why: String| self.wrong(format!("{what}: `writeToFile` of {path}: {why}"));
            let mode = Mode::parse(&mode).map_err(unfit)?;
            let group = (!group.is_empty()).then(|| account(&group)).transpose().map_err(unfit)?;
            if path.chars().any(|c| c.is_control() || matches!(c, '"' | '\\')) {
                return Err(unfit("its path holds what no path should".to_owned()));
            }
            if !user.is_empty() {
                self.warn(format!("{path} belongs to the user that the agent runs as, and not to `{user}`"));
            }
            let (left, right) = (&body.left_delimiter, &body.right_delimiter);
            let only = TemplateText::Contents(format!("{text}{left} writtenTo \"{path}\" {right}"));
            let content = self.template(&TemplateBody { text: only, ..body.clone() }, &what, implied)?;
            all.push(Output { of, path: path.into(), mode, group, content });
        }
        Ok(())
    }

    /// Finds the folders that files are in, but for those that lie in another.
    fn folders(&self, outputs: &[Output]) -> Result<Vec<PathBuf>, ConfigError> {
        let mut folders: Vec<&Path> = Vec::new();
        for output in outputs {
            let path = output.path.as_path();
            let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
            let (true, true, Some(parent)) = (path.is_absolute(), plain, path.parent()) else {
                return Err(self
                    .wrong(format!("the destination `{}` is no whole path", path.display()))
                    .hinted("begin it with `/`, and leave `..` out"));
            };
            if parent.parent().is_none() {
                return Err(self
                    .wrong(format!("the destination `{}` is in the root of the file system", path.display()))
                    .hinted("files are published in volumes in memory: put it into a folder"));
            }
            if folders.iter().any(|folder| parent.starts_with(folder)) {
                continue;
            }
            let first = folders.iter().position(|folder| folder.starts_with(parent));
            folders.retain(|folder| !folder.starts_with(parent));
            folders.insert(first.unwrap_or(folders.len()), parent);
        }
        Ok(folders.into_iter().map(Path::to_owned).collect())
    }

    /// Makes a volume of each folder; the first has no name.
    fn volumes(
        &mut self,
        folders: &[PathBuf],
        outputs: &[Output],
    ) -> Result<(VolumeSpec, BTreeMap<Name, VolumeSpec>), ConfigError> {
        let mut all = Vec::new();
        for folder in folders {
            let inside = outputs.iter().filter(|output| output.path.starts_with(folder));
            let group = self.group(inside)?;
            all.push(VolumeSpec { path: folder.clone(), group, ..VolumeSpec::default() });
        }
        let mut all = all.into_iter();
        let first = all.next().unwrap_or_default();
        Ok((first, all.enumerate().map(|(at, volume)| (volume_name(at + 1), volume)).collect()))
    }

    fn file_name(&self, path: &Path, folders: &[PathBuf]) -> Result<FileName, ConfigError> {
        let found = folders.iter().enumerate().find_map(|(at, folder)| Some((at, path.strip_prefix(folder).ok()?)));
        let (at, inside) = found.unwrap_or((0, path));
        let text = inside.to_str().ok_or_else(|| self.wrong(format!("`{}` is no text", path.display())))?;
        let name = FileName::parse(text).map_err(|what| self.wrong(what))?;
        if name.volume().is_some() {
            return Err(self
                .wrong(format!("the destination `{}` has a `:` in its name", path.display()))
                .hinted("before that, we expect the name of a volume: give the file another name"));
        }
        Ok(if at == 0 { name } else { name.within(volume_name(at)) })
    }

    fn template(
        &self,
        body: &TemplateBody,
        what: &str,
        implied: &mut Implied<'_>,
    ) -> Result<TemplateSpec, ConfigError> {
        let text = match &body.text {
            TemplateText::Contents(text) => text.clone(),
            TemplateText::Source(path) => self
                .around
                .read(path)
                .map_err(|error| self.wrong(format!("{what}: cannot read its template {}: {error}", path.display())))?,
        };
        let usual = (body.left_delimiter.as_str(), body.right_delimiter.as_str()) == ("{{", "}}");
        let delimiters = (!usual).then(|| (body.left_delimiter.clone(), body.right_delimiter.clone()));
        let missing = if body.error_on_missing_key { MissingKey::Error } else { MissingKey::NoValue };
        implied.template(1, text, delimiters, missing, None, &BTreeMap::new()).map_err(|fault| {
            let mut error = fault.at(self.source);
            error.line = None;
            error.what = format!("{what}: {}", error.what);
            error
        })
    }

    /// Finds the one group that all files of a volume belong to.
    fn group<'o>(&mut self, outputs: impl Iterator<Item = &'o Output>) -> Result<Option<u32>, ConfigError> {
        let mut groups = BTreeSet::new();
        for group in outputs.filter_map(|output| output.group.as_ref()) {
            groups.insert(match group {
                Account::Id(id) => *id,
                Account::Name(name) => self.number_of(name)?,
            });
        }
        if groups.len() > 1 {
            self.warn("files of one folder have several groups: only the first is followed, for all of them");
        }
        Ok(groups.first().copied())
    }

    fn number_of(&self, group: &str) -> Result<u32, ConfigError> {
        let text = self.around.read(Path::new(GROUPS)).unwrap_or_default();
        let found = text.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next() == Some(group)).then(|| fields.nth(1)?.parse().ok())?
        });
        found.ok_or_else(|| self.wrong(format!("there is no group `{group}`")).hinted("give its number"))
    }

    /// Makes the hook of what is run once a template's files have changed.
    fn command(&mut self, template: &Template, files: BTreeSet<FileName>) -> Result<Option<Hook>, ConfigError> {
        let debounce = template.wait.map_or(DEFAULT_DEBOUNCE, |wait| wait.min);
        let Some(Command { argv, timeout }) = &template.command else { return Ok(None) };
        let mut argv = argv.clone();
        if let Some(program) = argv.first_mut().filter(|program| !program.starts_with('/')) {
            let found = self.around.program(program).and_then(|path| path.to_str().map(str::to_owned));
            let Some(found) = found else {
                return Err(self
                    .wrong(format!(
                        "`{program}`, which is run for {}, is in none of the usual folders",
                        template.destination.display()
                    ))
                    .hinted("give its whole path"));
            };
            self.warn(format!("`{program}` is taken to be {found}, whatever PATH says"));
            *program = found;
        }
        let tell = Tell::Command { argv, timeout: *timeout };
        Ok(Some(Hook { tell, files, debounce, at_start: true }))
    }

    /// Gives the signal that the child is stopped by before it is started again.
    fn stopping(&mut self, signal: Signal) -> SignalName {
        let name = match signal {
            Signal::Hup => "HUP",
            Signal::Int => "INT",
            Signal::Quit => "QUIT",
            Signal::Usr1 => "USR1",
            Signal::Usr2 => "USR2",
            Signal::Winch => "WINCH",
            Signal::Term => return SignalName::TERM,
            Signal::Kill => {
                self.warn(
                    "`restart_stop_signal` is not followed: the process is stopped by SIGTERM, and killed after that",
                );
                return SignalName::TERM;
            }
        };
        SignalName::parse(name).unwrap_or(SignalName::TERM)
    }

    fn say_what_is_lost(&mut self, asked: &Translation) {
        if asked.templates.iter().any(|template| template.user.is_some()) {
            self.warn("`user` has no counterpart: files belong to the user that the agent runs as");
        }
        if !matches!(asked.log_level, LogLevel::Info) {
            self.warn("`log_level` is not followed: what happens is logged, once");
        }
        let usual = TemplateConfig::default();
        let threshold = asked.template_config.lease_renewal_threshold;
        if (threshold - usual.lease_renewal_threshold).abs() > f64::EPSILON {
            self.warn("`lease_renewal_threshold` is not followed: leases are renewed after two thirds of their time");
        }
    }
}

impl ConfigError {
    fn hinted(mut self, hint: &str) -> Self {
        self.hint = Some(hint.to_owned());
        self
    }
}
