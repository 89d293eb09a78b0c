//! Pods in, patches out.

use oakum_inject::yaml::Node;

use super::*;

const POD: &str = "
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    oakum.dev/inject: 'true'
    oakum.dev/store.vault: '{ vault: { address: \"https://vault.example.com:8200\", auth: { kubernetes: { role: web } } } }'
    oakum.dev/secret.db: vault:secret/web
    oakum.dev/file.db.env: '{ format: dotenv, secret: db }'
spec:
  initContainers:
    - { name: migrate, image: app }
  containers:
    - { name: app, image: app }
    - { name: proxy, image: proxy, volumeMounts: [{ name: tmp, mountPath: /tmp }] }
  volumes:
    - { name: tmp, emptyDir: {} }
";

fn pod(text: &str) -> Value {
    Node::parse(text).unwrap().to_json()
}

fn reviewed(text: &str) -> Result<Review, ConfigError> {
    review(&pod(text), &Policy::default())
}

fn patched(text: &str) -> Value {
    let mut pod = pod(text);
    let patch = review(&pod, &Policy::default()).unwrap().patch;
    patch.iter().for_each(|operation| apply(&mut pod, operation));
    pod
}

/// Applies an `add` (RFC 6902, 4.1); there are no other operations.
fn apply(pod: &mut Value, operation: &Value) {
    assert_eq!(operation["op"], "add");
    let (parent, key) = operation["path"].as_str().unwrap().rsplit_once('/').unwrap();
    let value = operation["value"].clone();
    match pod.pointer_mut(parent).unwrap_or_else(|| panic!("{parent} is not there")) {
        Value::Array(all) if key == "-" => all.push(value),
        Value::Array(all) => all.insert(key.parse().unwrap(), value),
        Value::Object(all) => drop(all.insert(key.replace("~1", "/"), value)),
        _ => panic!("{parent} holds nothing"),
    }
}

