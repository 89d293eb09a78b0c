//! Images straight from a registry: Debian's, with TLS and a password, and one that breaks off, lies and sends elsewhere.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use e2e::images::Builder;
use e2e::planted::Planted;
use e2e::programs::{Ran, program, tool};
use e2e::servers::registry::{Registry, USER};
use serde_json::{Value, json};

/// Runs `oakum scan` with no home, and these variables besides.
fn scan(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = Command::new(program("oakum").unwrap());
    command.env_clear().env("HOME", folder).env("PATH", std::env::var_os("PATH").unwrap());
    command.envs(variables.iter().copied()).current_dir(folder).args(["scan", "--format", "json"]).args(arguments);
    Ran::from(command.output().unwrap())
}

fn fingerprints(report: &Value) -> Vec<String> {
    let mut all: Vec<_> = report["findings"].as_array().unwrap().iter().map(|f| f["fingerprint"].to_string()).collect();
    all.sort();
    all
}

/// An image with a password in a layer that another deletes.
fn image(builder: &Builder, name: &str, secret: &Planted) {
    builder.file("app.env", &format!("DB_PASSWORD={}\n", secret.text())).unwrap();
    let dockerfile = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY app.env /app/.env\nRUN [\"/bin/busybox\", \"rm\", \"/app/.env\"]\n";
    builder.build(name, dockerfile, &[]);
}

#[test]
fn a_registry_gives_what_a_folder_gives() {
    let registry = Registry::start().unwrap();
    let builder = Builder::new().unwrap();
    let secret = Planted::password();
    image(&builder, "web", &secret);
    builder.push("web", "oci", "oci");
    let certificates = registry.certificates().unwrap();
    let (host, ca) = (registry.host(), certificates.join("ca.crt").display().to_string());
    let login = format!("{USER}:{}", registry.password().text());
    for tag in ["1", "2"] {
        let to = format!("docker://{host}/team/web:{tag}");
        let folder = certificates.display().to_string();
        builder.copy(&["--dest-cert-dir", &folder, "--dest-creds", &login], "oci:oci:web:latest", &to);
    }
    let variables = [("OAKUM_REGISTRY_USER", USER), ("OAKUM_REGISTRY_PASSWORD", registry.password().text())];
    let target = format!("docker://{host}/team/web:1");
    let key = builder.path().join("key");
    std::fs::write(&key, "one key for all of them").unwrap();
    let key = ["--key-file", key.to_str().unwrap()];

    let pulled = scan(builder.path(), &variables, &[&target, "--registry-ca", &ca, key[0], key[1]]);
    assert_eq!(pulled.code, 1, "{}{}", pulled.err, pulled.out);
    let local = scan(builder.path(), &[], &["oci:oci", key[0], key[1]]);
    let (report, local) = (pulled.json(), local.json());
    assert_eq!(fingerprints(&report), fingerprints(&local), "{report:#}");
    let place = &report["findings"][0]["places"][0];
    assert_eq!((&place["state"], &place["state_by"]), (&"deleted".into(), &2.into()), "{report:#}");
    assert_eq!(place["layer"]["image"], format!("{host}/team/web:1"));
    assert_eq!(place["layer"]["digest"], local["findings"][0]["places"][0]["layer"]["digest"]);
    assert_eq!(report["complete"], true, "{report:#}");
    for planted in [&secret, registry.password()] {
        assert_eq!(planted.trace_in(format!("{}{}", pulled.out, pulled.err).as_bytes()), None);
    }

    // All tags are one scan, and what they share is one place for each.
    let repository = format!("docker://{host}/team/web");
    let all = scan(builder.path(), &variables, &[&repository, "--all-tags", "--registry-ca", &ca]).json();
    assert_eq!(all["findings"].as_array().unwrap().len(), 1, "{all:#}");
    // The same from a list of names, by Docker's own file of credentials.
    std::fs::create_dir(builder.path().join(".docker")).unwrap();
    tool(
        Command::new("skopeo")
            .args(["login", "--authfile", ".docker/config.json", "--cert-dir"])
            .arg(&certificates)
            .args(["-u", USER, "-p", registry.password().text(), &host])
            .current_dir(builder.path()),
    );
    std::fs::write(builder.path().join("list"), format!("# all of them\n{host}/team/web:1\n\n{host}/team/web:2\n"))
        .unwrap();
    let listed = scan(builder.path(), &[], &["--images-from", "list", "--registry-ca", &ca]);
    assert_eq!(listed.code, 1, "{}{}", listed.err, listed.out);
    // The layers were pulled once: the second name has added no more than itself.
    let bytes = |report: &Value| report["summary"]["bytes"].as_u64().unwrap();
    assert!(bytes(&listed.json()) - bytes(&report) < 1000, "{}", listed.out);

    for (variables, more, said) in [
        (&variables[..], &[][..], "--registry-ca"),
        (
            &[("OAKUM_REGISTRY_USER", USER), ("OAKUM_REGISTRY_PASSWORD", "wrong")][..],
            &["--registry-ca", &ca][..],
            "401",
        ),
    ] {
        let refused = scan(builder.path(), variables, &[&[target.as_str()], more].concat());
        assert!(refused.code == 2 && refused.err.contains(said), "{} {}", refused.code, refused.err);
        assert!(refused.err.contains(&target), "{}", refused.err);
    }
    let unknown = scan(builder.path(), &variables, &[&format!("docker://{host}/team/other:1"), "--registry-ca", &ca]);
    assert!(unknown.code == 2 && unknown.err.contains("404"), "{} {}", unknown.code, unknown.err);
    let misspelt = scan(builder.path(), &[], &["docker://Team/Web"]);
    assert!(misspelt.code == 2 && misspelt.err.contains("no name of an image"), "{}", misspelt.err);
}

/// A call that a server took.
#[derive(Debug, Clone)]
struct Call {
    path: String,
    headers: BTreeMap<String, String>,
}

/// What it answers.
#[derive(Debug, Default)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// The length that it says, if that is not the body's.
    length: Option<usize>,
}

