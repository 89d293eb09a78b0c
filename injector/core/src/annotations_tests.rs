//! Annotations there and back.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::config::*;
use crate::format::Format;
use crate::reference::{Name, Reference, ValueRef};
use proptest::collection::btree_map;
use proptest::prelude::*;

fn read(annotations: &[(&str, &str)]) -> Result<Option<Injection>, ConfigError> {
    from_annotations(annotations.iter().copied())
}

const ASKING: &[(&str, &str)] = &[
    ("oakum.dev/inject", "true"),
    ("oakum.dev/store.vault", "vault: { address: https://vault.example.com:8200, auth: { token_file: /t } }"),
    ("oakum.dev/volume", "{ path: /run/secrets/oakum }"),
    ("oakum.dev/secret.db", "vault:secret/db"),
    ("oakum.dev/file.password", "db#password"),
    ("prometheus.io/scrape", "true"),
];

#[test]
fn a_pod_that_does_not_ask_gets_nothing() {
    assert_eq!(read(&[("prometheus.io/scrape", "true")]).unwrap(), None);
    assert_eq!(read(&[("oakum.dev/inject", "false"), ("oakum.dev/secret.db", "vault:x")]).unwrap(), None);
}

#[test]
fn a_pod_that_asks_is_understood() {
    let injection = read(ASKING).unwrap().unwrap();
    assert_eq!(injection.secrets["db"].from.path, "secret/db");
    assert!(injection.files.contains_key(&FileName::parse("password").unwrap()));
}

#[test]
fn a_mistyped_annotation_is_an_error() {
    for (key, hint) in [
        ("oakum.dev/volumes", "oakum.dev/volume?"),
        ("oakum.dev/secrets.db", "oakum.dev/secret.db?"),
        ("oakum.dev/injectt", "oakum.dev/inject?"),
    ] {
        let all: Vec<_> = ASKING.iter().copied().chain([(key, "x")]).collect();
        let error = read(&all).unwrap_err();
        assert_eq!(error.to_string(), format!("annotation {key}: is not known"));
        assert!(error.hint.as_ref().is_some_and(|text| text.ends_with(hint)), "{error:?}");
    }
    assert!(read(&[("oakum.dev/secret.db", "vault:x")]).unwrap_err().hint.unwrap().contains("inject"));
    assert!(read(&[("oakum.dev/inject", "yes")]).is_err());
}

#[test]
fn an_error_names_the_annotation_it_is_about() {
    let mut all = ASKING.to_vec();
    all[4].1 = "bd#password";
    assert_eq!(read(&all).unwrap_err().to_string(), "annotation oakum.dev/file.password: there is no secret `bd`");
}

prop_compose! {
    fn a_name()(text in "[a-z0-9]([a-zA-Z0-9._-]{0,8}[a-z0-9])?") -> Name { Name::parse(&text).unwrap() }
}
prop_compose! {
    fn a_path()(text in "(/[a-zA-Z0-9 .:#'\"{_-]{1,8}){1,3}") -> PathBuf {
        // `..` as an element is refused, and not what is tested here.
        PathBuf::from(text.replace("..", "__"))
    }
}
prop_compose! {
    fn a_file_name()(text in "(t\\.ls:|x:)?[a-zA-Z0-9_@ -][a-zA-Z0-9._ é-]{0,70}(/[a-z][a-z.]{0,5})?") -> Option<FileName> { FileName::parse(&text).ok() }
}

fn an_auth() -> impl Strategy<Value = VaultAuth> {
    let id = prop_oneof!["[a-z0-9-]{1,12}".prop_map(Literal::Here), a_path().prop_map(Literal::File)];
    let wrapped = proptest::option::of(
        (proptest::option::of("[a-z:]{1,4}/[a-z]"), proptest::option::of(a_path()))
            .prop_map(|(creation_path, keep)| Wrapping { creation_path, keep }),
    );
    prop_oneof![
        ("[a-z/]{1,3}[a-z]", id, a_path(), wrapped, any::<bool>()).prop_filter_map(
            "a mount",
            |(mount, role_id, secret_id, wrapped, remove)| {
                let remove = remove && wrapped.is_none();
                let mount = mount.trim_matches('/').replace("//", "/");
                (!mount.contains("//")).then_some(VaultAuth::AppRole { mount, role_id, secret_id, wrapped, remove })
            }
        ),
        ("[a-z]{1,8}", "[a-z ~:0-9]{0,8}[a-z]", a_path()).prop_map(|(mount, role, token)| VaultAuth::Kubernetes {
            mount,
            role,
            token
        }),
        ("[a-z]{1,8}", "[a-z ~:0-9]{0,8}[a-z]", a_path(), 0..3usize).prop_map(|(mount, role, token, at)| {
            let remove = [Removal::Never, Removal::File, Removal::Target][at];
            VaultAuth::Jwt { mount, role, token, remove }
        }),
        ("[a-z]{1,8}", proptest::option::of("[a-z]{1,4}")).prop_map(|(mount, name)| VaultAuth::Cert { mount, name }),
        ("[a-z]{1,8}", "[a-z:]{1,4}[a-z]", some_credentials(), proptest::option::of("[a-z]{2}-[a-z]{1,6}-[1-9]"))
            .prop_map(|(mount, role, credentials, region)| {
                let header = region.clone();
                VaultAuth::Aws { mount, role, credentials, region, header }
            }),
        a_path().prop_map(VaultAuth::TokenFile),
    ]
}

