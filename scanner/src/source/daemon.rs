//! Images that a container engine has, asked for by its API (Docker's, version 1.12 and later; Podman's is the same):
//! one read-only call, which gives what `docker save` would write. The engine makes it anew each time, and an archive of
//! it can only be read from its beginning, so it is asked twice: for what there is, and for the layers.

use std::fmt;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{ClientCert, PrivateKey, RootCerts, TlsConfig};

use super::image::Images;
use super::image::store::Reopen;
use super::registry::Name;
use super::{Limits, SourceError, tls};

/// Where engines listen if nobody says where.
const SOCKETS: [&str; 2] = ["/var/run/docker.sock", "/run/podman/podman.sock"];
/// How long an engine may be silent. It packs a layer before it says a word.
const PATIENCE: Duration = Duration::from_secs(300);
/// The longest line of an answer's head.
const MOST_HEAD: u64 = 16 << 10;

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    Socket(PathBuf),
    /// A URL, with TLS or without.
    Net(String),
}

impl Address {
    /// What `DOCKER_HOST` says, or else the first of the usual sockets that is there.
    fn find() -> io::Result<Self> {
        if let Some(host) = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty()) {
            let said = |key| std::env::var_os(key).is_some_and(|value| !value.is_empty());
            // Docker's own client does without a check of the certificate in the one case; here there is none.
            let tls = said("DOCKER_TLS_VERIFY") || said("DOCKER_TLS");
            return Self::parse(&host, tls).ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("DOCKER_HOST is {host}; unix:// and tcp:// are understood"),
                )
            });
        }
        let user = std::env::var_os("XDG_RUNTIME_DIR").map(|folder| Path::new(&folder).join("podman/podman.sock"));
        let all = SOCKETS.into_iter().map(PathBuf::from).chain(user);
        all.into_iter().find(|path| path.exists()).map(Self::Socket).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                "no engine listens at the usual places; DOCKER_HOST says where else",
            )
        })
    }

    fn parse(host: &str, tls: bool) -> Option<Self> {
        if let Some(path) = host.strip_prefix("unix://") {
            return Some(Self::Socket(path.into()));
        }
        let rest = host.strip_prefix("tcp://")?.trim_end_matches('/');
        let (scheme, port) = if tls { ("https", 2376) } else { ("http", 2375) };
        // The colons of an address of version 6 are no port's.
        let has_port = rest.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
        let port = if has_port { String::new() } else { format!(":{port}") };
        Some(Self::Net(format!("{scheme}://{rest}{port}")))
    }
}

/// An image of an engine.
struct Export {
    address: Address,
    name: String,
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Export({})", self.name)
    }
}

/// Opens an image that an engine has, by its name or its id.
///
/// # Errors
/// If no engine answers, or it has no such image.
pub fn export(name: &str, limits: &Limits) -> Result<Images, SourceError> {
    let target = format!("docker-daemon:{name}");
    let is_id = name.bytes().all(|b| b.is_ascii_hexdigit() || b == b':') && name.len() >= 12;
    if !is_id && name.trim_start_matches("localhost/").parse::<Name>().is_err() {
        let hint = Some("as in docker-daemon:web:1".into());
        return Err(SourceError::Form { target, why: "it is no name of an image".into(), hint });
    }
    let open = |error| SourceError::Open { target: target.clone(), error };
    let export = Export { address: Address::find().map_err(open)?, name: name.to_owned() };
    Images::stream(&target, Box::new(export), limits)
}

impl Reopen for Export {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        // What has been checked to be a name needs no encoding but for the sign of a digest.
        let path = format!("/images/{}/get", self.name);
        match &self.address {
            Address::Socket(socket) => {
                let mut stream = UnixStream::connect(socket)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                // The answer to a client this old comes in one piece, and ends where the connection does.
                write!(stream, "GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n")?;
                let mut answer = BufReader::new(stream);
                let status = head(&mut answer)?;
                if status == 200 { Ok(Box::new(answer)) } else { Err(refusal(status, &mut answer)) }
            }
            Address::Net(url) => {
                let response = agent(url)?.get(format!("{url}{path}")).call().map_err(io::Error::other)?;
                let status = response.status().as_u16();
                let mut body = response.into_body().into_reader();
                if status == 200 { Ok(Box::new(body)) } else { Err(refusal(status, &mut body)) }
            }
        }
    }
}

