//! `check`: says what would be done, touching nothing.

use std::fmt::Write;

use oakum_inject::Injection;
use oakum_inject::config::{
    AwsCredentials, Content, EnvSource, FileSpec, Literal, Receiver, Removal, Source, Store, Tell, TemplateSpec,
    VaultAuth,
};
use oakum_inject::provider::Manner;

use crate::shell::runs_commands;
use crate::{Failure, Loaded, harden, output, volume};

/// Prints the plan, and then what is wrong with it, if anything.
///
/// # Errors
/// Says that a store cannot be opened, or that the volume would be refused.
pub(crate) fn describe(loaded: &Loaded) -> Result<u8, Failure> {
    let Loaded { injection, command, once, pid_file, warnings, sources: _ } = loaded;
    let mut text = text(injection);
    if let Some(command) = command {
        text += &format!("command: {}\n", output::plain(&command.join(" ")));
    }
    if *once {
        text += "ends once everything is there\n";
    }
    if let Some(path) = pid_file {
        text += &format!("writes the number of its process to {}\n", output::plain(&path.display().to_string()));
    }
    for warning in warnings {
        text += &format!("warning: {}\n", output::plain(warning));
    }
    output::say(text.trim_end())?;
    for store in injection.stores.values() {
        oakum_providers::open(store)?;
    }
    for volume in injection.used_volumes().values().filter(|volume| volume.path.exists()) {
        volume::inspect(&volume.path)?;
    }
    Ok(0)
}

/// Looks whether every file of the configuration is in its place: what a startup probe asks, so that an app begins after
/// the first publication.
///
/// # Errors
/// Names the first file that is not there.
pub(crate) fn published(injection: &Injection) -> Result<u8, Failure> {
    if let Some(name) = injection.files.keys().find(|name| !injection.path_of(name).is_file()) {
        return Err(Failure::waiting(format!("{name} has not been published yet")));
    }
    let lent = injection.stores.values().flat_map(|store| match store {
        Store::Vault(vault) => vault.write_token.as_slice(),
        _ => &[],
    });
    match lent.map(|file| &file.path).find(|path| !path.is_file()) {
        None => Ok(0),
        Some(path) => Err(Failure::waiting(format!("{} has not been written yet", path.display()))),
    }
}

fn text(injection: &Injection) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, injection);
    output_lines(&text)
}

/// Escapes line by line: names come from a file that anybody may have written.
fn output_lines(text: &str) -> String {
    text.lines().map(|line| output::plain(line) + "\n").collect()
}

fn write(out: &mut String, injection: &Injection) -> std::fmt::Result {
    let Injection { stores, volume: _, volumes: _, secrets, files, env, on_change, listen, log: _, audit } = injection;
    for (name, store) in stores {
        writeln!(out, "store {name}: {}", store_text(store))?;
    }
    for (name, secret) in secrets {
        writeln!(
            out,
            "secret {name}: {} {}, looked at every {:?}",
            manner_text(&secret.manner),
            secret.from,
            secret.refresh
        )?;
    }
    for (name, volume) in injection.used_volumes() {
        let place = if volume.path.exists() { "" } else { " (not there yet)" };
        let name_of = name.map(|name| format!("{name} ")).unwrap_or_default();
        write!(out, "volume {name_of}{}{place}: mode {}", volume.path.display(), volume.mode)?;
        if let Some(group) = volume.group {
            write!(out, ", group {group}")?;
        }
        writeln!(out, ", the generation before is wiped after {:?}", volume.grace)?;
        for (file, spec) in files.iter().filter(|(file, _)| file.volume() == name) {
            writeln!(out, "  {}: {}", file.path(), file_text(spec))?;
        }
    }
    if let Some(audit) = audit {
        writeln!(out, "every access is logged, with its path {}", audit.name())?;
    }
    for (name, source) in env {
        let source = match source {
            EnvSource::Value(value) => value.to_string(),
            EnvSource::Template(template) => template_text(template),
        };
        writeln!(out, "environment {name}: {source} (in `exec`)")?;
    }
    for hook in on_change {
        let files = if hook.files.is_empty() {
            "a file".to_owned()
        } else {
            hook.files.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
        };
        writeln!(out, "when {files} has changed for {:?}: {}", hook.debounce, hook_text(&hook.tell))?;
    }
    if let Some(listen) = listen {
        writeln!(out, "health and metrics: http://{listen}")?;
    }
    writeln!(out, "sandbox: {}", harden::would_be(runs_commands(injection)))
}