fn a_store() -> impl Strategy<Value = Store> {
    let address = prop_oneof![
        "https://[a-z]{1,8}\\.example\\.com(:[1-9][0-9]{1,3})?",
        Just("http://127.0.0.1:8200".to_owned()),
        Just("http://vault.example.com".to_owned())
    ];
    prop_oneof![
        (address, proptest::option::of("[a-z/0-9~]{1,6}"), proptest::option::of(a_path()), a_path(), an_auth())
            .prop_map(|(address, namespace, ca, file, auth)| {
                let address = Address::parse(&address, PlainHttp::Anywhere).unwrap();
                // A certificate wants TLS, and a login by one wants a certificate.
                let (client, auth) = match (address.scheme, auth) {
                    (Scheme::Http, VaultAuth::Cert { .. }) => (None, VaultAuth::TokenFile(file)),
                    (_, auth @ VaultAuth::Cert { .. }) => (Some(ClientCert { cert: file.clone(), key: file }), auth),
                    (_, auth) => (None, auth),
                };
                let keep_token = ca.clone().filter(|_| !matches!(auth, VaultAuth::TokenFile(_)));
                let readers = ca.iter().map(|path| TokenFile {
                    path: path.clone(),
                    mode: Mode::parse("0640").unwrap(),
                    user: client.as_ref().map(|_| 8),
                    group: namespace.as_ref().map(|_| 7),
                    wrap: namespace.as_ref().map(|_| Duration::from_secs(60)),
                });
                let write_token = readers.collect();
                let (server_name, keep_unwrapped) = (None, ca.clone());
                Store::Vault(VaultStore {
                    address,
                    namespace,
                    ca,
                    client,
                    server_name,
                    keep_token,
                    keep_unwrapped,
                    write_token,
                    auth,
                })
            }),
        a_path().prop_map(|path| Store::File(FileStore { path })),
        an_aws_store().prop_map(Store::Aws),
        a_kubernetes_store().prop_map(Store::Kubernetes),
    ]
}

fn a_kubernetes_store() -> impl Strategy<Value = KubernetesStore> {
    let address = proptest::option::of(prop_oneof!["https://[a-z]{1,8}\\.example", Just("http://[::1]:9".to_owned())]);
    let file = |default: &'static str| prop_oneof![Just(default.into()), a_path()];
    let namespace = proptest::option::of("[a-z]([a-z0-9-]{0,4}[a-z0-9])?");
    (address, file(KUBERNETES_CA), file(KUBERNETES_TOKEN), namespace).prop_map(|(address, ca, token, namespace)| {
        let address = address.map(|text| Address::parse(&text, PlainHttp::LoopbackOnly).unwrap());
        KubernetesStore { address, ca, token, namespace }
    })
}

fn some_credentials() -> impl Strategy<Value = AwsCredentials> {
    prop_oneof![
        Just(AwsCredentials::Chain),
        Just(AwsCredentials::Environment),
        Just(AwsCredentials::Container),
        Just(AwsCredentials::Instance),
        (a_path(), "(default|[a-z -]{1,5}[a-z])")
            .prop_map(|(path, profile)| AwsCredentials::File { path, profile: profile.trim().to_owned() }),
        ("arn:aws:iam::[0-9]{1,12}:role/[a-zA-Z]{1,5}", a_path())
            .prop_map(|(role, token)| AwsCredentials::WebIdentity { role, token }),
    ]
}

