//! From the tree of a document to a [`VaultAgentConfig`]: the top of it, and the blocks of a few keys.

use super::values::{boolean, duration, given, labelled, namespace, number, one, optional, path, signal, string};
use super::{
    Exec, LogLevel, Restart, Signal, TemplateConfig, VaultAgentConfig, VaultBlock, Warning, translate::plain_http,
};
use crate::config::map::{Fault, Map, Result, text};
use crate::config::{Address, ConfigError, LogFormat, PlainHttp};
use crate::hcl;
use crate::reference::shorten;
use crate::yaml::{Kind, Node};

/// Reads a whole configuration.
pub(super) fn config(content: &str, source: &str) -> std::result::Result<VaultAgentConfig, ConfigError> {
    hcl::parse(content)
        .map_err(|error| Fault::new(error.line, error.what))
        .and_then(|node| Reader::default().config(&node, source))
        .map_err(|fault| fault.at(source))
}

/// Gathers what has no counterpart while the blocks are read.
#[derive(Default)]
pub(super) struct Reader {
    warnings: Vec<Warning>,
}

impl Reader {
    pub(super) fn warn(&mut self, line: usize, what: impl Into<String>) {
        self.warnings.push(Warning { line: Some(line), what: what.into() });
    }

    /// Warns of a key that Vault Agent has and we have not; `why` says what is done instead. One that is false asks for
    /// nothing.
    pub(super) fn lost(&mut self, map: &mut Map<'_>, key: &'static str, why: &str) {
        let is_off = |node: &Node| match &node.kind {
            Kind::Scalar { text, .. } => text == "false",
            Kind::List(items) => items.is_empty(),
            Kind::Map(_) => false,
        };
        if let Some(node) = given(map, key).filter(|node| !is_off(node)) {
            self.warn(node.line, format!("`{key}` has no counterpart: {why}"));
        }
    }

    fn config(mut self, node: &Node, source: &str) -> Result<VaultAgentConfig> {
        let mut map = Map::open(node, "the configuration")?;
        let line = map.line();
        let vault = match given(&mut map, "vault") {
            Some(node) => self.vault(one(node, "vault")?)?,
            None => VaultBlock { line, ..VaultBlock::default() },
        };
        let auto_auth = map.get("auto_auth");
        let templates = self.templates(given(&mut map, "template"))?;
        let env_templates = self.env_templates(given(&mut map, "env_template"))?;
        let exec = given(&mut map, "exec").map(|node| self.exec(one(node, "exec")?)).transpose()?;
        let template_config = match given(&mut map, "template_config") {
            Some(node) => self.template_config(one(node, "template_config")?)?,
            None => TemplateConfig::default(),
        };
        let exit_after_auth = optional(&mut map, "exit_after_auth", boolean)?.unwrap_or(false);
        let pid_file = optional(&mut map, "pid_file", path)?;
        let log_level = optional(&mut map, "log_level", log_level)?.unwrap_or_default();
        let log_format = optional(&mut map, "log_format", log_format)?.unwrap_or_default();
        self.servers(&mut map)?;
        map.finish()?;
        let Some(auto_auth) = auto_auth else {
            return Err(Fault::new(
                line,
                "the configuration lacks `auto_auth`, and nothing can be read without a login",
            )
            .hint("write `auto_auth { method \"kubernetes\" { config = { role = \"…\" } } }`"));
        };
        let (login, sinks) = self.auto_auth(one(auto_auth, "auto_auth")?)?;
        if !env_templates.is_empty() && exec.is_none() {
            return Err(Fault::new(line, "there is an `env_template`, and no `exec` to start with the variable")
                .hint("write `exec { command = [\"/app\"] }`, or render a file with `template`"));
        }
        self.warnings.sort_by_key(|warning| warning.line);
        Ok(VaultAgentConfig {
            source: source.to_owned(),
            vault,
            login,
            sinks,
            templates,
            env_templates,
            exec,
            template_config,
            exit_after_auth,
            pid_file,
            log_level,
            log_format,
            warnings: self.warnings,
        })
    }

    fn vault(&mut self, node: &Node) -> Result<VaultBlock> {
        let mut map = Map::open(node, "`vault`")?;
        let address = given(&mut map, "address").map(|node| self.address(node)).transpose()?;
        let block = VaultBlock {
            line: map.line(),
            address,
            namespace: optional(&mut map, "namespace", namespace)?,
            ca_cert: optional(&mut map, "ca_cert", path)?,
            client_cert: optional(&mut map, "client_cert", path)?,
            client_key: optional(&mut map, "client_key", path)?,
            tls_server_name: optional(&mut map, "tls_server_name", string)?,
            tls_skip_verify: optional(&mut map, "tls_skip_verify", boolean)?,
        };
        self.lost(&mut map, "ca_path", "put the certificates into one file and name that as `ca_cert`");
        if let Some(retry) = given(&mut map, "retry") {
            let mut retry = Map::open(one(retry, "retry")?, "`retry`")?;
            optional(&mut retry, "num_retries", number::<i32>)?;
            self.lost(&mut retry, "num_retries", "requests are tried again by our own rules");
            retry.finish()?;
        }
        map.finish()?;
        Ok(block)
    }

    fn address(&mut self, node: &Node) -> Result<Address> {
        let address = Address::parse(text(node, "address")?, PlainHttp::Anywhere).map_err(|(what, hint)| Fault {
            line: node.line,
            what,
            hint,
        })?;
        if let Some(what) = plain_http(&address) {
            self.warn(node.line, what);
        }
        Ok(address)
    }