fn manner_text(manner: &Manner) -> String {
    match manner {
        Manner::Fields | Manner::Whole => "from".to_owned(),
        Manner::List => "the names below".to_owned(),
        Manner::Metadata => "the metadata of".to_owned(),
        Manner::Token(ttl) => format!("a token for {ttl:?} that unwraps"),
        Manner::ByToken(ttl) => format!("wrapped for {ttl:?}, from"),
        Manner::InFile(path) => format!("unwrapped by the token in {}, from", path.display()),
    }
}

fn store_text(store: &Store) -> String {
    match store {
        Store::Vault(vault) => {
            let login = match &vault.auth {
                VaultAuth::AppRole { mount, role_id, secret_id, wrapped, remove } => {
                    let role = match role_id {
                        Literal::Here(_) => "of the configuration".to_owned(),
                        Literal::File(path) => format!("in {}", path.display()),
                    };
                    let keep = wrapped.as_ref().and_then(|wrapping| wrapping.keep.as_ref());
                    let keep = keep.map(|path| format!(", kept in {}", path.display())).unwrap_or_default();
                    let wrapped = if wrapped.is_some() { " that is wrapped" } else { "" };
                    let removed = if *remove { ", which is taken away then" } else { "" };
                    format!(
                        "logs in at auth/{mount} with the role id {role} and the secret id{wrapped} in {}{keep}{removed}",
                        secret_id.display()
                    )
                }
                VaultAuth::Kubernetes { mount, role, token } => {
                    format!("logs in at auth/{mount} as {role} with the token in {}", token.display())
                }
                VaultAuth::Jwt { mount, role, token, remove } => {
                    let removed = if *remove == Removal::Never { "" } else { ", which is taken away then" };
                    format!("logs in at auth/{mount} as {role} with the token in {}{removed}", token.display())
                }
                VaultAuth::Cert { mount, name } => {
                    let role = name.as_ref().map(|name| format!(" as {name}")).unwrap_or_default();
                    format!("logs in at auth/{mount}{role} with its certificate")
                }
                VaultAuth::Aws { mount, role, credentials, region, header: _ } => {
                    let region = region.as_ref().map(|region| format!(" in {region}")).unwrap_or_default();
                    let credentials = credentials_text(credentials);
                    format!(
                        "logs in at auth/{mount} as {role} with a request to STS{region}, signed with {credentials}"
                    )
                }
                VaultAuth::TokenFile(path) => format!("uses the token in {}", path.display()),
                _ => "logs in".to_owned(),
            };
            let namespace = vault.namespace.as_ref().map(|name| format!(", namespace {name}")).unwrap_or_default();
            let trust = vault.ca.as_ref().map(|path| format!(", trusts only {}", path.display())).unwrap_or_default();
            let shown = vault.client.as_ref().map(|client| format!(", shows {}", client.cert.display()));
            let shown = shown.unwrap_or_default();
            let keep = vault.keep_token.as_ref().map(|path| format!(", keeps its token in {}", path.display()));
            let mut keep = keep.unwrap_or_default();
            if let Some(folder) = &vault.keep_unwrapped {
                keep += &format!(", keeps what it unwraps in {}", folder.display());
            }
            for file in &vault.write_token {
                let wrapped = file.wrap.map(|ttl| format!(" wrapped for {ttl:?}")).unwrap_or_default();
                let (path, mode) = (file.path.display(), file.mode);
                keep += &format!(", writes its token{wrapped} to {path} for others, mode {mode}");
                keep += &file.user.map(|user| format!(", user {user}")).unwrap_or_default();
                keep += &file.group.map(|group| format!(", group {group}")).unwrap_or_default();
            }
            format!("Vault at {}{namespace}{trust}{shown}, {login}{keep}", vault.address)
        }
        Store::File(file) => format!("files under {}", file.path.display()),
        Store::Aws(aws) => {
            let credentials = credentials_text(&aws.credentials);
            let endpoint = aws.endpoint.as_ref().map(|address| format!(" at {address}")).unwrap_or_default();
            let trust = aws.ca.as_ref().map(|path| format!(", trusts only {}", path.display())).unwrap_or_default();
            format!("AWS in {}{endpoint}{trust}, uses {credentials}", aws.region)
        }
        Store::Kubernetes(kubernetes) => {
            let place = kubernetes.address.as_ref().map_or_else(
                || "Kubernetes, where the environment of the pod says".to_owned(),
                |address| format!("Kubernetes at {address}"),
            );
            let namespace = kubernetes.namespace.as_ref().map(|name| format!(", namespace {name}")).unwrap_or_default();
            let (ca, token) = (kubernetes.ca.display(), kubernetes.token.display());
            format!("{place}{namespace}, trusts only {ca}, uses the token in {token}")
        }
        _ => "of a kind that this program does not know".to_owned(),
    }
}