fn an_aws_store() -> impl Strategy<Value = AwsStore> {
    let endpoint = proptest::option::of(prop_oneof!["https://[a-z]{1,8}\\.example", Just("http://[::1]:9".to_owned())]);
    ("[a-z]{2}-[a-z]{1,6}-[1-9]", endpoint, proptest::option::of(a_path()), some_credentials()).prop_map(
        |(region, endpoint, ca, credentials)| AwsStore {
            region,
            endpoint: endpoint.map(|text| Address::parse(&text, PlainHttp::LoopbackOnly).unwrap()),
            ca,
            credentials,
        },
    )
}

fn a_value(secret: &Name) -> impl Strategy<Value = ValueRef> + use<> {
    let secret = secret.clone();
    proptest::option::of("[a-zA-Z][a-z é'\".?:{]{0,8}[a-z]")
        .prop_map(move |field| ValueRef { secret: secret.clone(), field })
}

fn a_source(secret: &Name, key: &'static str) -> impl Strategy<Value = Source> + use<> {
    prop_oneof![Just(Source::Secret(secret.clone())), btree_map(key, a_value(secret), 1..4).prop_map(Source::Values)]
}

/// Values in a format, under names that it takes: any, or those of its parts, the ones that are needed among them.
fn some_fields(secret: &Name, format: Format) -> BoxedStrategy<Content> {
    let Some(parts) = format.parts() else {
        let key = match format {
            Format::Dotenv | Format::Shell => "[A-Z_][A-Z0-9_]{0,6}",
            Format::Xml => "x[a-z.0-9_-]{0,6}",
            _ => "[a-z.~ é\"']{1,6}",
        };
        let with = btree_map("x[A-Z]{1,3}", "[a-z'\": é1]{0,5}[a-z]", 0..2);
        return (a_source(secret, key), with)
            .prop_map(move |(source, with)| Content::Fields { format, source, with })
            .boxed();
    };
    let values = proptest::collection::vec((a_value(secret), 0..4), parts.len());
    (values, proptest::bool::ANY, "[a-z'\": é1]{0,5}[a-z]")
        .prop_map({
            let secret = secret.clone();
            move |(drawn, whole, text)| {
                let (mut values, mut with) = (BTreeMap::new(), BTreeMap::new());
                for (part, (value, fate)) in parts.iter().zip(drawn) {
                    match fate {
                        0 if !part.is_needed() => {}
                        1 if !part.is_secret() => drop(with.insert(part.name().to_owned(), text.clone())),
                        _ => drop(values.insert(part.name().to_owned(), value)),
                    }
                }
                let source =
                    if whole || values.is_empty() { Source::Secret(secret.clone()) } else { Source::Values(values) };
                Content::Fields { format, source, with }
            }
        })
        .boxed()
}

fn a_file(secret: &Name) -> impl Strategy<Value = FileSpec> + use<> {
    let content = prop_oneof![
        a_value(secret).prop_map(Content::Raw),
        proptest::sample::select(Format::ALL).prop_flat_map({
            let secret = secret.clone();
            move |format| some_fields(&secret, format)
        }),
    ];
    let mode =
        proptest::option::of(prop_oneof![Just("0400"), Just("0644")].prop_map(|mode| Mode::parse(mode).unwrap()));
    (content, mode).prop_map(|(content, mode)| {
        let for_its_owner =
            matches!(&content, Content::Fields { format, .. } if format.is_for_its_owner()).then_some(Mode::OWNER);
        FileSpec { content, mode: for_its_owner.or(mode) }
    })
}

fn a_variable(secret: &Name) -> impl Strategy<Value = EnvSource> + use<> {
    let text = format!("{{{{ index . \"{secret}\" }}}}\n: é");
    let whole = format!(
        "apiVersion: oakum.dev/v1\nkind: Injection\nstores: {{ s: {{ file: {{ path: /a }} }} }}\nvolume: {{ path: /v }}\n\
         secrets: {{ {secret}: 's:x' }}\nenv: {{ A: {{ template: {} }} }}\n",
        serde_json::json!(text)
    );
    let template = Injection::parse(&whole, "c").unwrap().env.into_values().next().unwrap();
    prop_oneof![3 => a_value(secret).prop_map(EnvSource::Value), 1 => Just(template)]
}

fn a_few_hooks(all: bool) -> Vec<Hook> {
    let text = r#"[{ signal: SIGHUP, process: nginx, debounce: 2s }, { signal: USR1 }, { signal: USR2, pid_file: "/run/a: b" },
        { restart: true }, { command: [/bin/x, 'a b: c'], timeout: 1s, at_start: true }, { http: 'http://127.0.0.1:81/a?b', method: PUT }]"#;
    let node = Node::parse(text).unwrap();
    let hooks = hook::decode(&node, |_| true).unwrap_or_else(|fault| panic!("{fault:?}"));
    if all { hooks } else { Vec::new() }
}

