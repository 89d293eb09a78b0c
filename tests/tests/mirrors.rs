//! Where images of a registry come from when it is not the registry itself, and all that is in one: Debian's registry,
//! as upstream and as mirror.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::images::Builder;
use e2e::planted::Planted;
use e2e::programs::{Ran, program, tool};
use e2e::servers::free_port;
use e2e::servers::registry::{Registry, USER};

/// An image with a password, and registries that are logged in to.
struct Bench {
    builder: Builder,
    secret: Planted,
}

impl Bench {
    fn new(registries: &[&Registry]) -> Self {
        let builder = Builder::new().unwrap();
        let secret = Planted::password();
        builder.file("app.env", &format!("DB_PASSWORD={}\n", secret.text())).unwrap();
        fs::create_dir(builder.path().join(".docker")).unwrap();
        let mut authorities = String::new();
        for registry in registries {
            let certificates = registry.certificates().unwrap();
            authorities += &fs::read_to_string(certificates.join("ca.crt")).unwrap();
            let mut login = Command::new("skopeo");
            login.args(["login", "--authfile", ".docker/config.json", "--cert-dir"]).arg(&certificates);
            login.args(["-u", USER, "-p", registry.password().text(), &registry.host()]);
            tool(login.current_dir(builder.path()));
        }
        fs::write(builder.path().join("ca.pem"), authorities).unwrap();
        Self { builder, secret }
    }

    /// Builds an image that tells its name, and shares its layers with all others.
    fn push(&self, registry: &Registry, name: &str) {
        let layers = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY app.env /app/.env\n";
        self.builder.build("web", &format!("{layers}LABEL name={name}\n"), &[]);
        let folder = registry.certificates().unwrap().display().to_string();
        let login = format!("{USER}:{}", registry.password().text());
        let to = format!("docker://{}/{name}", registry.host());
        // Each to a folder of its own: a layout names all that was ever put into it.
        let layout = name.replace(['/', ':'], "-");
        self.builder.push("web", "oci", &layout);
        let from = format!("oci:{layout}:web:latest");
        self.builder.copy(&["--dest-cert-dir", &folder, "--dest-creds", &login], &from, &to);
    }

    fn path(&self) -> &Path {
        self.builder.path()
    }

    /// Runs `oakum scan` with a home that has the logins.
    fn scan(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(program("oakum").unwrap());
        command.env_clear().env("HOME", self.path()).env("PATH", std::env::var_os("PATH").unwrap());
        command.current_dir(self.path()).args(["scan", "--format", "json", "--registry-ca", "ca.pem"]);
        Ran::from(command.args(arguments).output().unwrap())
    }

    /// Scans, and must find the one password, all of it having been looked at.
    fn finds(&self, arguments: &[&str]) -> Ran {
        let ran = self.scan(arguments);
        assert_eq!(ran.code, 1, "{arguments:?}: {}{}", ran.err, ran.out);
        let report = ran.json();
        assert_eq!(report["complete"], true, "{arguments:?}: {report:#}");
        assert_eq!(report["findings"].as_array().unwrap().len(), 1, "{arguments:?}: {report:#}");
        assert_eq!(self.secret.trace_in(format!("{}{}", ran.out, ran.err).as_bytes()), None);
        ran
    }
}