    fn exec(&mut self, node: &Node) -> Result<Exec> {
        let mut map = Map::open(node, "`exec`")?;
        let argv = self.argv(map.need("command")?, "command")?;
        let restart_on_secret_changes =
            optional(&mut map, "restart_on_secret_changes", restart)?.unwrap_or(Restart::Always);
        let restart_stop_signal = optional(&mut map, "restart_stop_signal", signal)?.unwrap_or(Signal::Term);
        for key in ["child_process_stdout", "child_process_stderr"] {
            self.lost(&mut map, key, "the process writes to where the agent writes");
        }
        map.finish()?;
        Ok(Exec { argv, restart_on_secret_changes, restart_stop_signal })
    }

    fn template_config(&mut self, node: &Node) -> Result<TemplateConfig> {
        let default = TemplateConfig::default();
        let mut map = Map::open(node, "`template_config`")?;
        let config = TemplateConfig {
            exit_on_retry_failure: optional(&mut map, "exit_on_retry_failure", boolean)?
                .unwrap_or(default.exit_on_retry_failure),
            static_secret_render_interval: optional(&mut map, "static_secret_render_interval", interval)?
                .unwrap_or(default.static_secret_render_interval),
            lease_renewal_threshold: optional(&mut map, "lease_renewal_threshold", threshold)?
                .unwrap_or(default.lease_renewal_threshold),
        };
        self.lost(&mut map, "max_connections_per_host", "the agent keeps as many connections as it needs");
        map.finish()?;
        Ok(config)
    }

    /// Goes through what makes Vault Agent a server, or has to do with its process: there is no counterpart.
    fn servers(&mut self, map: &mut Map<'_>) -> Result<()> {
        const NO_PROXY: &str = "nothing is proxied or cached for others, and the app reads files or variables";
        const TO_STDERR: &str = "logs go to standard error";
        if let Some(node) = given(map, "cache") {
            cache(one(node, "cache")?)?;
        }
        if let Some(node) = given(map, "api_proxy") {
            let keys =
                ["use_auto_auth_token", "enforce_consistency", "when_inconsistent", "prepend_configured_namespace"];
            known(one(node, "api_proxy")?, "`api_proxy`", &keys)?;
        }
        self.lost(map, "cache", NO_PROXY);
        self.lost(map, "api_proxy", NO_PROXY);
        if let Some(node) = given(map, "listener") {
            // One warning for each, since each is a port that something may call.
            for (_, listener) in labelled(node, &["type", "address"]) {
                self.warn(listener.line, format!("`listener` has no counterpart: {NO_PROXY}"));
            }
        }
        self.lost(map, "telemetry", "metrics are served where `listen` of our own configuration says");
        for key in ["log_file", "log_rotate_bytes", "log_rotate_duration", "log_rotate_max_files"] {
            self.lost(map, key, TO_STDERR);
        }
        for key in ["disable_idle_connections", "disable_keep_alives"] {
            self.lost(map, key, "connections are kept open between requests");
        }
        Ok(())
    }
}

/// Refuses mistyped keys in a block that is not followed.
fn known(node: &Node, what: &str, keys: &[&'static str]) -> Result<()> {
    let mut map = Map::open(node, what)?;
    for key in keys {
        map.get(key);
    }
    map.finish()
}

fn cache(node: &Node) -> Result<()> {
    const PERSIST: &[&str] = &["type", "path", "keep_after_import", "exit_on_err", "service_account_token_file"];
    const KEYS: &[&str] = &[
        "persist",
        "use_auto_auth_token",
        "enforce_consistency",
        "when_inconsistent",
        "cache_static_secrets",
        "static_secret_token_capability_refresh_interval",
        "disable_caching_dynamic_secrets",
    ];
    known(node, "`cache`", KEYS)?;
    let mut map = Map::open(node, "`cache`")?;
    for (_, persist) in given(&mut map, "persist").into_iter().flat_map(|node| labelled(node, PERSIST)) {
        known(persist, "`persist`", PERSIST)?;
    }
    Ok(())
}

fn restart(text: &str) -> std::result::Result<Restart, String> {
    match text {
        "always" => Ok(Restart::Always),
        "never" => Ok(Restart::Never),
        _ => Err(format!("`{}` is neither always nor never", shorten(text))),
    }
}

fn interval(text: &str) -> std::result::Result<std::time::Duration, String> {
    match duration(text)? {
        short if short.as_millis() < 1000 => Err("the least is 1s".to_owned()),
        enough => Ok(enough),
    }
}

fn threshold(text: &str) -> std::result::Result<f64, String> {
    let part: f64 = number(text)?;
    // Not a number is in no range.
    if part > 0.0 && part <= 1.0 { Ok(part) } else { Err("must be above 0 and at most 1".to_owned()) }
}

fn log_level(text: &str) -> std::result::Result<LogLevel, String> {
    match text.to_ascii_lowercase().as_str() {
        "trace" => Ok(LogLevel::Trace),
        "debug" => Ok(LogLevel::Debug),
        "info" | "notice" => Ok(LogLevel::Info),
        "warn" | "warning" => Ok(LogLevel::Warn),
        "error" | "err" => Ok(LogLevel::Error),
        _ => Err(format!("`{}` is none of trace, debug, info, warn and error", shorten(text))),
    }
}

fn log_format(text: &str) -> std::result::Result<LogFormat, String> {
    match text.to_ascii_lowercase().as_str() {
        "standard" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("`{}` is neither standard nor json", shorten(text))),
    }
}