fn an_injection() -> impl Strategy<Value = Injection> {
    (
        btree_map(a_name(), a_store(), 1..4),
        a_name(),
        "[a-zA-Z0-9 _~-]{1,6}(/[a-z'\":{]{1,6})?",
        1000u64..5_000_000,
        a_path(),
    )
        .prop_flat_map(|(stores, secret, path, refresh, volume)| {
            let store = stores.keys().next().unwrap().clone();
            let (path, version, stage) = match stores[store.as_str()] {
                Store::Vault(_) => (path, Some(7), None),
                Store::Aws(_) => (format!("secretsmanager/{path}"), None, Some("AWSPENDING".to_owned())),
                Store::File(_) => (path, None, None),
                Store::Kubernetes(_) => ("secret/shop/web.db".to_owned(), None, None),
            };
            let from = Reference { store, path, field: None, version, stage };
            let versioned = version.is_some();
            let with = if versioned && refresh % 2 == 0 {
                BTreeMap::from([("common_name".to_owned(), "a: b".to_owned())])
            } else {
                BTreeMap::new()
            };
            let max_stale = (refresh % 3 == 0).then(|| Duration::from_secs(refresh));
            let on_stale = if max_stale.is_some() { OnStale::Remove } else { OnStale::Keep };
            let secrets = BTreeMap::from([(
                secret.clone(),
                SecretSpec {
                    refresh: Duration::from_millis(refresh),
                    with,
                    max_stale,
                    on_stale,
                    ..SecretSpec::new(from)
                },
            )]);
            let files = proptest::collection::vec((a_file_name(), a_file(&secret)), 1..5);
            let env =
                btree_map("[A-Z_]{1,5}".prop_map(|name| EnvName::parse(&name).unwrap()), a_variable(&secret), 1..3);
            (Just((stores, secrets, volume)), files, env, proptest::bool::ANY)
        })
        .prop_map(|((stores, secrets, path), files, env, json)| {
            let files: BTreeMap<FileName, FileSpec> =
                files.into_iter().filter_map(|(name, file)| Some((name?, file))).collect();
            let names: Vec<FileName> = files.keys().cloned().collect();
            let clear = |name: &FileName| {
                let beside = names.iter().filter(|other| other.volume() == name.volume());
                !beside.into_iter().any(|other| other.folders().any(|folder| folder == name.path()))
            };
            let files: BTreeMap<FileName, FileSpec> = files.into_iter().filter(|(name, _)| clear(name)).collect();
            let volumes = files.keys().filter_map(FileName::volume).map(|name| {
                let path = format!("/oakum/other/{name}").into();
                let mode = Mode::parse("0440").unwrap();
                (name.clone(), VolumeSpec { path, mode, group: None, grace: Duration::from_millis(1500) })
            });
            Injection {
                volumes: volumes.collect(),
                stores,
                // What a store keeps may not lie in there.
                volume: VolumeSpec {
                    path: format!("/oakum/volume{}", path.display()).into(),
                    mode: Mode::DEFAULT,
                    group: Some(1),
                    grace: Duration::from_millis(1500),
                },
                secrets,
                on_change: a_few_hooks(json),
                files,
                env,
                listen: json.then(|| "127.0.0.1:9".parse().unwrap()),
                log: if json { LogFormat::Json } else { LogFormat::Text },
                audit: json.then_some(Audit::Hashed),
            }
        })
}

proptest! {
    #[test]
    fn from_annotations_of_to_annotations_is_the_same(injection in an_injection()) {
        let annotations = to_annotations(&injection);
        for key in annotations.keys() {
            let name = key.strip_prefix(PREFIX).unwrap();
            prop_assert!(name.len() <= 63 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{key}");
            prop_assert!(name.bytes().last().unwrap().is_ascii_alphanumeric(), "{key}");
        }
        let back = from_annotations(annotations.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        prop_assert_eq!(back.map_err(|error| error.to_string()), Ok(Some(injection.clone())));
        prop_assert_eq!(Injection::parse(&injection.to_json().to_string(), "c").map_err(|error| error.to_string()), Ok(injection));
    }

    #[test]
    fn never_panics(key in "oakum.dev/(store|secret|file|volume|env|x)?\\.?[a-z]{0,3}", value in "\\PC{0,60}") {
        let all: Vec<_> = ASKING.iter().copied().chain([(key.as_str(), value.as_str())]).collect();
        let _ = read(&all);
    }
}