fn refused(from: &str, to: &str) -> String {
    assert!(POD.contains(from));
    reviewed(&POD.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn the_agent_is_a_native_sidecar_before_all_else_and_is_restricted() {
    let pod = patched(POD);
    let agent = &pod["spec"]["initContainers"][0];
    assert_eq!((&agent["name"], &agent["restartPolicy"]), (&json!("oakum-agent"), &json!("Always")));
    let context = &agent["securityContext"];
    assert_eq!(context["runAsNonRoot"], true);
    assert_eq!(context["allowPrivilegeEscalation"], false);
    assert_eq!(context["readOnlyRootFilesystem"], true);
    assert_eq!(context["capabilities"], json!({ "drop": ["ALL"] }));
    assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
    assert!(agent["startupProbe"]["exec"].is_object());
    assert_eq!(pod["spec"]["initContainers"][1]["name"], "migrate");
}

#[test]
fn secrets_are_in_memory_and_read_only_for_the_app() {
    let pod = patched(POD);
    let volume = pod["spec"]["volumes"].as_array().unwrap().iter().find(|volume| volume["name"] == SECRETS).unwrap();
    assert_eq!(volume["emptyDir"], json!({ "medium": "Memory", "sizeLimit": "16Mi" }));
    for container in pod["spec"]["containers"].as_array().unwrap() {
        let mount =
            container["volumeMounts"].as_array().unwrap().iter().find(|mount| mount["name"] == SECRETS).unwrap();
        assert_eq!((&mount["mountPath"], &mount["readOnly"]), (&json!("/run/secrets/oakum"), &json!(true)));
    }
    assert_eq!(
        pod["spec"]["initContainers"][1].get("volumeMounts"),
        None,
        "init containers get them when they are named"
    );
}

#[test]
fn only_the_agent_has_the_token_and_it_is_for_one_audience() {
    let pod = patched(POD);
    let users = |list: &str| -> Vec<Value> {
        let mounts = |container: &Value| {
            container["volumeMounts"].as_array().is_some_and(|all| all.iter().any(|mount| mount["name"] == IDENTITY))
        };
        pod["spec"][list]
            .as_array()
            .unwrap()
            .iter()
            .filter(|container| mounts(container))
            .map(|container| container["name"].clone())
            .collect()
    };
    assert_eq!((users("initContainers"), users("containers")), (vec![json!(AGENT)], vec![]));
    let volume = pod["spec"]["volumes"].as_array().unwrap().iter().find(|volume| volume["name"] == IDENTITY).unwrap();
    let token = &volume["projected"]["sources"][0]["serviceAccountToken"];
    assert_eq!((&token["audience"], &token["expirationSeconds"]), (&json!("vault"), &json!(600)));
}

#[test]
fn the_agent_reads_what_the_annotations_ask_for() {
    let pod = patched(POD);
    let text = pod["metadata"]["annotations"]["oakum.dev/injection"].as_str().unwrap();
    let injection = Injection::parse(text, "annotation").unwrap();
    assert_eq!(injection.secrets["db"].from.to_string(), "vault:secret/web");
    let Store::Vault(vault) = &injection.stores["vault"] else { panic!("a Vault") };
    assert!(matches!(&vault.auth, VaultAuth::Kubernetes { token, .. } if token.as_os_str() == DEFAULT_TOKEN));
}

#[test]
fn the_files_group_is_one_that_the_app_is_in() {
    assert_eq!(patched(POD)["spec"]["securityContext"]["supplementalGroups"], json!([NOBODY]));
    let with = |context: &str| {
        patched(&POD.replacen("spec:\n", &format!("spec:\n  securityContext: {context}\n"), 1))["spec"]["securityContext"].clone()
    };
    assert_eq!(with("{ supplementalGroups: [7] }")["supplementalGroups"], json!([7, NOBODY]));
    assert_eq!(with("{ runAsUser: 5 }"), json!({ "runAsUser": 5, "supplementalGroups": [NOBODY] }));
    let chosen = patched(&POD.replacen(
        "oakum.dev/secret.db",
        "oakum.dev/volume: '{ group: 3000 }'\n    oakum.dev/secret.db",
        1,
    ));
    assert_eq!(chosen["spec"]["securityContext"]["supplementalGroups"], json!([3000]));
    assert_eq!(chosen["spec"]["initContainers"][0]["securityContext"]["runAsGroup"], 3000);
}

#[test]
fn applying_it_twice_changes_nothing() {
    let once = patched(POD);
    assert_eq!(review(&once, &Policy::default()).unwrap().patch, Vec::<Value>::new());
}

#[test]
fn the_same_pod_gives_the_same_bytes() {
    let bytes = |text: &str| serde_json::to_string(&reviewed(text).unwrap().patch).unwrap();
    assert_eq!(bytes(POD), bytes(POD));
    // The order in which annotations were written does not matter.
    let line = POD.lines().find(|line| line.contains("secret.db")).unwrap();
    let moved =
        POD.replacen(&format!("{line}\n"), "", 1).replacen("  annotations:\n", &format!("  annotations:\n{line}\n"), 1);
    assert_eq!(bytes(POD), bytes(&moved));
}

#[test]
fn a_pod_without_lists_gets_them() {
    let pod = patched(&POD.replacen("  initContainers:\n    - { name: migrate, image: app }\n", "", 1).replacen(
        "  volumes:\n    - { name: tmp, emptyDir: {} }\n",
        "",
        1,
    ));
    assert_eq!(pod["spec"]["initContainers"].as_array().unwrap().len(), 1);
    assert_eq!(pod["spec"]["volumes"].as_array().unwrap().len(), 3);
}

#[test]
fn only_the_containers_that_are_named_get_the_files() {
    let pod = patched(&POD.replacen("  annotations:\n", "  annotations:\n    oakum.dev/containers: migrate, app\n", 1));
    let has = |container: &Value| {
        container["volumeMounts"].as_array().is_some_and(|all| all.iter().any(|mount| mount["name"] == SECRETS))
    };
    assert!(
        has(&pod["spec"]["initContainers"][1])
            && has(&pod["spec"]["containers"][0])
            && !has(&pod["spec"]["containers"][1])
    );
}

#[test]
fn each_volume_goes_to_the_containers_that_it_is_for() {
    let more = "    oakum.dev/volume.T_ls: '{ path: /run/secrets/tls, group: 7 }'\n    oakum.dev/containers.T_ls: proxy\n    \
                oakum.dev/containers: app\n    oakum.dev/file.key: '{ name: \"T_ls:key\", value: db#key }'\n";
    let text = POD.replacen("  annotations:\n", &format!("  annotations:\n{more}"), 1);
    let pod = patched(&text);
    let mounts = |list: &str, at: usize| -> Vec<(String, String, bool)> {
        let all = pod["spec"][list][at]["volumeMounts"].as_array().cloned().unwrap_or_default();
        let text = |mount: &Value, key: &str| mount[key].as_str().unwrap_or_default().to_owned();
        all.iter().map(|mount| (text(mount, "name"), text(mount, "mountPath"), mount["readOnly"] == true)).collect()
    };
    let mount = |name: &str, path: &str, read_only| (name.to_owned(), path.to_owned(), read_only);
    let (first, second) = ("/run/secrets/oakum", "/run/secrets/tls");
    assert_eq!(mounts("containers", 0), [mount("oakum-secrets", first, true)]);
    assert_eq!(mounts("containers", 1)[1..], [mount("oakum-secrets-1", second, true)]);
    assert_eq!(mounts("initContainers", 1), []);
    let agent = mounts("initContainers", 0);
    assert_eq!(agent[..2], [mount("oakum-secrets", first, false), mount("oakum-secrets-1", second, false)]);
    assert_eq!(pod["spec"]["securityContext"]["supplementalGroups"], json!([7, NOBODY]));
    for volume in &pod["spec"]["volumes"].as_array().unwrap()[1..3] {
        assert_eq!(volume["emptyDir"]["medium"], "Memory", "{volume}");
    }
    // Without a word about it, it goes where the files go that name no volume.
    let same = patched(&text.replacen("    oakum.dev/containers.T_ls: proxy\n", "", 1));
    assert_eq!(same["spec"]["containers"][0]["volumeMounts"].as_array().unwrap().len(), 2);
    let error = reviewed(&text.replacen("containers.T_ls", "containers.tls", 1)).unwrap_err();
    assert!(error.to_string().contains("containers.tls: is for a volume that is not there"), "{error}");
}

#[test]
fn what_the_agent_keeps_is_in_memory_that_it_alone_has() {
    let kept = |text: &str| {
        let pod = patched(text);
        let injection = pod["metadata"]["annotations"]["oakum.dev/injection"].as_str().unwrap();
        let injection = Injection::parse(injection, "annotation").unwrap();
        let Store::Vault(vault) = &injection.stores["vault"] else { panic!("a Vault") };
        (vault.keep_token.clone(), vault.keep_unwrapped.clone(), pod)
    };
    let mounts = |container: &Value, path: &str| {
        container["volumeMounts"].as_array().unwrap().iter().any(|mount| mount["mountPath"] == path)
    };
    let (token, unwrapped, pod) = kept(POD);
    assert_eq!(unwrapped, None, "nothing is had only once");
    assert_eq!(token.unwrap(), Path::new("/run/oakum/private/vault.token"));
    assert!(mounts(&pod["spec"]["initContainers"][0], PRIVATE_PATH));
    assert!(!pod["spec"]["containers"].as_array().unwrap().iter().any(|container| mounts(container, PRIVATE_PATH)));
    let volume = pod["spec"]["volumes"].as_array().unwrap().iter().find(|volume| volume["name"] == PRIVATE).unwrap();
    assert_eq!(volume["emptyDir"], json!({ "medium": "Memory", "sizeLimit": "1Mi" }));
    // Elsewhere if the pod says so, and nowhere what is not had by a login.
    let own = POD.replacen("vault: { address", "vault: { keep_token: /run/own/t, address", 1);
    let (token, _, pod) = kept(&own);
    assert_eq!(token.unwrap(), Path::new("/run/own/t"));
    assert!(mounts(&pod["spec"]["initContainers"][0], "/run/own"));
    let (token, _, pod) = kept(&POD.replacen("kubernetes: { role: web }", "token_file: /etc/token", 1));
    assert_eq!((token, named(&pod, "volumes", PRIVATE)), (None, false));
    let once = POD.replacen("vault:secret/web", "\"{ from: 'vault:secret/web', wrapped_in: /etc/wrapped }\"", 1);
    let (_, unwrapped, pod) = kept(&once);
    assert_eq!(unwrapped.unwrap(), Path::new(PRIVATE_PATH));
    assert!(mounts(&pod["spec"]["initContainers"][0], PRIVATE_PATH));
}

#[test]
fn a_pod_that_does_not_ask_is_left_alone() {
    assert_eq!(reviewed("{ kind: Pod, spec: { containers: [] } }").unwrap().patch, Vec::<Value>::new());
    assert_eq!(reviewed(&POD.replacen("inject: 'true'", "inject: 'false'", 1)).unwrap().patch, Vec::<Value>::new());
}

#[test]
fn what_cannot_be_done_is_said() {
    assert_eq!(refused("oakum.dev/secret.db", "oakum.dev/secrets.db"), "annotation oakum.dev/secrets.db: is not known");
    assert!(
        refused("vault:secret/web", "vualt:secret/web")
            .starts_with("annotation oakum.dev/secret.db: there is no store")
    );
    assert!(refused("kind: Pod", "kind: Deployment").contains("not a Pod"));
    assert!(refused("name: migrate", "name: oakum-agent").contains("already"));
    assert!(refused("mountPath: /tmp", "mountPath: /run/secrets/oakum/").contains("mounts something else"));
    assert!(refused("  annotations:\n", "  annotations:\n    oakum.dev/containers: nobody\n").contains("`nobody`"));
    assert!(
        refused("  annotations:\n", "  annotations:\n    oakum.dev/injection: x\n").contains("written by the webhook")
    );
}

#[test]
fn what_the_agent_will_not_have_is_warned_of() {
    let review = reviewed(&POD.replacen("kubernetes: { role: web }", "token_file: /etc/token", 1)).unwrap();
    assert!(review.warnings[0].contains("/etc/token"), "{:?}", review.warnings);
    assert_eq!(reviewed(POD).unwrap().warnings, Vec::<String>::new());
}