/// The status of an answer, of which the head is taken.
fn head(answer: &mut BufReader<UnixStream>) -> io::Result<u16> {
    let nonsense = || io::Error::new(io::ErrorKind::InvalidData, "what listens there is no engine");
    let mut line = || {
        let mut text = String::new();
        answer.by_ref().take(MOST_HEAD).read_line(&mut text)?;
        if text.ends_with('\n') { Ok(text.trim_end().to_owned()) } else { Err(nonsense()) }
    };
    let status = line()?.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(nonsense)?;
    for _ in 0..100 {
        if line()?.is_empty() {
            return Ok(status);
        }
    }
    Err(nonsense())
}

/// What an engine says when it refuses.
fn refusal(status: u16, body: &mut dyn Read) -> io::Error {
    let mut text = Vec::new();
    let read = body.take(4096).read_to_end(&mut text);
    let json: Option<serde_json::Value> = read.ok().and_then(|_| serde_json::from_slice(&text).ok());
    let said = json.as_ref().and_then(|json| json.get("message")?.as_str()).unwrap_or_default();
    let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
    let kind = if status == 404 { io::ErrorKind::NotFound } else { io::ErrorKind::Other };
    io::Error::new(kind, format!("the engine answers {status}: {said}"))
}

/// Speaks to an engine by the network. What certificates there are, and who is trusted, is in `DOCKER_CERT_PATH`, or else
/// where Docker keeps what is its own.
fn agent(url: &str) -> io::Result<Agent> {
    let mut roots = None;
    let mut client = None;
    let folder = |key: &str, rest: &str| {
        std::env::var_os(key).filter(|folder| !folder.is_empty()).map(|folder| Path::new(&folder).join(rest))
    };
    let folder =
        folder("DOCKER_CERT_PATH", "").or_else(|| folder("DOCKER_CONFIG", "")).or_else(|| folder("HOME", ".docker"));
    if let Some(folder) = folder.filter(|_| url.starts_with("https:")) {
        let read = |name: &str| match fs::read(folder.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", folder.join(name).display()))),
        };
        roots = read("ca.pem")?.map(|text| tls::in_pem(&text));
        if let (Some(certificate), Some(key)) = (read("cert.pem")?, read("key.pem")?.map(zeroize::Zeroizing::new)) {
            let key = PrivateKey::from_pem(&key).map_err(io::Error::other)?;
            client = Some(ClientCert::new_with_certs(&tls::in_pem(&certificate), key));
        }
    }
    let roots = RootCerts::new_with_certs(&roots.unwrap_or_else(tls::system));
    let tls = TlsConfig::builder().root_certs(roots).client_cert(client);
    let config = Agent::config_builder().tls_config(tls.build()).http_status_as_error(false).max_redirects(0);
    Ok(config.timeout_connect(Some(Duration::from_secs(15))).timeout_recv_response(Some(PATIENCE)).build().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_docker_reads_them() {
        let net = |url: &str| Some(Address::Net(url.into()));
        assert_eq!(Address::parse("unix:///run/x.sock", true), Some(Address::Socket("/run/x.sock".into())));
        assert_eq!(Address::parse("tcp://127.0.0.1:2375/", false), net("http://127.0.0.1:2375"));
        assert_eq!(Address::parse("tcp://example.com", false), net("http://example.com:2375"));
        assert_eq!(Address::parse("tcp://example.com", true), net("https://example.com:2376"));
        assert_eq!(Address::parse("tcp://[::1]", true), net("https://[::1]:2376"));
        assert_eq!(Address::parse("tcp://[::1]:99", true), net("https://[::1]:99"));
        assert_eq!(Address::parse("ssh://host", false), None);
    }

    #[test]
    fn what_is_no_name_goes_to_no_engine() {
        for name in ["", "a b", "a/../../containers/json?x=", "a\r\nHost: x"] {
            assert!(matches!(export(name, &Limits::default()), Err(SourceError::Form { .. })), "{name:?}");
        }
    }
}
