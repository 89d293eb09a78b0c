//! The ways to log in to Vault besides AppRole and Kubernetes, each against a real one.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::agent::Place;
use e2e::planted::Planted;
use e2e::programs::{finish, tool};
use e2e::servers::aws::Aws;
use e2e::servers::faults::Faults;
use e2e::servers::http::{Request, ask};
use e2e::servers::vault::Vault;
use e2e::servers::{Authority, Process, free_port};
use serde_json::{Value, json};

use crate::{MAY_READ, store, store_at};

/// One secret of one field, looked at every second.
const ONE: &str = "secrets: { db: { from: \"vault:secret/db\", refresh: 1s } }\nfiles: { db: \"db#word\" }\n";

/// Who signs tokens, and a folder for what it needs.
pub(crate) struct Issuer(PathBuf);

impl Issuer {
    pub(crate) fn new(folder: &Path) -> Self {
        let key = folder.join("issuer.key");
        tool(Command::new("openssl").args(["genrsa", "-out"]).arg(&key).arg("2048"));
        Self(key)
    }

    fn public_key(&self) -> String {
        tool(Command::new("openssl").args(["rsa", "-pubout", "-in"]).arg(&self.0))
    }

    /// A token of a subject for Vault (RFC 7519), signed by RS256.
    pub(crate) fn token(&self, subject: &str) -> String {
        let encoded = |bytes: &[u8]| {
            let text = finish(Command::new("openssl").args(["base64", "-A"]), bytes).out;
            text.trim_end_matches('=').replace('+', "-").replace('/', "_")
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({ "sub": subject, "aud": "vault", "iat": now, "nbf": now, "exp": now + 600 });
        let head = json!({ "alg": "RS256", "typ": "JWT" });
        let signed = format!("{}.{}", encoded(head.to_string().as_bytes()), encoded(claims.to_string().as_bytes()));
        let (text, signature) = (self.0.with_extension("txt"), self.0.with_extension("sig"));
        fs::write(&text, &signed).unwrap();
        tool(
            Command::new("openssl")
                .args(["dgst", "-sha256", "-sign"])
                .arg(&self.0)
                .arg("-out")
                .arg(&signature)
                .arg(&text),
        );
        format!("{signed}.{}", encoded(&fs::read(signature).unwrap()))
    }
}

/// Lets the subject `web` of an issuer log in.
pub(crate) fn trust(vault: &Vault, issuer: &Issuer) {
    vault.policy("web", MAY_READ);
    vault.write("sys/auth/jwt", &json!({ "type": "jwt" }));
    vault.write("auth/jwt/config", &json!({ "jwt_validation_pubkeys": [issuer.public_key()] }));
    let role = json!({
        "role_type": "jwt", "user_claim": "sub", "bound_audiences": "vault", "bound_subject": "web",
        "token_policies": "web", "token_ttl": "1h",
    });
    vault.write("auth/jwt/role/web", &role);
}

/// What Vault knows of the one session that there is.
fn session(vault: &Vault) -> Value {
    let all = vault.sessions();
    assert_eq!(all.len(), 1, "{all:?}");
    vault.write("auth/token/lookup-accessor", &json!({ "accessor": all.first() }))["data"].take()
}

#[test]
fn a_json_web_token_logs_in_and_its_file_is_read_anew_each_time() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    let issuer = Issuer::new(vault.folder());
    trust(&vault, &issuer);
    vault.put("db", &json!({ "word": "first" }));
    let file = place.file("token", &issuer.token("somebody else"));
    let rest = store(&vault, &format!("{{ jwt: {{ role: web, token_file: {} }} }}", file.display())) + ONE;
    let ran = place.run("once", &rest, &[]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(ran.err.ends_with("hint: check the role and the credential at auth/jwt\n"), "{}", ran.err);
    assert_eq!(Planted::of(&fs::read_to_string(&file).unwrap()).trace_in(ran.err.as_bytes()), None);

    fs::write(&file, issuer.token("web")).unwrap();
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the file", |_| place.read("db").as_deref() == Some("first"));
    assert_eq!(session(&vault)["display_name"], "jwt-web");
    fs::write(&file, "no token any more\n").unwrap();
    vault.sessions().iter().for_each(|accessor| vault.revoke(accessor));
    agent.until_said("cannot log in: ", 1);
    let last = issuer.token("web");
    fs::write(&file, &last).unwrap();
    vault.put("db", &json!({ "word": "second" }));
    agent.until("the new value", |_| place.read("db").as_deref() == Some("second"));
    let memory = agent.process().memory().unwrap();
    assert_eq!(e2e::process::traces(&memory, &Planted::of(&last)), [""; 0]);
    assert_eq!(agent.stop().code, 0);
    assert_eq!(vault.sessions().len(), 0);
}

/// The `stores` of a configuration with a certificate of ours.
fn showing(vault: &Vault, (cert, key): (&Path, &Path), auth: &str) -> String {
    let files = format!("client_cert: {}, client_key: {}, auth: {auth}", cert.display(), key.display());
    store(vault, "AUTH").replace("auth: AUTH", &files)
}

#[test]
fn a_certificate_logs_in_and_is_shown_again_when_it_was_replaced() {
    let (vault, place) = (Vault::start_stored().unwrap(), Place::new());
    vault.policy("web", MAY_READ);
    vault.write("sys/auth/cert", &json!({ "type": "cert" }));
    // Renewals are refused to whoever shows no certificate.
    let role = json!({
        "certificate": fs::read_to_string(vault.authority().certificate()).unwrap(),
        "allowed_common_names": ["one.example.com", "two.example.com"], "token_policies": "web", "token_ttl": "6s",
    });
    vault.write("auth/cert/certs/web", &role);
    vault.put("db", &json!({ "word": "first" }));
    let one = vault.authority().leaf("one", "/CN=one.example.com").unwrap();
    let two = vault.authority().leaf("two", "/CN=two.example.com").unwrap();
    let stranger = vault.authority().leaf("three", "/CN=three.example.com").unwrap();
    let (cert, key) = (place.path("client.crt"), place.path("client.key"));
    let rest = showing(&vault, (&cert, &key), "{ cert: { name: web } }") + ONE;

    let ran = place.run("once", &rest, &[]);
    assert!(ran.code == 2 && ran.err.contains("client.crt: no such file"), "{} {}", ran.code, ran.err);
    let take = |pair: &(PathBuf, PathBuf)| {
        fs::copy(&pair.0, &cert).unwrap();
        fs::copy(&pair.1, &key).unwrap();
    };
    fs::copy(&one.0, &cert).unwrap();
    fs::copy(&two.1, &key).unwrap();
    let ran = place.run("once", &rest, &[]);
    assert!(ran.code == 2 && ran.err.contains("is not that of"), "{} {}", ran.code, ran.err);
    take(&stranger);
    let ran = place.run("once", &rest, &[]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(ran.err.ends_with("hint: check the role and the credential at auth/cert\n"), "{}", ran.err);

    take(&one);
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the file", |_| place.read("db").as_deref() == Some("first"));
    assert_eq!(session(&vault)["meta"]["common_name"], "one.example.com");
    agent.until_said("token renewed", 1);
    // Between the two files the pair before is shown, which can still renew.
    fs::copy(&two.0, &cert).unwrap();
    agent.until_said("token renewed", 2);
    fs::copy(&two.1, &key).unwrap();
    vault.sessions().iter().for_each(|accessor| vault.revoke(accessor));
    agent.until_said("logged in", 2);
    vault.put("db", &json!({ "word": "second" }));
    agent.until("the new value", |_| place.read("db").as_deref() == Some("second"));
    assert_eq!(session(&vault)["meta"]["common_name"], "two.example.com", "{}", agent.err());
    assert_eq!(agent.stop().code, 0);
    assert_eq!(vault.sessions().len(), 0);
}

#[test]
fn a_server_that_wants_a_certificate_is_shown_one_and_asked_for_in_words_without_it() {
    let place = Place::new();
    let authority = Authority::new(&place.path("")).unwrap();
    let (server, client) = (authority.leaf("server", "/CN=a").unwrap(), authority.leaf("client", "/CN=b").unwrap());
    let (port, ca) = (free_port().unwrap(), authority.certificate());
    let mut command = Command::new("openssl");
    command.args(["s_server", "-www", "-Verify", "2", "-verify_return_error", "-port", &port.to_string()]);
    command.arg("-cert").arg(&server.0).arg("-key").arg(&server.1).arg("-CAfile").arg(&ca);
    let mut process = Process::start("proxy", &mut command, &place.path("")).unwrap();
    process.wait(|| TcpStream::connect(("127.0.0.1", port)).is_ok()).unwrap();
    let token = place.file("token", "x");
    let auth = format!("{{ token_file: {} }}", token.display());
    let without = store_at(&format!("https://127.0.0.1:{port}"), Some(&ca), &auth) + ONE;
    let ran = place.run("once", &without, &["--timeout", "1s"]);
    assert!(ran.err.contains("it broke TLS off (CertificateRequired)"), "{}", ran.err);
    assert!(ran.err.contains("it may want a certificate of ours: name it as `client_cert`"), "{}", ran.err);
    let files = format!("client_cert: {}, client_key: {}, auth", client.0.display(), client.1.display());
    let ran = place.run("once", &without.replace("auth", &files), &["--timeout", "1s"]);
    assert!(ran.err.contains("it is a page of HTML"), "{}", ran.err);
}

/// A folder in memory that only the agent has.
fn private() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap()
}

/// A token that a secret id of the role `web` is wrapped in.
fn wrapping_token(vault: &Vault) -> String {
    vault.wrapped("POST", "auth/approle/role/web/secret-id")
}

#[test]
fn a_wrapped_secret_id_is_unwrapped_once_and_serves_the_processes_after_it() {
    let (vault, place, memory) = (Vault::start().unwrap(), Place::new(), private());
    let role = vault.approle("web", MAY_READ, &json!({ "token_ttl": "1h" }));
    vault.put("db", &json!({ "word": "first" }));
    let token = wrapping_token(&vault);
    let (file, keep) = (place.file("wrapped", &token), memory.path().join("secret-id"));
    let approle = |more: &str| {
        let id = &role.role_id;
        let auth = format!("approle: {{ role_id: {id}, secret_id_file: {}, wrapped: true{more} }}", file.display());
        store(&vault, &format!("{{ {auth} }}")) + ONE
    };
    // A disk is refused before anything is unwrapped.
    let ran = place.run("once", &approle(&format!(", keep: {}", place.path("secret-id").display())), &[]);
    assert!(ran.code == 2 && ran.err.contains("not in memory"), "{} {}", ran.code, ran.err);
    let kept = approle(&format!(", keep: {}", keep.display()));
    let mut agent = place.start("run", &kept, &[]);
    agent.until("the file", |_| place.read("db").as_deref() == Some("first"));
    assert_eq!(fs::metadata(&keep).unwrap().permissions().mode() & 0o7777, 0o600);
    // The session is lost, and the process too: neither needs another token.
    vault.sessions().iter().for_each(|accessor| vault.revoke(accessor));
    agent.until_said("logged in", 2);
    agent.process().signal("KILL");
    drop(agent);
    let mut agent = place.start("run", &kept, &[]);
    agent.until_said("logged in", 1);
    // Another token is another secret id.
    let old = fs::read(&keep).unwrap();
    fs::write(&file, wrapping_token(&vault)).unwrap();
    vault.sessions().iter().for_each(|accessor| vault.revoke(accessor));
    agent.until_said("logged in", 2);
    assert_ne!(fs::read(&keep).unwrap(), old);
    let ran = agent.stop();
    assert!(ran.code == 0 && !ran.err.contains(" error "), "{}", ran.err);
    assert_eq!(Planted::of(&token).trace_in(ran.err.as_bytes()), None, "{}", ran.err);
}

#[test]
fn a_wrapping_token_that_is_used_up_or_foreign_raises_an_alarm_and_is_not_used() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    let role = vault.approle("web", MAY_READ, &json!({ "token_ttl": "1h" }));
    vault.put("db", &json!({ "word": "first" }));
    let used = wrapping_token(&vault);
    let stolen = vault.ask_as(&used, "POST", "sys/wrapping/unwrap", None);
    assert_eq!(stolen.status, 200);
    let port = free_port().unwrap();
    let file = place.file("wrapped", &used);
    let auth =
        format!("{{ approle: {{ role_id: {}, secret_id_file: {}, wrapped: true }} }}", role.role_id, file.display());
    let rest = format!("{}{ONE}listen: 127.0.0.1:{port}\nlog: json\n", store(&vault, &auth));
    let alarms = || {
        let url = format!("http://127.0.0.1:{port}/metrics");
        let text = ask(&Request { method: "GET", url, headers: Vec::new(), body: None, ca: None }).body;
        ["used", "foreign"].map(|kind| {
            let name = format!("oakum_agent_alarms_total{{kind=\"wrapping_token_{kind}\"}} ");
            text.lines().find_map(|line| line.strip_prefix(&name)).unwrap_or_else(|| panic!("{text}")).to_owned()
        })
    };
    let mut agent = place.start("run", &rest, &[]);
    agent.until_said("\"event.action\":\"vault.wrapping_token_used\"", 1);
    assert!(agent.err().contains("\"log.level\":\"error\""), "{}", agent.err());
    // It is asked for again and again, and raises no alarm again.
    agent.until_said("store.login_failed", 3);
    assert_eq!(alarms(), ["1", "0"]);

