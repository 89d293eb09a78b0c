//! The agent's fault matrix: what goes wrong, what an app and an operator see meanwhile, and what ends it. The rows are in
//! `injector/agent/FAULTS.md`; each names the test that shows it.

mod answers;
mod clocks;
mod lost;
mod network;
mod process;
mod table;
mod volume;

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use e2e::agent::{Agent, Place};
use e2e::servers::faults::{Fault, Faults};
use e2e::servers::free_port;
use e2e::servers::http::{Answer, Request, ask};
use e2e::servers::vault::{AppRole, Vault};
use serde_json::{Value, json};

use crate::{MAY_READ, store_at};

/// The Vault that rows share which do it no harm. It ends with the last of them.
fn vault() -> Arc<Vault> {
    static SHARED: Mutex<Weak<Vault>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(vault) = shared.upgrade() {
        return vault;
    }
    let vault = Arc::new(Vault::start().unwrap());
    vault.write("sys/auth/approle", &json!({"type": "approle"}));
    *shared = Arc::downgrade(&vault);
    vault
}

/// An agent that reads secrets from the shared Vault through a proxy, with a port that tells how it is.
struct Row {
    name: &'static str,
    vault: Arc<Vault>,
    faults: Faults,
    place: Place,
    agent: Agent,
    port: u16,
}

impl Row {
    /// Starts one with a secret `db` and its file, and waits until that is there. The name is the secret's own in Vault.
    fn new(name: &'static str) -> Self {
        Self::with(name, MAY_READ, &json!({"token_ttl": "1h"}))
    }

    /// The same by a role of its own.
    fn with(name: &'static str, policy: &str, settings: &Value) -> Self {
        let mut row = Self::start(name, policy, settings, Fault::Pass);
        row.agent.until("the file", |_| row.place.read("db").as_deref() == Some("first"));
        row
    }

    /// Starts one and does not wait.
    fn start(name: &'static str, policy: &str, settings: &Value, fault: Fault) -> Self {
        let secrets = format!(
            "secrets: {{ db: {{ from: \"vault:secret/{name}\", refresh: 1s }} }}\nfiles: {{ db: \"db#word\" }}\n"
        );
        Self::of(name, policy, settings, fault, &secrets)
    }

    /// Starts one with other secrets, and does not wait.
    fn of(name: &'static str, policy: &str, settings: &Value, fault: Fault, secrets: &str) -> Self {
        let (vault, place) = (vault(), Place::new());
        vault.put(name, &json!({"word": "first"}));
        let role = vault.approle(name, policy, settings);
        let faults = Faults::before(vault.address()).unwrap();
        faults.set(fault);
        let port = free_port().unwrap();
        let agent = place.start("run", &(through(&faults, &place, &role) + &listening(port) + secrets), &[]);
        Self { name, vault, faults, place, agent, port }
    }

    /// Lets a fault happen until the agent has said so twice; meanwhile all stays as it is.
    fn strikes(&mut self, fault: Fault, what: &str, class: &str) {
        self.faults.set(fault);
        self.suffers("db", what, class, 2);
        self.keeps("first", class);
    }

    /// Waits until the agent has said a number of times what is wrong with a secret.
    fn suffers(&mut self, secret: &str, what: &str, class: &str, times: usize) {
        self.agent.until_said(&format!("{what} secret={secret} class={class}"), times);
    }

    /// The last good file is there, the agent is ready, and its metrics say what is wrong.
    fn keeps(&self, word: &str, class: &str) {
        assert_eq!(self.place.read("db").as_deref(), Some(word));
        assert_eq!(self.tells("/readyz").status, 200, "{}", self.agent.err());
        let failures = format!("oakum_secret_failures{{secret=\"db\",class=\"{class}\"}} ");
        assert!(self.metric(&failures).is_some_and(|times| times != "0"), "{}", self.tells("/metrics").body);
    }

    /// Ends the fault: a new value comes, and nothing is wrong any more.
    fn passes(&mut self) {
        self.faults.set(Fault::Pass);
        self.vault.put(self.name, &json!({"word": "second"}));
        self.recovers("second");
    }

    fn recovers(&mut self, word: &str) {
        self.agent.until("the new value", |_| self.place.read("db").as_deref() == Some(word));
        self.is_well();
    }

    /// Nothing is wrong any more, and while it was, the agent was patient.
    fn is_well(&mut self) {
        let port = self.port;
        let fine = "oakum_secret_failures{secret=\"db\",class=\"none\"} 0\n";
        self.agent.until("no failures", |_| told(port, "/metrics").body.contains(fine));
        assert_eq!(self.tells("/readyz").status, 200);
        self.was_patient();
    }

    /// While it failed, nothing was asked for twice within a second, and no login made twice.
    fn was_patient(&self) {
        for what in [self.name, "/login"] {
            let calls = self.faults.calls();
            let calls: Vec<_> = calls.iter().filter(|call| call.met && call.path.contains(what)).collect();
            for pair in calls.windows(2) {
                let between = pair[1].at - pair[0].at;
                // Other tests run beside, and may keep a request from being noted at once.
                assert!(between >= Duration::from_millis(900), "{} again after {between:?}", pair[1].path);
            }
        }
    }

    fn tells(&self, path: &str) -> Answer {
        told(self.port, path)
    }

    /// What stands behind the beginning of a line of the metrics.
    fn metric(&self, begins: &str) -> Option<String> {
        self.tells("/metrics").body.lines().find_map(|line| line.strip_prefix(begins)).map(str::to_owned)
    }
}

/// What an agent says on its port.
fn told(port: u16, path: &str) -> Answer {
    let url = format!("http://127.0.0.1:{port}{path}");
    ask(&Request { method: "GET", url, headers: Vec::new(), body: None, ca: None })
}

fn listening(port: u16) -> String {
    format!("listen: 127.0.0.1:{port}\n")
}

/// The `stores` of a configuration whose Vault is behind a proxy.
fn through(faults: &Faults, place: &Place, role: &AppRole) -> String {
    let secret_id = place.file("secret-id", &role.secret_id);
    let auth = format!("{{ approle: {{ role_id: {}, secret_id_file: {} }} }}", role.role_id, secret_id.display());
    store_at(&faults.address(), None, &auth)
}
