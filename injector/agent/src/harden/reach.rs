//! What the agent has to reach once it has begun: the files and ports that its configuration names, and no others.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use oakum_inject::Injection;
use oakum_inject::config::{AwsCredentials, KUBERNETES_NAMESPACE, Literal, Receiver, Removal, Store, Tell, VaultAuth};
use oakum_inject::provider::Manner;

use crate::reload::files_named_in;

/// Ports of AWS's own services, and of the metadata of its machines.
const AWS: [u16; 2] = [443, 80];
/// Answers of name servers that are too long for UDP.
const DNS: u16 = 53;
/// What a name is looked up with.
const NAMES: &[&str] = &["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf"];
/// Where systems keep the certificates that they trust.
const TRUST: &[&str] =
    &["/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates"];

/// Files that may be read, and ports that may be connected to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Folders with all that is in them, and single files.
    pub(super) read: BTreeSet<PathBuf>,
    /// Folders in which files may be made, replaced and removed.
    pub(super) write: BTreeSet<PathBuf>,
    pub(super) ports: BTreeSet<u16>,
    /// The folders that volumes are taken out of at the end which we made.
    pub(super) above_volumes: BTreeSet<PathBuf>,
    /// Folders that a file is taken out of at the end. Nothing can be written there.
    pub(super) remove: BTreeSet<PathBuf>,
    /// Whether processes are told of changes by a signal.
    pub(super) signals: bool,
}