impl Answer {
    fn of(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }

    fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((header, value.into()));
        self
    }
}

/// A server without TLS that answers as it is told. It ends with the test's process.
struct Server {
    host: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Server {
    fn start(answer: impl Fn(&Call, &[Call]) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let noted = Arc::clone(&calls);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let Some(Ok(first)) = lines.next() else { continue };
                let headers = lines.map_while(Result::ok).take_while(|line| !line.is_empty());
                let headers =
                    headers.filter_map(|line| line.split_once(": ").map(|(k, v)| (k.to_lowercase(), v.to_owned())));
                let call = Call { path: first.split(' ').nth(1).unwrap().to_owned(), headers: headers.collect() };
                let answer = answer(&call, &noted.lock().unwrap());
                noted.lock().unwrap().push(call);
                let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", answer.status);
                for (name, value) in &answer.headers {
                    head += &format!("{name}: {value}\r\n");
                }
                head += &format!("Content-Length: {}\r\n\r\n", answer.length.unwrap_or(answer.body.len()));
                // Whoever has hung up has heard enough.
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&answer.body));
            }
        });
        Self { host, calls }
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

/// An image as its blobs: a layer, a configuration and a manifest, each with its digest.
struct Blobs {
    layer: (String, Vec<u8>),
    config: (String, Vec<u8>),
    manifest: (String, Vec<u8>),
}

impl Blobs {
    fn new(secret: &Planted) -> Self {
        Self::labelled(secret, &json!({}))
    }

    fn labelled(secret: &Planted, labels: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".env"), format!("DB_PASSWORD={}\n", secret.text())).unwrap();
        // Enough of it that a break lies within.
        std::fs::write(folder.path().join("words"), "word ".repeat(200_000)).unwrap();
        tool(Command::new("tar").args(["-cf", "layer.tar", "words", ".env"]).current_dir(folder.path()));
        let digest = |bytes: &[u8]| {
            std::fs::write(folder.path().join("blob"), bytes).unwrap();
            let sum = tool(Command::new("sha256sum").arg("blob").current_dir(folder.path()));
            format!("sha256:{}", sum.split(' ').next().unwrap())
        };
        let layer = std::fs::read(folder.path().join("layer.tar")).unwrap();
        let layer = (digest(&layer), layer);
        let config = json!({
            "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer.0]},
            "config": {"Labels": labels},
        });
        let config = config.to_string().into_bytes();
        let config = (digest(&config), config);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.0, "size": config.1.len()},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer.0, "size": layer.1.len()}],
        });
        let manifest = manifest.to_string().into_bytes();
        let manifest = (digest(&manifest), manifest);
        Self { layer, config, manifest }
    }

    /// What a good registry answers.
    fn answer(&self, call: &Call) -> Answer {
        let from = call.headers.get("range").map_or(0, |range| range[6..range.len() - 1].parse().unwrap());
        if call.path.contains("/manifests/") {
            Answer::of(200, self.manifest.1.clone()).with("Content-Type", "application/vnd.oci.image.manifest.v1+json")
        } else if call.path.ends_with(&self.config.0) {
            Answer::of(200, self.config.1.clone())
        } else if call.path.ends_with(&self.layer.0) {
            Answer::of(if from > 0 { 206 } else { 200 }, self.layer.1[from..].to_vec())
        } else {
            Answer::of(404, "{}")
        }
    }
}

