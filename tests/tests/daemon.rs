//! Images that an engine has: by its API (Podman's, which is Docker's), and in its store.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use e2e::images::Builder;
use e2e::planted::Planted;
use e2e::programs::{Ran, oakum, program, tool};
use e2e::servers::{Authority, Process, free_port};

/// An image with a password in a layer that another deletes, built and saved to `web.tar`.
fn web() -> (Builder, Planted) {
    let builder = Builder::new().unwrap();
    let secret = Planted::password();
    builder.file("app.env", &format!("DB_PASSWORD={}\n", secret.text())).unwrap();
    builder.build("web", "FROM scratch\nCOPY busybox /bin/busybox\nCOPY app.env /app/.env\nRUN [\"/bin/busybox\", \"rm\", \"/app/.env\"]\n", &[]);
    builder.push("web", "docker-archive", "web.tar");
    (builder, secret)
}

/// Podman's service with the image, with a store and on a socket of its own.
fn engine(builder: &Builder, folder: &Path) -> (Process, String) {
    let path = |name: &str| folder.join(name).display().to_string();
    let podman = || {
        let mut command = Command::new("podman");
        command.args(["--root", &path("root"), "--runroot", &path("run"), "--storage-driver", "vfs"]);
        command
    };
    tool(podman().args(["load", "-q", "-i"]).arg(builder.path().join("web.tar")));
    let socket = path("podman.sock");
    let mut service = podman();
    service.args(["system", "service", "--time", "0", &format!("unix://{socket}")]);
    let mut service = Process::start("podman", &mut service, folder).unwrap();
    service.wait(|| UnixStream::connect(&socket).is_ok()).unwrap();
    (service, socket)
}

#[test]
fn an_engine_gives_what_an_archive_gives() {
    let (builder, secret) = web();

    let folder = tempfile::tempdir().unwrap();
    let (mut service, socket) = engine(&builder, folder.path());

    let scan = |target: &str, host: &str| {
        let mut command = Command::new(program("oakum").unwrap());
        command.current_dir(builder.path()).env_remove("OAKUM_KEY").env("DOCKER_HOST", host);
        Ran::from(command.args(["scan", "--format", "json", target]).output().unwrap())
    };
    let host = format!("unix://{socket}");
    let (ran, archive) = (scan("docker-daemon:localhost/web:latest", &host), scan("docker-archive:web.tar", &host));
    assert_eq!((ran.code, archive.code), (1, 1), "{}{}", ran.err, ran.out);
    let (report, archive) = (ran.json(), archive.json());
    assert_eq!(report["complete"], true, "{report:#}");
    assert_eq!(report["findings"][0]["fingerprint"], archive["findings"][0]["fingerprint"]);
    let (place, other) = (&report["findings"][0]["places"][0], &archive["findings"][0]["places"][0]);
    for key in ["path", "state", "state_by", "line"] {
        assert_eq!(place[key], other[key], "{key}");
    }
    assert_eq!(secret.trace_in(ran.out.as_bytes()), None);

    let missing = scan("docker-daemon:other:1", &host);
    assert!(missing.code == 2 && missing.err.contains("404"), "{}", missing.err);
    service.stop();
    let closed = scan("docker-daemon:localhost/web:latest", &host);
    assert!(
        closed.code == 2 && closed.err.contains("cannot scan docker-daemon:localhost/web:latest"),
        "{}",
        closed.err
    );
    let ssh = scan("docker-daemon:web", "ssh://example.com");
    assert!(ssh.code == 2 && ssh.err.contains("unix:// and tcp://"), "{}", ssh.err);
}