impl Reach {
    /// Tells whether all of another reach is in this one.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        other.read.is_subset(&self.read)
            && other.write.is_subset(&self.write)
            && other.ports.is_subset(&self.ports)
            && (self.signals || !other.signals)
    }

    /// Works out what a configuration needs; `variable` gives those of the environment.
    pub(crate) fn of(injection: &Injection, sources: &[PathBuf], variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let mut reach = Self { ports: BTreeSet::from([DNS]), ..Self::default() };
        reach.read.insert("/proc/self".into());
        sources.iter().for_each(|path| reach.beside(path));
        for path in NAMES.iter().map(Path::new) {
            reach.read.insert(path.to_owned());
            // A link leads to what a resolver writes, and replaces by a rename.
            if path.is_symlink() {
                reach.target_of(path);
            }
        }
        let mut own_trust = true;
        for store in injection.stores.values() {
            let ca = match store {
                Store::File(file) => {
                    reach.read.insert(file.path.clone());
                    continue;
                }
                Store::Vault(vault) => {
                    reach.ports.insert(vault.address.port);
                    reach.vault(&vault.auth);
                    // What is kept is replaced as a whole, in its folder.
                    let given = vault.write_token.iter().filter_map(|file| file.path.parent());
                    reach.write.extend(vault.kept_in().chain(given).map(Path::to_owned));
                    if let VaultAuth::Aws { credentials, .. } = &vault.auth {
                        reach.ports.extend(AWS);
                        reach.aws(credentials, &variable);
                        // STS is not Vault, and bears no certificate of its authority.
                        own_trust = false;
                    }
                    let client = vault.client.iter().flat_map(|client| [&client.cert, &client.key]);
                    client.for_each(|file| reach.beside(file));
                    vault.ca.as_ref()
                }
                Store::Aws(aws) => {
                    reach.ports.extend(AWS);
                    reach.ports.extend(aws.endpoint.as_ref().map(|address| address.port));
                    reach.aws(&aws.credentials, &variable);
                    aws.ca.as_ref()
                }
                Store::Kubernetes(cluster) => {
                    let variable = |name: &str| variable(name).and_then(|value| value.into_string().ok());
                    let in_pod = variable("KUBERNETES_SERVICE_PORT").and_then(|port| port.parse().ok());
                    reach.ports.extend(cluster.address.as_ref().map(|address| address.port).or(in_pod));
                    reach.beside(&cluster.token);
                    reach.beside(Path::new(KUBERNETES_NAMESPACE));
                    Some(&cluster.ca)
                }
                _ => None,
            };
            own_trust &= ca.is_some();
            ca.into_iter().for_each(|ca| reach.beside(ca));
        }
        for secret in injection.secrets.values() {
            if let Manner::InFile(path) = &secret.manner {
                reach.beside(path);
            }
        }
        for hook in &injection.on_change {
            reach.signals |= matches!(hook.tell, Tell::Signal { .. });
            match &hook.tell {
                Tell::Signal { to: Receiver::PidFile(path), .. } => reach.beside(path),
                // Processes are found by their names.
                Tell::Signal { to: Receiver::Process(_), .. } => drop(reach.read.insert("/proc".into())),
                Tell::Http { address, .. } => drop(reach.ports.insert(address.port)),
                _ => {}
            }
        }
        for (_, template) in injection.templates() {
            files_named_in(&template.parsed).iter().for_each(|path| reach.beside(path));
        }
        if !own_trust {
            reach.read.extend(TRUST.iter().map(PathBuf::from));
            let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(variable);
            reach.read.extend(named.flat_map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>()));
        }
        reach
    }

    /// Lets a volume be taken away at the end.
    pub(crate) fn take_away(&mut self, volume: &Path) {
        self.above_volumes.extend(volume.parent().map(Path::to_owned));
    }

    /// Lets a file be taken away at the end. The right holds for all that is under its folder, so where other folders are
    /// in that, such as in `/run`, it is not given: then the file stays.
    pub(crate) fn take_out(&mut self, file: &Path) {
        let is_folder = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.and_then(|entry| entry.file_type()).is_ok_and(|kind| kind.is_dir())
        };
        let folder =
            file.parent().filter(|folder| std::fs::read_dir(folder).is_ok_and(|mut entries| !entries.any(is_folder)));
        self.remove.extend(folder.map(Path::to_owned));
    }

    fn vault(&mut self, auth: &VaultAuth) {
        match auth {
            VaultAuth::AppRole { role_id, secret_id, wrapped: _, mount: _, remove } => {
                if let Literal::File(path) = role_id {
                    self.beside(path);
                }
                self.beside(secret_id);
                self.write.extend(secret_id.parent().filter(|_| *remove).map(Path::to_owned));
            }
            VaultAuth::Jwt { token, remove, .. } => {
                self.beside(token);
                let file = match remove {
                    Removal::Never => None,
                    Removal::File => Some(token.clone()),
                    Removal::Target => token.canonicalize().ok(),
                };
                self.write.extend(file.as_deref().and_then(Path::parent).map(Path::to_owned));
            }
            VaultAuth::Kubernetes { token, .. } | VaultAuth::TokenFile(token) => self.beside(token),
            _ => {}
        }
    }

    fn aws(&mut self, credentials: &AwsCredentials, variable: impl Fn(&str) -> Option<OsString>) {
        match credentials {
            AwsCredentials::File { path, .. } | AwsCredentials::WebIdentity { token: path, .. } => self.beside(path),
            _ => {}
        }
        for name in ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
            if let Some(path) = variable(name) {
                self.beside(Path::new(&path));
            }
        }
        for name in ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_SERVICE_ENDPOINT"] {
            let address = variable(name).and_then(|address| address.into_string().ok());
            self.ports.extend(address.as_deref().and_then(port));
        }
    }

    /// Adds the folder of a file: what rotates is replaced there, and what Kubernetes projects is a link into a folder
    /// beside it. A link's target counts as well.
    fn beside(&mut self, file: &Path) {
        self.folder_of(file);
        self.target_of(file);
    }

    fn target_of(&mut self, file: &Path) {
        if let Ok(target) = file.canonicalize() {
            self.folder_of(&target);
        }
    }

    /// Adds the nearest folder above a file that is there already, but never all of `/` or `/etc`.
    fn folder_of(&mut self, file: &Path) {
        const SHARED: &[&str] = &["/", "/etc"];
        match file.ancestors().skip(1).find(|folder| folder.is_dir()) {
            Some(folder) if !SHARED.iter().any(|shared| Path::new(shared) == folder) => {
                self.read.insert(folder.to_owned());
            }
            _ => {
                self.read.insert(file.to_owned());
            }
        }
    }
}