fn credentials_text(credentials: &AwsCredentials) -> String {
    match credentials {
        AwsCredentials::Chain => "the first credentials that it finds".to_owned(),
        AwsCredentials::Environment => "the credentials in the environment".to_owned(),
        AwsCredentials::File { path, profile } => {
            format!("the credentials of the profile {profile} in {}", path.display())
        }
        AwsCredentials::WebIdentity { role, token } => {
            format!("those of the role {role} with the token in {}", token.display())
        }
        AwsCredentials::Container => "the credentials of the container".to_owned(),
        AwsCredentials::Instance => "the credentials of the instance".to_owned(),
        _ => "credentials".to_owned(),
    }
}

fn hook_text(tell: &Tell) -> String {
    match tell {
        Tell::Signal { signal, to } => {
            let to = match to {
                Receiver::Child => "the child of `exec`".to_owned(),
                Receiver::Process(name) => format!("every process named {name}"),
                Receiver::PidFile(path) => format!("the process whose number is in {}", path.display()),
            };
            format!("SIG{} to {to}", signal.as_str())
        }
        Tell::Restart(_) => "the child of `exec` is started again".to_owned(),
        Tell::Command { argv, timeout } => format!("runs {} for at most {timeout:?}", argv.join(" ")),
        Tell::Http { address, path, method } => format!("{method} {address}{path}"),
        _ => "of a kind that this program does not know".to_owned(),
    }
}

fn template_text(template: &TemplateSpec) -> String {
    let uses: Vec<String> = template.uses.iter().map(ToString::to_string).collect();
    let paths: Vec<&str> = template.calls.keys().map(|call| call.path.as_str()).collect();
    let mut parts = [uses.iter().map(String::as_str).collect(), paths].concat();
    if template.further.is_some() {
        parts.push("what it finds while it is rendered");
    }
    if parts.is_empty() { "a template".to_owned() } else { format!("a template of {}", parts.join(", ")) }
}

fn file_text(file: &FileSpec) -> String {
    let source = |source: &Source| match source {
        Source::Secret(name) => format!("all fields of {name}"),
        Source::Values(values) => {
            values.iter().map(|(key, value)| format!("{key} from {value}")).collect::<Vec<_>>().join(", ")
        }
    };
    let content = match &file.content {
        Content::Raw(value) => format!("raw, {value}"),
        Content::Fields { format, source: values, with } => {
            let fixed: String = with.iter().map(|(key, value)| format!(", {key} {value}")).collect();
            format!("{}, {}{fixed}", format.name(), source(values))
        }
        Content::Template(template) => template_text(template),
        _ => "of a format that this program does not know".to_owned(),
    };
    file.mode.map_or_else(|| content.clone(), |mode| format!("{content}, mode {mode}"))
}