#[test]
fn an_engine_is_asked_by_tls() {
    let (builder, secret) = web();
    let folder = tempfile::tempdir().unwrap();
    let (_service, socket) = engine(&builder, folder.path());
    // Podman speaks no TLS; before it stands what does, and lets in who has a certificate of the authority.
    let authority = Authority::new(folder.path()).unwrap();
    let (certificate, key) = authority.leaf("engine", "/CN=localhost").unwrap();
    let port = free_port().unwrap();
    let mut front = Command::new("socat");
    front.arg(format!(
        "OPENSSL-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,verify=1,cert={},key={},cafile={}",
        certificate.display(),
        key.display(),
        authority.certificate().display()
    ));
    let mut front = Process::start("socat", front.arg(format!("UNIX-CONNECT:{socket}")), folder.path()).unwrap();
    front.wait(|| TcpStream::connect(("127.0.0.1", port)).is_ok()).unwrap();

    // Where Docker has its own by default, and where a variable says; and an authority without a certificate of one's own.
    let (certificate, key) = authority.leaf("client", "/CN=client").unwrap();
    let (own, named, only) = (folder.path().join(".docker"), folder.path().join("named"), folder.path().join("only"));
    for to in [&own, &named, &only] {
        fs::create_dir(to).unwrap();
        fs::copy(authority.certificate(), to.join("ca.pem")).unwrap();
    }
    for to in [&own, &named] {
        fs::copy(&certificate, to.join("cert.pem")).unwrap();
        fs::copy(&key, to.join("key.pem")).unwrap();
    }
    let scan = |variables: &[(&str, &Path)], host: &str| {
        let mut command = Command::new(program("oakum").unwrap());
        command.env_clear().env("DOCKER_HOST", host).envs(variables.iter().copied());
        command.args(["scan", "--format", "json", "docker-daemon:localhost/web:latest"]);
        Ran::from(command.output().unwrap())
    };
    let host = format!("tcp://localhost:{port}");
    let verify = ("DOCKER_TLS_VERIFY", Path::new("1"));
    for variables in [[verify, ("HOME", folder.path())], [verify, ("DOCKER_CERT_PATH", &named)]] {
        let ran = scan(&variables, &host);
        assert_eq!((ran.code, ran.json()["complete"].clone()), (1, true.into()), "{}{}", ran.err, ran.out);
        assert_eq!(secret.trace_in(ran.out.as_bytes()), None);
    }
    let refused = |ran: &Ran, said: &str| assert!(ran.code == 2 && ran.err.contains(said), "{}{}", ran.err, ran.out);
    refused(&scan(&[verify, ("DOCKER_CERT_PATH", &only)], &host), "ertificate");
    refused(&scan(&[verify], &host), "UnknownIssuer");
    refused(&scan(&[verify, ("DOCKER_CERT_PATH", &named)], &format!("tcp://127.0.0.2:{port}")), "cannot scan");
    refused(&scan(&[("HOME", folder.path())], &host), "cannot scan");
}

#[test]
fn a_store_is_read_in_place() {
    let (builder, secret) = web();
    let vfs = builder.path().join("vfs");
    tool(
        Command::new("podman")
            .arg("--root")
            .arg(&vfs)
            .arg("--runroot")
            .arg(builder.path().join("vfs-run"))
            .args(["--storage-driver", "vfs", "load", "-q", "-i"])
            .arg(builder.path().join("web.tar")),
    );
    let archive = oakum(builder.path(), ["scan", "--format", "json", "docker-archive:web.tar"]).json();
    let root = builder.path().display();
    for target in [
        format!("containers-storage:[overlay@{root}/store+{root}/run]localhost/web:latest"),
        format!("containers-storage:[vfs@{root}/vfs]web"),
    ] {
        let ran = oakum(builder.path(), ["scan", "--format", "json", &target]);
        assert_eq!(ran.code, 1, "{target}: {}{}", ran.err, ran.out);
        let report = ran.json();
        // Every layer fits its digest, deleted files and all.
        assert_eq!(report["complete"], true, "{report:#}");
        assert_eq!(report["findings"].as_array().unwrap().len(), 1, "{report:#}");
        assert_eq!(report["findings"][0]["fingerprint"], archive["findings"][0]["fingerprint"]);
        let (place, other) = (&report["findings"][0]["places"][0], &archive["findings"][0]["places"][0]);
        assert_eq!(
            (&place["path"], &place["state"], &place["state_by"]),
            (&other["path"], &"deleted".into(), &2.into())
        );
        assert_eq!(place["layer"]["diff_id"], other["layer"]["diff_id"]);
        assert_eq!(secret.trace_in(ran.out.as_bytes()), None);
    }
    let missing = oakum(builder.path(), ["scan", &format!("containers-storage:[overlay@{root}/store]other")]);
    assert!(missing.code == 2 && missing.err.contains("it has localhost/web:latest"), "{}", missing.err);
}