/// Reads the port of an address, if it names one.
fn port(address: &str) -> Option<u16> {
    let (_, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    authority.rsplit_once(':')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_reaches_what_it_names_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["config", "token", "elsewhere", "store"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        std::fs::write(at("elsewhere/id"), "").unwrap();
        std::os::unix::fs::symlink(at("elsewhere/id"), at("token/id")).unwrap();
        let text = format!(
            "apiVersion: oakum.dev/v1
kind: Injection
stores:
  vault: {{ vault: {{ address: \"https://vault:8210\", ca: {ca}, auth: {{ approle: {{ role_id: x, secret_id_file: {id} }} }} }} }}
  files: {{ file: {{ path: {store} }} }}
secrets: {{ db: {{ from: \"vault:secret/db\" }} }}
files: {{ db: \"db#word\" }}
",
            ca = at("config/ca.pem").display(),
            id = at("token/id").display(),
            store = at("store").display(),
        );
        let injection = Injection::parse(&text, "test").unwrap();
        let reach = Reach::of(&injection, &[at("config/oakum.yaml")], |_| None);
        assert_eq!(reach.ports, BTreeSet::from([53, 8210]));
        let mine: Vec<_> = reach.read.iter().filter_map(|path| path.strip_prefix(folder.path()).ok()).collect();
        assert_eq!(mine, ["config", "elsewhere", "store", "token"].map(Path::new));
        assert!(!reach.read.contains(Path::new("/etc")) && !reach.read.contains(Path::new("/etc/ssl")));

        let text = text.replace(&format!("ca: {}, ", at("config/ca.pem").display()), "");
        let reach = Reach::of(&Injection::parse(&text, "test").unwrap(), &["/etc/oakum.yaml".into()], |_| None);
        assert!(reach.read.contains(Path::new("/etc/ssl")) && reach.read.contains(Path::new("/etc/oakum.yaml")));
    }

    #[test]
    fn a_file_is_taken_out_of_a_folder_that_has_no_other_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own");
        std::fs::create_dir(&own).unwrap();
        std::fs::write(own.join("another"), "").unwrap();
        let mut reach = Reach::default();
        reach.take_out(&own.join("agent.pid"));
        assert_eq!(reach, Reach { remove: BTreeSet::from([own]), ..Reach::default() });
        reach.remove.clear();
        reach.take_out(&folder.path().join("agent.pid"));
        reach.take_out(Path::new("/"));
        assert_eq!(reach, Reach::default());
    }

    #[test]
    fn a_login_reaches_what_it_shows_and_keeps_and_whom_it_asks() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["tls", "kept"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let text = "apiVersion: oakum.dev/v1
kind: Injection
stores:
  vault: { vault: {
    address: \"https://vault:8210\", ca: AT/tls/ca, client_cert: AT/tls/crt, client_key: AT/tls/key,
    keep_token: AT/kept/token, auth: { aws: { role: web, credentials: { instance: {} } } } } }
secrets: { db: { from: \"vault:secret/db\" } }
files: { db: \"db#word\" }
";
        let text = text.replace("AT", &folder.path().display().to_string());
        let reach = Reach::of(&Injection::parse(&text, "test").unwrap(), &["/etc/oakum.yaml".into()], |_| None);
        assert_eq!(reach.ports, BTreeSet::from([53, 80, 443, 8210]));
        assert_eq!(reach.write, BTreeSet::from([folder.path().join("kept")]));
        assert!(reach.read.contains(&folder.path().join("tls")) && !reach.read.contains(&folder.path().join("kept")));
        // Who vouches for STS is not who vouches for Vault.
        assert!(reach.read.contains(Path::new("/etc/ssl")));
    }

    #[test]
    fn ports_are_read_from_addresses() {
        assert_eq!(port("http://127.0.0.1:8080/path:9"), Some(8080));
        assert_eq!(port("http://[fd00:ec2::23]/v1"), None);
        assert_eq!(port("http://[fd00:ec2::23]:81"), Some(81));
        assert_eq!(port("http://169.254.170.23/v1"), None);
    }
}
