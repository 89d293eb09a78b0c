//! `oakum scan` of folders, files and standard input, as a user sees it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use e2e::planted::Planted;
use e2e::programs::{Ran, finish, oakum, oakum_with_input, program};
use serde_json::json;
use tempfile::{TempDir, tempdir};

const FORMATS: &[&str] = &["text", "json", "jsonl", "sarif", "junit", "csv", "gitlab", "github", "html"];

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn env_line(secret: &Planted) -> String {
    format!("DEBUG=1\nDB_PASSWORD={}\n", secret.text())
}

#[test]
fn a_clean_tree_exits_with_0() {
    let folder = folder(&[("a.txt", "nothing to see\n"), ("b/c.rs", "fn main() {}\n")]);
    let ran = oakum(folder.path(), ["scan"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
}

#[test]
fn the_json_report_is_the_contract_to_the_letter() {
    let secret = Planted::password();
    let folder = folder(&[("a/.env", &env_line(&secret)), ("b.txt", "clean")]);
    let ran = oakum(folder.path(), ["scan", ".", "--format", "json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let mut report = ran.json();
    let fingerprint = report["findings"][0]["fingerprint"].take();
    assert!(fingerprint.as_str().is_some_and(|f| f.len() == 32 && f.bytes().all(|b| b.is_ascii_hexdigit())));
    assert!(report["summary"]["seconds"].take().as_f64().is_some_and(|s| s >= 0.0));
    let bytes = fs::metadata(folder.path().join("a/.env")).unwrap().len() + 5;
    assert_eq!(
        report,
        json!({
            "schema": "oakum.report/1", "complete": true,
            "findings": [{
                "rule": "generic.password", "service": "generic", "severity": "high", "confidence": "likely",
                "fingerprint": null, "preview": "… 26 bytes", "known": false,
                "places": [{
                    "kind": "file", "path": "a/.env", "member": [], "key": "DB_PASSWORD", "line": 2, "column": 13,
                    "end_line": 2, "end_column": 39, "layer": null, "state": null, "commit": null
                }]
            }],
            "summary": {"findings": 1, "known": 0, "bytes": bytes, "blobs": 2, "skipped": [], "seconds": null}
        })
    );
}

#[test]
fn jsonl_has_a_finding_a_line_and_a_summary_last() {
    let secret = Planted::password();
    let folder = folder(&[("a.env", &env_line(&secret)), ("b.env", &env_line(&Planted::password()))]);
    let ran = oakum(folder.path(), ["scan", "--format=jsonl"]);
    let lines: Vec<serde_json::Value> = ran.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["places"][0]["path"], "a.env");
    assert_eq!(lines[2]["summary"]["findings"], 2);
}

#[test]
fn a_planted_secret_is_in_no_output() {
    let secret = Planted::password();
    let name = format!("password={}", secret.text().replace('/', "_"));
    let line = env_line(&secret);
    let folder = folder(&[("a.env", &line), (&format!("{name}/b.env"), &line)]);
    // A rule's finding, in every format, with every flag that adds words.
    for format in FORMATS {
        for more in [&["--verbose"][..], &["--color=always"], &["--min-confidence=possible", "--jobs=1"]] {
            let ran = oakum(folder.path(), ["scan", "--format", format].iter().chain(more));
            assert_eq!(ran.code, 1, "{format}: {}", ran.err);
            assert_eq!(secret.trace_in(ran.out.as_bytes()), None, "{format}: {}", ran.out);
            assert_eq!(secret.trace_in(ran.err.as_bytes()), None, "{format}: {}", ran.err);
        }
    }
}

#[test]
fn more_reports_come_from_the_same_scan() {
    let folder = folder(&[("a.env", &env_line(&Planted::password()))]);
    let ran = oakum(folder.path(), ["scan", "a.env", "--report", "json=r.json", "--report", "sarif=r.sarif"]);
    assert_eq!(ran.code, 1);
    let read =
        |name: &str| serde_json::from_slice::<serde_json::Value>(&fs::read(folder.path().join(name)).unwrap()).unwrap();
    let fingerprint = &read("r.json")["findings"][0]["fingerprint"];
    let prints = read("r.sarif")["runs"][0]["results"][0]["partialFingerprints"].clone();
    assert!(prints.as_object().unwrap().values().any(|v| v == fingerprint), "{prints} {fingerprint}");
    // Nothing half-written is left beside them.
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["a.env", "r.json", "r.sarif"]);
}

#[test]
fn reports_are_the_same_for_any_number_of_jobs() {
    let shared = Planted::password();
    let files: Vec<(String, String)> = (0..200)
        .map(|i| {
            (
                format!("d{}/f{i}.env", i % 7),
                if i % 3 == 0 { env_line(&shared) } else { env_line(&Planted::password()) },
            )
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let folder = folder(&files);
    // So large that the threads share what is in them.
    for name in ["large.tar", "d1/another.TAR"] {
        let mut tar = tar::Builder::new(fs::File::create(folder.path().join(name)).unwrap());
        for i in 0..200 {
            let own = Planted::password();
            let line = env_line(if i % 2 == 0 { &shared } else { &own });
            let text = format!("{}{line}", format!("a line of {name} {i}\n").repeat(2500));
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            tar.append_data(&mut header, format!("{i}.env"), text.as_bytes()).unwrap();
        }
        tar.finish().unwrap();
    }
    let report = |jobs: &str| {
        let mut report = oakum(folder.path(), ["scan", "--format", "json", "--jobs", jobs]).json();
        report["summary"]["seconds"].take();
        report.to_string()
    };
    let one = report("1");
    assert!(one.contains("another.TAR") && one.contains("198.env"));
    for jobs in ["2", "8", "8", "8"] {
        assert_eq!(report(jobs), one);
    }
}

#[test]
fn what_git_ignores_is_scanned_unless_asked() {
    let folder = folder(&[(".gitignore", "*.env\n"), ("a.env", &env_line(&Planted::password()))]);
    assert_eq!(oakum(folder.path(), ["scan"]).code, 1);
    let ran = oakum(folder.path(), ["scan", "--respect-gitignore", "--format=json"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    // What was passed over is counted.
    assert_eq!(ran.json()["summary"]["skipped"][0]["count"], 1);
}

#[test]
fn gits_own_folder_is_not_walked_as_files() {
    let folder = folder(&[(".git/x.env", &env_line(&Planted::password())), ("a", "clean")]);
    let ran = oakum(folder.path(), ["scan", "--format=json"]);
    assert_eq!(ran.code, 0);
    assert_eq!(ran.json()["summary"]["blobs"], 1);
}

#[test]
fn links_are_not_followed_and_a_loop_is_no_loop() {
    let folder = folder(&[("a/b.env", &env_line(&Planted::password()))]);
    symlink("..", folder.path().join("a/loop")).unwrap();
    symlink("a/b.env", folder.path().join("link")).unwrap();
    symlink("/nowhere", folder.path().join("dangling")).unwrap();
    let ran = oakum(folder.path(), ["scan", "--format=json"]);
    assert_eq!(ran.code, 1);
    let report = ran.json();
    assert_eq!(report["findings"][0]["places"].as_array().unwrap().len(), 1);
    assert_eq!(report["complete"], true);
    assert_eq!(report["summary"]["skipped"][0]["count"], 3);
}

#[test]
fn a_pipe_in_the_tree_does_not_block() {
    let folder = folder(&[("a", "clean")]);
    assert!(Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap().success());
    assert_eq!(oakum(folder.path(), ["scan"]).code, 0);
}

#[test]
fn standard_input_is_scanned() {
    let secret = Planted::password();
    let ran = oakum_with_input(Path::new("/"), ["scan", "-", "--format=json"], env_line(&secret).as_bytes());
    assert_eq!(ran.code, 1);
    assert_eq!(ran.json()["findings"][0]["places"][0]["kind"], "stdin");
}

#[test]
fn wrong_usage_exits_with_2_and_says_the_way_out() {
    let folder = folder(&[
        ("a", "clean"),
        ("bad.toml", "service = \"acme\"\nrotate = \"\"\n[[rule]]\nid = \"acme.x\"\nnope = 1\n"),
        (
            "re.toml",
            "service = \"acme\"\nrotate = \"\"\n[[rule]]\nid = \"acme.x\"\nname = \"\"\nwhy = \"\"\nseverity = \"low\"\npattern = \"acme_(\"\n",
        ),
    ]);
    let fails = |args: &[&str], says: &[&str]| {
        let ran = oakum(folder.path(), args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        for words in says {
            assert!(ran.err.contains(words), "{args:?} does not say '{words}': {}", ran.err);
        }
    };
    fails(&["scan", "missing"], &["error: cannot scan missing", "hint: "]);
    fails(&["scan", "--nope"], &["--nope"]);
    fails(&["scan", "--format", "nope"], &["nope", "sarif"]);
    fails(&["scan", "--rules", "bad.toml"], &["bad.toml:5: unknown field `nope`", "hint: "]);
    fails(&["scan", "--rules", "re.toml"], &["re.toml:8", "unclosed group", "hint: "]);
    fails(&["scan", "--rule", "no.such"], &["no.such", "oakum rules list"]);
    fails(&["scan", "docker-archive:a"], &["error: cannot scan", "hint: "]);
    fails(&["scan", "git:x"], &["does not read git:", "hint: "]);
    fails(&["scan", "docker://127.0.0.1:1/x"], &["cannot scan docker://127.0.0.1:1/x:latest", "hint: check the name"]);
    fails(&["scan", "containers-storage:[overlay@/nowhere]x"], &["there is no store", "hint: "]);
    fails(&["scan", "--images-from", "nowhere"], &["cannot read nowhere"]);
    fails(&["scan", "--report", "json"], &["FORMAT=PATH"]);
    fails(&["scan", "--report", "json=/nowhere/r.json"], &["/nowhere/r.json"]);
}

/// Runs `oakum` as a user who may not read everything; root may.
fn as_nobody(folder: &Path, args: &[&str]) -> Ran {
    // The program is copied to where that user can reach it.
    let copy = folder.join(".oakum-under-test");
    fs::copy(program("oakum").unwrap(), &copy).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&copy).args(args).current_dir(folder);
    let ran = finish(&mut command, b"");
    fs::remove_file(copy).unwrap();
    ran
}

#[test]
fn what_cannot_be_read_is_a_gap_and_exits_with_3() {
    let folder = folder(&[("open/a", "clean"), ("open/b.env", "clean"), ("shut/c", "x")]);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(folder.path().join("open/b.env"), fs::Permissions::from_mode(0o0)).unwrap();
    fs::set_permissions(folder.path().join("shut"), fs::Permissions::from_mode(0o0)).unwrap();
    let ran = as_nobody(folder.path(), &["scan", "open", "--format=json"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    let report = ran.json();
    assert_eq!(report["complete"], false);
    assert_eq!(
        report["summary"]["skipped"],
        json!([{"why": "cannot be read", "count": 1, "examples": ["open/b.env"]}])
    );
    let both = as_nobody(folder.path(), &["scan", ".", "--format=json"]).json();
    assert_eq!(both["summary"]["skipped"][0]["count"], 2, "{both}");
    // With findings and gaps both, 1, and the report says so.
    fs::write(folder.path().join("open/a"), env_line(&Planted::password())).unwrap();
    let ran = as_nobody(folder.path(), &["scan", "open", "--format=json"]);
    assert_eq!((ran.code, &ran.json()["complete"]), (1, &json!(false)));
    assert_eq!(as_nobody(folder.path(), &["scan", "shut"]).code, 2);
}

#[test]
fn a_large_file_needs_little_memory() {
    let folder = folder(&[]);
    let path = folder.path().join("large.log");
    let secret = Planted::password();
    // A hole of zeros, with the secret past the end of what the program may hold.
    fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
    use std::io::Write as _;
    write!(fs::OpenOptions::new().append(true).open(&path).unwrap(), "\n{}", env_line(&secret)).unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -v 400000; exec \"$0\" scan --jobs 2 --format json large.log"])
        .arg(program("oakum").unwrap());
    let ran = finish(command.current_dir(folder.path()), b"");
    assert_eq!(ran.code, 1, "{}", ran.err);
    let place = &ran.json()["findings"][0]["places"][0];
    assert_eq!((&place["line"], &place["column"]), (&json!(3), &json!(13)));
}

#[test]
fn the_default_scan_opens_no_socket() {
    let folder = folder(&[("a.env", &env_line(&Planted::password()))]);
    let trace = folder.path().join("trace");
    let mut command = Command::new("strace");
    command
        .args(["-f", "-e", "trace=%network", "-o"])
        .arg(&trace)
        .arg(program("oakum").unwrap())
        .args(["scan", "a.env"]);
    let ran = finish(command.current_dir(folder.path()), b"");
    assert_eq!(ran.code, 1, "{}", ran.err);
    let calls: Vec<String> =
        fs::read_to_string(trace).unwrap().lines().filter(|l| l.contains('(')).map(str::to_owned).collect();
    // A pair of sockets of its own is how a program wakes itself; it reaches nobody.
    assert!(calls.iter().all(|c| c.contains("socketpair(")), "{calls:?}");
}

#[test]
fn names_reach_a_terminal_only_escaped() {
    let folder = folder(&[("a\u{1b}]0;owned\u{7}\u{202e}.env", &env_line(&Planted::password()))]);
    for color in ["always", "never"] {
        let ran = oakum(folder.path(), ["scan", "--color", color]);
        assert_eq!(ran.code, 1);
        assert!(
            !ran.out.contains("\u{1b}]") && !ran.out.contains('\u{7}') && !ran.out.contains('\u{202e}'),
            "{}",
            ran.out
        );
    }
    let ran = oakum(folder.path(), ["scan", "no\u{1b}[2J"]);
    assert!(!ran.err.contains('\u{1b}'), "{}", ran.err);
}

/// A rule file with one rule, whose samples are two of a shape.
fn good_of(id: &str, pattern: &str, shape: &str) -> String {
    format!(
        "service = \"acme\"\nrotate = \"x\"\n[[rule]]\nid = \"{id}\"\nname = \"x\"\nwhy = \"x\"\nseverity = \"high\"\n\
         pattern = '{pattern}'\nchecks = [\"crc32-base62-hint\"]\nhits = [\"{shape}\", \"x = {shape}\"]\nmisses = [\"a\", \"b\"]\n"
    )
}

#[test]
fn rules_are_listed_shown_and_checked() {
    let folder = folder(&[]);
    let list = oakum(folder.path(), ["rules", "list"]);
    assert!(list.code == 0 && list.out.lines().count() >= 80, "{}", list.out.lines().count());
    assert!(oakum(folder.path(), ["rules", "show", "github.pat"]).out.contains("crc32-base62"));
    assert_eq!(oakum(folder.path(), ["rules", "show", "nope"]).code, 2);
    let check = oakum(folder.path(), ["rules", "check"]);
    assert_eq!(check.code, 0, "{}", check.out);
    let rule = "service = \"acme\"\nrotate = \"x\"\n[[rule]]\nid = \"acme.key\"\nname = \"x\"\nwhy = \"x\"\nseverity = \"high\"\npattern = 'acme_[0-9a-f]{32}'\n";
    fs::write(folder.path().join("bare.toml"), rule).unwrap();
    let bare = oakum(folder.path(), ["rules", "check", "bare.toml"]);
    assert_eq!((bare.code, bare.out.contains("fewer than two samples")), (2, true), "{}", bare.out);
    let good =
        format!("{rule}hits = [\"acme_<hex:32>\", \"k=acme_<hex:32>\"]\nmisses = [\"acme_<hex:31>\", \"acme\"]\n");
    fs::write(folder.path().join("good.toml"), good).unwrap();
    let ran = oakum(folder.path(), ["rules", "check", "good.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    // One that others take the samples of is refused, and told who does.
    let taken = good_of("acme.token", "ghp_[0-9A-Za-z]{36}", "ghp_<base62:30><checksum>");
    fs::write(folder.path().join("taken.toml"), taken).unwrap();
    let ran = oakum(folder.path(), ["rules", "check", "taken.toml"]);
    assert_eq!((ran.code, ran.out.contains("is found by github.pat too")), (2, true), "{}", ran.out);
    // One that costs every scan is refused, and told what it costs.
    let slow = "service = \"acme\"\nrotate = \"x\"\n[[rule]]\nid = \"acme.slow\"\nname = \"x\"\nwhy = \"x\"\nseverity = \"high\"\npattern = '[A-Z]{3}:[0-9]{8}'\nhits = [\"x ABC:<digit:8>\", \"QRS:<digit:8>\"]\nmisses = [\"ABC:1\", \"A:12345678\"]\n";
    fs::write(folder.path().join("slow.toml"), slow).unwrap();
    let ran = oakum(folder.path(), ["rules", "check", "slow.toml"]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.out.contains("acme.slow: slow: ") && ran.out.contains(" MB a second"), "{}", ran.out);
    // And the rule is used.
    fs::write(
        folder.path().join("x"),
        format!("acme_{}", "0123456789abcdef".chars().rev().cycle().skip(3).step_by(7).take(32).collect::<String>()),
    )
    .unwrap();
    assert_eq!(oakum(folder.path(), ["scan", "x", "--rules", "good.toml"]).code, 1);
    assert_eq!(oakum(folder.path(), ["scan", "x", "--rules", "good.toml", "--disable", "acme"]).code, 0);
}

#[test]
fn completions_and_man_pages_are_made() {
    let folder = folder(&[]);
    for shell in ["bash", "zsh", "fish"] {
        assert!(oakum(folder.path(), ["generate", "completions", shell]).out.contains("respect-gitignore"));
    }
    assert_eq!(oakum(folder.path(), ["generate", "man", "man"]).code, 0);
    assert!(fs::read_to_string(folder.path().join("man/oakum-scan.1")).unwrap().contains("respect"));
}

#[test]
fn fingerprints_stay_with_the_secret_and_change_with_the_key() {
    let secret = Planted::password();
    let folder = folder(&[("a.env", &env_line(&secret)), ("key", &"k".repeat(32))]);
    let print = |args: &[&str]| {
        let ran = oakum(folder.path(), ["scan", "a.env", "--format=json"].iter().chain(args));
        ran.json()["findings"][0]["fingerprint"].as_str().unwrap_or_else(|| panic!("{}", ran.err)).to_owned()
    };
    let first = print(&[]);
    // Moving it changes nothing.
    fs::write(folder.path().join("a.env"), format!("\n\n# moved\n{}", env_line(&secret))).unwrap();
    assert_eq!(print(&[]), first);
    assert_ne!(print(&["--key-file", "key"]), first);
}

#[test]
fn the_file_system_that_it_runs_in_is_scanned() {
    let secret = Planted::password();
    let root = folder(&[
        ("etc/app.env", &format!("DB_PASSWORD={}\n", secret.text())),
        ("proc/1/environ", "DB_PASSWORD=of-the-kernel-9\n"),
    ]);
    fs::create_dir(root.path().join("bin")).unwrap();
    fs::copy(program("oakum").unwrap(), root.path().join("bin/oakum")).unwrap();
    let mut command = Command::new("chroot");
    command.arg(root.path()).args(["/bin/oakum", "scan", "--in-container", "--format", "json"]);
    let report = finish(&mut command, b"").json();
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{report:#}");
    assert_eq!(findings[0]["places"][0]["path"], "/etc/app.env");
    let unpacked = oakum(root.path(), ["scan", "dir:etc", "--format", "json"]).json();
    assert_eq!(unpacked["findings"][0]["places"][0]["path"], "etc/app.env", "{unpacked:#}");
}

/// What Python's own compiler and database write, and what is put away in an archive.
#[test]
fn compiled_files_and_databases_are_read_by_their_format() {
    let secrets: Vec<Planted> = (0..4).map(|_| Planted::password()).collect();
    let text = |at: usize| secrets[at].text();
    let folder = tempdir().unwrap();
    let script = "import py_compile, sqlite3, sys, zipfile\n\
        py_compile.compile('shop.py', cfile='out/shop.pyc', doraise=True)\n\
        db = sqlite3.connect('out/shop.db')\n\
        db.execute('PRAGMA page_size = 512')\n\
        db.execute('CREATE TABLE users (id INTEGER PRIMARY KEY, notes TEXT, password TEXT)')\n\
        db.execute('CREATE TABLE settings (name TEXT, value TEXT)')\n\
        db.executemany('INSERT INTO users (notes, password) VALUES (?, ?)', [('n' * i, 'x') for i in range(0, 300, 3)])\n\
        db.execute('INSERT INTO users (notes, password) VALUES (?, ?)', ('n' * 700, sys.argv[1]))\n\
        db.execute('INSERT INTO settings VALUES (?, ?)', ('smtp_password', sys.argv[2]))\n\
        db.commit()\n\
        zipfile.ZipFile('out/app.zip', 'w', zipfile.ZIP_DEFLATED).write('out/shop.pyc', 'lib/shop.pyc')\n";
    let source = format!(
        "class Config:\n    PASSWORD = {:?}\n\ndef connect(db):\n    db.open(user='anna', password={:?})\n",
        text(2),
        text(3)
    );
    fs::create_dir(folder.path().join("out")).unwrap();
    fs::write(folder.path().join("shop.py"), source).unwrap();
    let made = Command::new("python3").args(["-c", script, text(0), text(1)]).current_dir(folder.path()).output();
    // Without Python the tests of each format still stand.
    let Ok(made) = made else { return };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let ran = oakum(folder.path(), ["scan", "out", "--format", "json"]);
    let report = ran.json();
    let mut keys: Vec<String> = Vec::new();
    for place in report["findings"].as_array().unwrap().iter().flat_map(|f| f["places"].as_array().unwrap()) {
        keys.push(format!("{} {}", place["path"].as_str().unwrap(), place["key"].as_str().unwrap()));
    }
    keys.sort();
    let expected = [
        "out/app.zip shop.Config.PASSWORD",
        "out/app.zip shop.connect.password",
        "out/shop.db settings.smtp_password",
        "out/shop.db users.password",
        "out/shop.pyc shop.Config.PASSWORD",
        "out/shop.pyc shop.connect.password",
    ];
    assert_eq!(keys, expected);
    for secret in &secrets {
        assert_eq!(secret.trace_in(ran.out.as_bytes()), None);
    }
}