fn scan_plain(host: &str, variables: &[(&str, &str)]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    scan(folder.path(), variables, &["--registry-plain-http", &format!("docker://{host}/team/web:1")])
}

#[test]
fn what_breaks_off_is_gone_on_with_from_there() {
    let secret = Planted::password();
    let blobs = Blobs::new(&secret);
    let layer = blobs.layer.0.clone();
    let server = Server::start(move |call, _| {
        let mut answer = blobs.answer(call);
        // Never more than so much at once.
        if call.path.ends_with(&blobs.layer.0) && answer.body.len() > 300_000 {
            answer.length = Some(answer.body.len());
            answer.body.truncate(300_000);
        }
        answer
    });
    let ran = scan_plain(&server.host, &[]);
    assert_eq!((ran.code, ran.json()["complete"].clone()), (1, true.into()), "{}{}", ran.err, ran.out);
    let ranges: Vec<_> =
        server.calls().iter().filter(|c| c.path.ends_with(&layer)).map(|c| c.headers.get("range").cloned()).collect();
    assert_eq!(ranges[..2], [None, Some("bytes=300000-".into())], "{ranges:?}");
}

#[test]
fn a_registry_that_lies_is_told_of() {
    let secret = Planted::password();
    let good = Arc::new(Blobs::new(&secret));
    // Another layer than its digest says; it is scanned, and told to be another.
    let blobs = Arc::clone(&good);
    let server = Server::start(move |call, _| {
        let mut answer = blobs.answer(call);
        if call.path.ends_with(&blobs.layer.0) {
            answer.body[100] ^= 1;
        }
        answer
    });
    let ran = scan_plain(&server.host, &[]);
    let whys = |ran: &Ran| -> Vec<String> {
        let skipped = ran.json()["summary"]["skipped"].as_array().unwrap().clone();
        skipped.iter().map(|skipped| skipped["why"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ran.json()["complete"], false, "{}", ran.out);
    // A layer that is not there.
    let blobs = Arc::clone(&good);
    let server =
        Server::start(
            move |call, _| {
                if call.path.ends_with(&blobs.layer.0) { Answer::of(404, "{}") } else { blobs.answer(call) }
            },
        );
    let ran = scan_plain(&server.host, &[]);
    assert_eq!((ran.code, whys(&ran)), (3, vec!["missing from the image".to_owned()]), "{}", ran.out);
    // A manifest that never ends.
    let server = Server::start(|_, _| Answer::of(200, vec![b' '; 6 << 20]));
    let ran = scan_plain(&server.host, &[]);
    assert!(ran.code == 2 && ran.err.contains("larger than any should be"), "{}", ran.err);
    // A page, as what is no registry answers.
    let server = Server::start(|_, _| Answer::of(200, "<html>"));
    let ran = scan_plain(&server.host, &[]);
    assert!(ran.code == 2 && ran.err.contains("is it a registry?"), "{}", ran.err);
}

#[test]
fn credentials_go_to_no_other_host() {
    let secret = Planted::password();
    let password = Planted::password();
    let good = Arc::new(Blobs::new(&secret));
    let blobs = Arc::clone(&good);
    let elsewhere = Server::start(move |call, _| blobs.answer(call));
    let (blobs, other) = (Arc::clone(&good), elsewhere.host.clone());
    let server = Server::start(move |call, _| match call.headers.get("authorization") {
        None if call.path.starts_with("/token") => Answer::of(401, "{}"),
        Some(_) if call.path.starts_with("/token") => Answer::of(200, json!({"token": "abc.def"}).to_string()),
        Some(shown) if shown == "Bearer abc.def" && call.path.contains("/blobs/") => {
            Answer::of(307, "").with("Location", format!("http://{other}{}", call.path))
        }
        Some(shown) if shown == "Bearer abc.def" => blobs.answer(call),
        _ => {
            let host = &call.headers["host"];
            Answer::of(401, "{}").with(
                "WWW-Authenticate",
                format!("Bearer realm=\"http://{host}/token\",service=\"s\",scope=\"repository:team/web:pull\""),
            )
        }
    });
    let ran = scan_plain(&server.host, &[("OAKUM_REGISTRY_USER", "ci"), ("OAKUM_REGISTRY_PASSWORD", password.text())]);
    assert_eq!((ran.code, ran.json()["complete"].clone()), (1, true.into()), "{}{}", ran.err, ran.out);
    let token = server.calls().into_iter().find(|call| call.path.starts_with("/token")).unwrap();
    assert!(token.path.contains("service=s") && token.path.contains("scope=repository"), "{token:?}");
    assert!(token.headers["authorization"].starts_with("Basic "));
    let calls = elsewhere.calls();
    assert!(!calls.is_empty() && calls.iter().all(|call| !call.headers.contains_key("authorization")), "{calls:?}");
}

#[test]
fn a_mirror_sees_no_credentials_of_the_registry() {
    let (secret, password) = (Planted::password(), Planted::password());
    let good = Arc::new(Blobs::new(&secret));
    // It takes anything that it is shown; the mirror is to be shown nothing.
    let start = || {
        let blobs = Arc::clone(&good);
        Server::start(move |call, _| {
            if call.headers.contains_key("authorization") {
                blobs.answer(call)
            } else {
                Answer::of(401, "{}").with("WWW-Authenticate", "Basic realm=\"x\"")
            }
        })
    };
    let (upstream, mirror) = (start(), start());
    let folder = tempfile::tempdir().unwrap();
    let target = format!("docker://{}/team/web:1", upstream.host);
    let mirrored = ["--registry-mirror", &format!("{}=http://{}", upstream.host, mirror.host)];
    std::fs::write(folder.path().join("token"), password.text()).unwrap();
    let variables = [("OAKUM_REGISTRY_USER", "ci"), ("OAKUM_REGISTRY_PASSWORD", password.text())];
    for (variables, more) in [(&variables[..], &[][..]), (&[], &["--registry-token-file", "token"][..])] {
        let ran = scan(folder.path(), variables, &[&["--registry-plain-http", &target][..], &mirrored, more].concat());
        assert_eq!((ran.code, ran.json()["complete"].clone()), (1, true.into()), "{}{}", ran.err, ran.out);
        assert_eq!(password.trace_in(format!("{}{}", ran.out, ran.err).as_bytes()), None);
    }
    let shown = |server: &Server| server.calls().iter().filter(|c| c.headers.contains_key("authorization")).count();
    assert!(shown(&upstream) > 0 && !mirror.calls().is_empty());
    assert_eq!(shown(&mirror), 0, "{:?}", mirror.calls());
}

#[test]
fn a_mirror_without_tls_is_used_only_where_that_is_said() {
    let good = Arc::new(Blobs::new(&Planted::password()));
    let blobs = Arc::clone(&good);
    let mirror = Server::start(move |call, _| blobs.answer(call));
    let folder = tempfile::tempdir().unwrap();
    let run = |insecure: bool| {
        let host = &mirror.host;
        let text = format!(
            "[[registry]]\nlocation = \"localhost:1\"\n[[registry.mirror]]\nlocation = \"{host}\"\ninsecure = {insecure}\n"
        );
        std::fs::write(folder.path().join("registries.conf"), text).unwrap();
        scan(folder.path(), &[], &["--registries-conf", "registries.conf", "docker://localhost:1/team/web:1"])
    };
    let asked = || mirror.calls().iter().filter(|call| call.path.starts_with("/v2/")).count();
    let ran = run(false);
    assert!(ran.code == 2 && ran.err.contains("none of 2"), "{}", ran.err);
    assert_eq!(asked(), 0);
    let ran = run(true);
    assert_eq!((ran.code, ran.json()["complete"].clone()), (1, true.into()), "{}{}", ran.err, ran.out);
    assert!(asked() > 2);

    // One that gives another image than was asked for is passed over.
    let blobs = Arc::clone(&good);
    let liar = Server::start(move |call, _| {
        let mut answer = blobs.answer(call);
        answer.body.push(b' ');
        answer
    });
    let typed = format!("{}=http://{}", mirror.host, liar.host);
    let target = format!("docker://{}/team/web@{}", mirror.host, good.manifest.0);
    let ran = scan(folder.path(), &[], &["--registry-plain-http", "--registry-mirror", &typed, &target]);
    assert_eq!(ran.code, 1, "{}{}", ran.err, ran.out);
    assert!(liar.calls()[0].path.contains("/manifests/sha256:"), "{:?}", liar.calls());
}

#[test]
fn a_base_that_an_image_names_is_asked_of_its_registry() {
    let registry = Registry::start().unwrap();
    let builder = Builder::new().unwrap();
    let certificates = registry.certificates().unwrap();
    let (host, folder) = (registry.host(), certificates.display().to_string());
    let login = format!("{USER}:{}", registry.password().text());
    let push = |name: &str| {
        builder.push(name, "oci", name);
        let (from, to) = (format!("oci:{name}:{name}:latest"), format!("docker://{host}/team/{name}:1"));
        builder.copy(&["--dest-cert-dir", &folder, "--dest-creds", &login], &from, &to);
    };
    for name in ["base", "app"] {
        builder.file(&format!("{name}.env"), &format!("DB_PASSWORD={}\n", Planted::password().text())).unwrap();
    }
    // Without a command the history tells nothing.
    builder.build("base", "FROM scratch\nCOPY busybox /bin/busybox\nCOPY base.env /etc/base.env\n", &[]);
    push("base");
    let pull = ["--pull-always", "--cert-dir", &folder, "--creds", &login];
    builder.build_with(&pull, "app", &format!("FROM {host}/team/base:1\nCOPY app.env /app/.env\n"), &[]);
    push("app");

    let variables = [("OAKUM_REGISTRY_USER", USER), ("OAKUM_REGISTRY_PASSWORD", registry.password().text())];
    let ca = certificates.join("ca.crt").display().to_string();
    let told = |more: &[&str]| -> BTreeMap<String, Value> {
        let target = format!("docker://{host}/team/app:1");
        let ran = scan(builder.path(), &variables, &[&[target.as_str(), "--registry-ca", &ca][..], more].concat());
        let report = ran.json();
        assert_eq!((ran.code, &report["complete"]), (1, &true.into()), "{}{}", ran.err, ran.out);
        let places = report["findings"].as_array().unwrap().iter().flat_map(|f| f["places"].as_array().unwrap());
        let layer = |p: &Value| json!([p["layer"]["base"], p["layer"]["base_by"]]);
        places.map(|p| (p["path"].as_str().unwrap().to_owned(), layer(p))).collect()
    };
    let expected = |app: Value, base: Value| BTreeMap::from([("app/.env".into(), app), ("etc/base.env".into(), base)]);
    assert_eq!(told(&[]), expected(json!([false, "labels"]), json!([true, "labels"])));
    let unknown = json!([null, null]);
    assert_eq!(told(&["--no-base-lookup"]), expected(unknown.clone(), unknown));
}

#[test]
fn a_base_is_asked_of_nobody_whom_the_user_would_not_ask() {
    let password = Planted::password();
    let variables = [("OAKUM_REGISTRY_USER", "ci"), ("OAKUM_REGISTRY_PASSWORD", password.text())];
    let folder = tempfile::tempdir().unwrap();
    // An image on one server that says it is built on what another has. The first takes anything that it is shown.
    let run = |base: &str, more: &[&str]| {
        let blobs = Blobs::labelled(&Planted::password(), &json!({"org.opencontainers.image.base.name": base}));
        let server = Server::start(move |call, _| match call.headers.get("authorization") {
            None => Answer::of(401, "{}").with("WWW-Authenticate", "Basic realm=\"x\""),
            Some(_) => blobs.answer(call),
        });
        let target = format!("docker://{}/team/web:1", server.host);
        let ran = scan(folder.path(), &variables, &[&["--registry-plain-http", &target][..], more].concat());
        let report = ran.json();
        assert_eq!((ran.code, &report["complete"]), (1, &true.into()), "{base}: {}{}", ran.err, ran.out);
        let skipped = &report["summary"]["skipped"];
        let why = skipped.as_array().unwrap().iter().find(|skipped| skipped["why"] == "base image cannot be had");
        let said = why.map(|why| why["examples"].to_string()).unwrap_or_default();
        (said, report["findings"][0]["places"][0]["layer"]["base_by"].clone())
    };
    // Another server on this machine is one that only the image names.
    let good = Blobs::new(&Planted::password());
    let other = Server::start(move |call, _| good.answer(call));
    let (said, by) = run(&format!("{}/team/base:1", other.host), &[]);
    assert!(said.contains("only the image names it") && by.is_null(), "{said} {by}");
    assert_eq!(other.calls().len(), 0);
    // What has no registry is not told of, and what is no name is.
    assert_eq!(run("localhost/base:latest", &[]).0, "");
    assert!(run("Not A Name", &[]).0.contains("no name of an image"));
    // A mirror that the user has set up is asked, once, and is shown nothing.
    let missing = Server::start(|_, _| Answer::of(503, "{}"));
    let mirror = format!("registry.example.com=http://{}", missing.host);
    let blocked = "[[registry]]\nlocation = \"blocked.example.com\"\nblocked = true\n";
    std::fs::write(folder.path().join("blocked.conf"), blocked).unwrap();
    let (said, _) = run("registry.example.com/team/base:1", &["--registry-mirror", &mirror]);
    assert!(said.contains("registry.example.com/team/base:1") && said.contains("503"), "{said}");
    let calls = missing.calls();
    assert!(calls.len() == 1 && !calls[0].headers.contains_key("authorization"), "{calls:?}");
    let (said, _) = run("blocked.example.com/team/base:1", &["--registries-conf", "blocked.conf"]);
    assert!(said.contains("blocks blocked.example.com"), "{said}");
}

#[test]
fn a_catalogue_is_read_to_its_end() {
    let blobs = Blobs::new(&Planted::password());
    let server = Server::start(move |call, _| {
        let catalogue = |names: &[&str]| Answer::of(200, json!({ "repositories": names }).to_string());
        match call.path.split_once('?').unwrap_or((&call.path, "")) {
            // No more than so many at once, a page that is empty, and names that are none.
            ("/v2/_catalog", "n=1000") => Answer::of(400, "{}"),
            ("/v2/_catalog", "") => {
                catalogue(&["other/a", "team/a"]).with("Link", "</v2/_catalog?last=a&n=2>; rel=\"next\"")
            }
            ("/v2/_catalog", "last=a&n=2") => {
                catalogue(&[]).with("Link", "<https://example.com/v2/_catalog?last=b&n=2>; rel=\"next\"")
            }
            ("/v2/_catalog", "last=b&n=2") => catalogue(&["team/b", "team/c", "team/../d"]),
            ("/v2/team/a/tags/list", _) => Answer::of(200, json!({ "tags": ["1", "2"] }).to_string()),
            ("/v2/team/b/tags/list", _) => Answer::of(403, "{}"),
            ("/v2/team/c/tags/list", _) => Answer::of(200, json!({ "tags": null }).to_string()),
            ("/v2/team/a/manifests/2", _) => Answer::of(404, "{}"),
            _ => blobs.answer(call),
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let ran = scan(folder.path(), &[], &["--registry-plain-http", &format!("docker://{}/team/", server.host)]);
    // What one may not see, and what is gone, is told of, and ends nothing.
    assert_eq!(ran.code, 1, "{}{}", ran.err, ran.out);
    let report = ran.json();
    let skipped = &report["summary"]["skipped"][0];
    assert_eq!((&skipped["why"], &skipped["count"]), (&"cannot be read".into(), &2.into()), "{report:#}");
    let examples = skipped["examples"].to_string();
    for said in ["team/a:2", "404", "team/b ", "403"] {
        assert!(examples.contains(said), "{examples}");
    }
    let calls = server.calls();
    assert!(calls.iter().all(|call| !call.path.contains("..") && !call.path.contains("other/a")), "{calls:?}");

    let server = Server::start(move |_, _| {
        let page = Answer::of(200, json!({ "repositories": ["a"] }).to_string());
        page.with("Link", "</v2/_catalog?n=1000>; rel=\"next\"")
    });
    let ran = scan(folder.path(), &[], &["--registry-plain-http", &format!("docker://{}/", server.host)]);
    assert!(ran.code == 2 && ran.err.contains("has no end to its list"), "{}", ran.err);
}

#[test]
fn a_registry_that_is_busy_is_asked_again() {
    let blobs = Blobs::new(&Planted::password());
    let server = Server::start(move |call, before| {
        if before.len() < 2 { Answer::of(429, "{}").with("Retry-After", "1") } else { blobs.answer(call) }
    });
    let ran = scan_plain(&server.host, &[]);
    assert_eq!(ran.code, 1, "{}{}", ran.err, ran.out);
    let server = Server::start(|_, _| Answer::of(503, "{}"));
    let ran = scan_plain(&server.host, &[]);
    assert!(
        ran.code == 2 && ran.err.contains("503") && server.calls().len() == 4,
        "{} {}",
        ran.err,
        server.calls().len()
    );
}