    // A secret id of another role of one's own making, wrapped by hand.
    let foreign = vault.wrapped("POST", "sys/wrapping/wrap");
    fs::write(&file, &foreign).unwrap();
    agent.until_said("vault.wrapping_token_foreign", 1);
    assert_eq!(alarms(), ["1", "1"]);
    assert_eq!(vault.ask_as(&foreign, "POST", "sys/wrapping/unwrap", None).status, 200, "it was left as it is");

    fs::write(&file, wrapping_token(&vault)).unwrap();
    agent.until("the file", |_| place.read("db").as_deref() == Some("first"));
    let ran = agent.stop();
    assert_eq!(ran.code, 0, "{}", ran.err);
    for token in [&used, &foreign] {
        assert_eq!(Planted::of(token).trace_in(ran.err.as_bytes()), None, "{}", ran.err);
    }
}

#[test]
fn an_identity_in_aws_logs_in_by_a_request_that_vault_sends() {
    let (vault, aws, place) = (Vault::start_of_hashicorp().unwrap(), Aws::start().unwrap(), Place::new());
    let key = aws.set_up("any", "thing").unwrap();
    vault.policy("web", MAY_READ);
    vault.write("sys/auth/aws", &json!({ "type": "aws" }));
    let config = json!({
        "sts_endpoint": aws.endpoint(), "sts_region": "eu-west-1", "iam_server_id_header_value": "vault.example.com",
    });
    vault.write("auth/aws/config/client", &config);
    let role = json!({
        "auth_type": "iam", "bound_iam_principal_arn": "arn:aws:iam::123456789012:user/tester",
        "resolve_aws_unique_ids": false, "token_policies": "web", "token_ttl": "1h",
    });
    vault.write("auth/aws/role/web", &role);
    vault.put("db", &json!({ "word": "first" }));
    let credentials = |secret: &str| {
        let (id, profile) = (&key.id, "[default]");
        place.file("aws", &format!("{profile}\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"))
    };
    let file = credentials(&key.secret);
    let auth = |header: &str| {
        let file = file.display();
        format!("{{ aws: {{ role: web, region: eu-west-1, credentials: {{ file: {file} }}, header: {header} }} }}")
    };
    let rest = store(&vault, &auth("vault.example.com")) + ONE;

    // Signed by another key, and signed for another server.
    credentials(Planted::password().text());
    let ran = place.run("once", &rest, &[]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    credentials(&key.secret);
    let ran = place.run("once", &(store(&vault, &auth("other.example.com")) + ONE), &[]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(ran.err.ends_with("hint: check the role and the credential at auth/aws\n"), "{}", ran.err);

    let mut agent = place.start("run", &rest, &[]);
    agent.until("the file", |_| place.read("db").as_deref() == Some("first"));
    let known = session(&vault);
    assert_eq!(known["display_name"], "aws-tester", "{known}");
    let ran = agent.stop();
    assert_eq!(ran.code, 0);
    assert_eq!(Planted::of(&key.secret).trace_in(ran.err.as_bytes()), None, "{}", ran.err);
}

#[test]
fn a_batch_token_is_neither_renewed_nor_revoked_but_replaced_before_its_end() {
    let (vault, place) = (Vault::start().unwrap(), Place::new());
    let faults = Faults::before(vault.address()).unwrap();
    let role = vault.approle("web", MAY_READ, &json!({ "token_type": "batch", "token_ttl": "5s" }));
    vault.put("db", &json!({ "word": "first" }));
    let secret_id = place.file("secret-id", &role.secret_id);
    let auth = format!("{{ approle: {{ role_id: {}, secret_id_file: {} }} }}", role.role_id, secret_id.display());
    let mut agent = place.start("run", &(store_at(&faults.address(), None, &auth) + ONE), &[]);
    agent.until("the file", |_| place.read("db").as_deref() == Some("first"));
    agent.until_said("logged in", 4);
    vault.put("db", &json!({ "word": "second" }));
    agent.until("the new value", |_| place.read("db").as_deref() == Some("second"));
    let ran = agent.stop();
    assert!(ran.code == 0 && !ran.err.contains(" warn "), "{}", ran.err);
    let calls = faults.calls();
    let about_tokens = calls.iter().filter(|call| call.path.starts_with("/v1/auth/token/")).count();
    assert_eq!(about_tokens, 0, "{calls:?}");
    // Each in time, so that no read was ever refused, and none too early.
    let logins: Vec<_> = calls.iter().filter(|call| call.path.ends_with("/login")).map(|call| call.at).collect();
    assert!(logins.windows(2).all(|pair| pair[1] - pair[0] > Duration::from_secs(2)), "{calls:?}");
}

#[test]
fn a_namespace_is_named_in_every_call() {
    let (mut vault, place) = (Vault::start().unwrap(), Place::new());
    let faults = Faults::before(vault.address()).unwrap();
    // Vault's free version has none, and lets them be named.
    vault.enter("team-a");
    let role = vault.approle("web", MAY_READ, &json!({ "token_ttl": "4s" }));
    vault.put("db", &json!({ "word": "first" }));
    let secret_id = place.file("secret-id", &role.secret_id);
    let auth = format!("{{ approle: {{ role_id: {}, secret_id_file: {} }} }}", role.role_id, secret_id.display());
    let rest = store_at(&faults.address(), None, &auth).replace("auth:", "namespace: team-a, auth:") + ONE;
    let mut agent = place.start("run", &rest, &[]);
    agent.until_said("token renewed", 1);
    assert_eq!(agent.stop().code, 0);
    let calls = faults.calls();
    for path in ["approle/login", "secret/data/db", "secret/metadata/db", "token/renew-self", "token/revoke-self"] {
        assert!(calls.iter().any(|call| call.path.contains(path)), "{path}: {calls:?}");
    }
    assert!(calls.iter().all(|call| call.namespace.as_deref() == Some("team-a")), "{calls:?}");
}

#[test]
fn a_hundred_killed_processes_share_one_token() {
    let (vault, place, memory) = (Vault::start().unwrap(), Place::new(), private());
    let role = vault.approle("web", MAY_READ, &json!({ "token_ttl": "1h" }));
    vault.put("db", &json!({ "word": "first" }));
    let secret_id = place.file("secret-id", &role.secret_id);
    let kept = memory.path().join("token");
    let auth = format!("{{ approle: {{ role_id: {}, secret_id_file: {} }} }}", role.role_id, secret_id.display());
    let keep = format!("keep_token: {}, auth:", kept.display());
    let rest = store(&vault, &auth).replace("auth:", &keep) + ONE;
    let mut agent = place.start("run", &rest, &[]);
    agent.until_said("logged in", 1);
    drop(agent);
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o7777, 0o600);
    let first = vault.sessions();
    assert_eq!(first.len(), 1);
    for number in 1..100 {
        let agent = place.start("run", &rest, &[]);
        // At another moment each time, from before its first request to after its first publication.
        sleep(Duration::from_millis(number * 37 % 100));
        agent.process().signal("KILL");
    }
    assert_eq!(vault.sessions(), first);
    let mut agent = place.start("run", &rest, &[]);
    agent.until("the file", |_| place.read("db").as_deref() == Some("first"));
    assert_eq!(vault.sessions(), first);
    // Who is told to stop gives it back, and so does who is done.
    assert_eq!(agent.stop().code, 0);
    assert!(vault.sessions().is_empty() && !kept.exists());
    assert_eq!(place.run("once", &rest, &[]).code, 0);
    assert!(vault.sessions().is_empty() && !kept.exists());
}