#[test]
fn mirrors_are_asked_in_their_order_and_the_registry_last() {
    let (mut upstream, mirror) = (Registry::start().unwrap(), Registry::start().unwrap());
    let bench = Bench::new(&[&upstream, &mirror]);
    let (host, other) = (upstream.host(), mirror.host());
    bench.push(&mirror, "cache/team/web:1");
    bench.push(&upstream, "team/api:1");
    let conf = |name: &str, text: String| {
        let path = bench.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let mirrored = format!("[[registry]]\nlocation = \"{host}\"\n[[registry.mirror]]\nlocation = \"{other}/cache\"\n");
    let file = conf("mirrors.conf", mirrored.clone());
    let (web, api) = (format!("docker://{host}/team/web:1"), format!("docker://{host}/team/api:1"));

    // Only the mirror has the one, only the registry the other.
    assert!(bench.scan(&[&web]).err.contains("404"));
    let ran = bench.finds(&[&web, "--registries-conf", &file]);
    assert_eq!(ran.json()["findings"][0]["places"][0]["layer"]["image"], format!("{host}/team/web:1"));
    bench.finds(&[&api, "--registries-conf", &file]);
    let typed = format!("{host}={other}/cache");
    bench.finds(&[&web, "--registry-mirror", &typed]);
    // A mirror that is down is passed over.
    let down = format!("{host}/team=localhost:{}", free_port().unwrap());
    bench.finds(&[&api, "--registry-mirror", &down]);
    bench.finds(&[&web, "--registry-mirror", &down, "--registry-mirror", &typed]);
    // What nobody has, is told of with all that were asked.
    let missing = bench.scan(&[&format!("docker://{host}/team/none:1"), "--registry-mirror", &typed]);
    let said = ["none of 2", "404", &host, &other];
    assert!(missing.code == 2 && said.iter().all(|said| missing.err.contains(said)), "{}", missing.err);

    // The same from where Podman looks; one that is blocked is asked nowhere.
    let own = conf(".config/containers/registries.conf.d/mirrors.conf", mirrored.clone());
    bench.finds(&[&web]);
    conf(".config/containers/registries.conf.d/z.conf", "[[registry]]\nblocked = true\n".to_owned());
    let broken = bench.scan(&[&web]);
    assert!(broken.code == 2 && broken.err.contains("z.conf: \"\" is no HOST"), "{}", broken.err);
    conf(
        ".config/containers/registries.conf.d/z.conf",
        format!("[[registry]]\nlocation = \"{host}\"\nblocked = true\n"),
    );
    let blocked = bench.scan(&[&web, "--registry-mirror", &typed]);
    assert!(blocked.code == 2 && blocked.err.contains(&format!("z.conf blocks {host}")), "{}", blocked.err);
    fs::remove_dir_all(Path::new(&own).parent().unwrap()).unwrap();

    // A registry that is down is not needed for what a mirror has.
    upstream.stop();
    bench.finds(&[&web, "--registries-conf", &file]);
    let gone = bench.scan(&[&api, "--registries-conf", &file]);
    assert!(gone.code == 2 && gone.err.contains("none of 2"), "{}", gone.err);
}

#[test]
fn only_of_an_insecure_mirror_any_certificate_will_do() {
    let (upstream, mirror) = (Registry::start().unwrap(), Registry::start().unwrap());
    let bench = Bench::new(&[&upstream, &mirror]);
    let (host, other) = (upstream.host(), mirror.host());
    bench.push(&mirror, "team/web:1");
    bench.push(&upstream, "team/api:1");
    let trust = |registry: &Registry| {
        fs::copy(registry.certificates().unwrap().join("ca.crt"), bench.path().join("ca.pem")).unwrap();
    };
    let scan = |image: &str, insecure: bool| {
        let text = format!(
            "[[registry]]\nlocation = \"{host}\"\n[[registry.mirror]]\nlocation = \"{other}\"\ninsecure = {insecure}\n"
        );
        fs::write(bench.path().join("mirrors.conf"), text).unwrap();
        bench.scan(&[&format!("docker://{host}/team/{image}:1"), "--registries-conf", "mirrors.conf"])
    };
    trust(&upstream);
    let ran = scan("web", false);
    assert!(ran.code == 2 && ran.err.contains(&format!("{other}: ")) && ran.err.contains("certificate"), "{}", ran.err);
    let ran = scan("web", true);
    assert_eq!((ran.code, &ran.json()["complete"]), (1, &true.into()), "{}", ran.err);
    // The registry itself is checked all the same.
    trust(&mirror);
    let ran = scan("api", true);
    assert!(ran.code == 2 && ran.err.contains(&format!("{host}: ")) && ran.err.contains("certificate"), "{}", ran.err);
}

#[test]
fn what_containerd_is_told_of_hosts_is_followed() {
    let (upstream, mirror, mutual) =
        (Registry::start().unwrap(), Registry::start().unwrap(), Registry::start_mutual().unwrap());
    let bench = Bench::new(&[&upstream, &mirror, &mutual]);
    let (host, other, shy) = (upstream.host(), mirror.host(), mutual.host());
    bench.push(&mirror, "cache/team/web:1");
    bench.push(&upstream, "team/api:1");
    bench.push(&mutual, "team/shy:1");
    // The registry is known to all; the others only by what the folder says.
    fs::copy(upstream.certificates().unwrap().join("ca.crt"), bench.path().join("ca.pem")).unwrap();
    let set = |host: &str, text: &str| {
        fs::create_dir_all(bench.path().join("certs.d").join(host)).unwrap();
        fs::write(bench.path().join("certs.d").join(host).join("hosts.toml"), text).unwrap();
    };
    let hosts = ["--registry-hosts-dir", "certs.d"];
    let (web, api) = (format!("docker://{host}/team/web:1"), format!("docker://{host}/team/api:1"));
    let (web, api) = ([&web, hosts[0], hosts[1]], [&api, hosts[0], hosts[1]]);
    let cached = format!("[host.\"https://{other}/v2/cache\"]\noverride_path = true\n");

    set(&host, &cached);
    let ran = bench.scan(&web);
    assert!(ran.code == 2 && ran.err.contains("none of 2") && ran.err.contains("certificate"), "{}", ran.err);
    bench.finds(&api);
    fs::copy(mirror.certificates().unwrap().join("ca.crt"), bench.path().join("certs.d").join(&host).join("own.crt"))
        .unwrap();
    set(&host, &format!("{cached}ca = \"own.crt\"\n"));
    bench.finds(&web);
    set(&host, &format!("{cached}skip_verify = true\n"));
    bench.finds(&web);
    // One that cannot say what a tag is, is not asked.
    set(&host, &format!("{cached}skip_verify = true\ncapabilities = [\"pull\"]\n"));
    let ran = bench.scan(&web);
    assert!(ran.code == 2 && ran.err.contains("404") && !ran.err.contains("none of"), "{}", ran.err);
    set(&host, "server = \"https://localhost\"\ncapabilities = [\"pull\"]\n");
    let ran = bench.scan(&web);
    assert!(ran.code == 2 && ran.err.contains("no host may be asked") && ran.err.contains("hint:"), "{}", ran.err);

    // One that wants a certificate of ours, as hosts.toml has it and as Docker has it.
    let certificates = mutual.certificates().unwrap();
    let image = format!("docker://{shy}/team/shy:1");
    let (from, to) = (certificates.display(), bench.path().join("certs.d").join(&shy));
    let client = format!("client = [[\"{from}/client.cert\", \"{from}/client.key\"]]\n");
    set(&shy, &format!("server = \"https://{shy}\"\nca = \"{from}/ca.crt\"\n"));
    assert_eq!(bench.scan(&[&image, hosts[0], hosts[1]]).code, 2);
    set(&shy, &format!("server = \"https://{shy}\"\nca = \"{from}/ca.crt\"\n{client}"));
    bench.finds(&[&image, hosts[0], hosts[1]]);
    fs::remove_file(to.join("hosts.toml")).unwrap();
    for name in ["ca.crt", "client.cert", "client.key"] {
        fs::copy(certificates.join(name), to.join(name)).unwrap();
    }
    bench.finds(&[&image, hosts[0], hosts[1]]);

    // What is wrong is told with the file and the line.
    for (text, said) in [
        ("server = \"https://a b\"\n", "hosts.toml: server: \"https://a b\" is no"),
        (
            "\n[host.\"https://example.com\"]\ncapabilities = [\"all\"]\n",
            "hosts.toml: line 2: \"all\" is no capability",
        ),
        ("ca = \"none.crt\"\n", "none.crt: No such file"),
    ] {
        set(&host, text);
        let ran = bench.scan(&web);
        assert!(ran.code == 2 && ran.err.contains(said) && ran.err.contains("hint:"), "{text}: {}", ran.err);
    }
}

#[test]
fn a_namespace_is_all_of_its_repositories() {
    let registry = Registry::start().unwrap();
    let bench = Bench::new(&[&registry]);
    let host = registry.host();
    for name in ["team/web:1", "team/web:2", "team/tools/api:main", "teams/web:1", "web:1"] {
        bench.push(&registry, name);
    }
    let images = |ran: &Ran| {
        let report = ran.json();
        let places = report["findings"][0]["places"].as_array().unwrap().clone();
        let mut names: Vec<String> =
            places.iter().map(|place| place["layer"]["image"].as_str().unwrap().replace(&host, "")).collect();
        names.sort();
        names
    };
    let one = bench.finds(&[&format!("docker://{host}/team/web:1")]);
    let team = bench.finds(&[&format!("docker://{host}/team/")]);
    assert_eq!(images(&team), ["/team/tools/api:main", "/team/web:1", "/team/web:2"]);
    let all = bench.finds(&[&format!("docker://{host}/")]);
    let expected = ["/team/tools/api:main", "/team/web:1", "/team/web:2", "/teams/web:1", "/web:1"];
    assert_eq!(images(&all), expected);
    // What they share was pulled once.
    let bytes = |ran: &Ran| ran.json()["summary"]["bytes"].as_u64().unwrap();
    assert!(bytes(&all) - bytes(&one) < 20_000, "{} {}", bytes(&all), bytes(&one));

    let none = bench.scan(&[&format!("docker://{host}/other/")]);
    assert!(none.code == 2 && none.err.contains("none of the 4 repositories"), "{}", none.err);
    // Who may see nothing is told what to do.
    fs::remove_dir_all(bench.path().join(".docker")).unwrap();
    let refused = bench.scan(&[&format!("docker://{host}/team/")]);
    assert!(refused.code == 2 && refused.err.contains("401"), "{}", refused.err);
    assert!(refused.err.contains("--images-from"), "{}", refused.err);
}
