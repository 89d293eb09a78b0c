//! Every rule about time, on a clock that the tests turn.

use oakum_inject::Injection;
use oakum_inject::provider::{Lease, Term};
use proptest::prelude::*;

use super::plan::HookPlan;
use super::*;

const CONFIG: &str = "
apiVersion: oakum.dev/v1
kind: Injection
stores: { v: { vault: { address: https://vault.example.com, auth: { token_file: /t } } } }
volume: { path: /run/x, grace: 10s }
secrets: { a: 'v:a', b: 'v:b', e: 'v:e' }
files:
  a: a#x
  both: { format: json, values: { a: a#x, b: b#x } }
env: { E: e#x }
";

fn s(seconds: u64) -> Moment {
    Duration::from_secs(seconds)
}

fn n(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn f(text: &str) -> FileName {
    FileName::parse(text).unwrap()
}

fn v(number: u64) -> Version {
    Version::Number { number, made: 0 }
}

fn error(class: Class) -> ProviderError {
    ProviderError::new(class, "no")
}

/// An agent and the clock that it lives by.
struct World {
    agent: Agent,
    now: Moment,
}

impl World {
    fn new(mode: Mode) -> Self {
        Self::seeded(mode, 1)
    }

    fn seeded(mode: Mode, seed: u64) -> Self {
        let plan = Plan::of(&Injection::parse(CONFIG, "c").unwrap(), mode, s(60));
        Self { agent: Agent::new(plan, s(100), seed), now: s(100) }
    }

    fn on(&mut self, event: Event) -> Vec<Action> {
        self.agent.step(self.now, event)
    }

    /// Turns the clock to when the agent wants to be asked, and asks.
    fn later(&mut self) -> Vec<Action> {
        self.now = self.agent.due().expect("the agent waits for a moment").max(self.now);
        self.on(Event::Tick)
    }

    fn log_in(&mut self, ttl: Option<u64>) -> Vec<Action> {
        let session = Session { ttl: ttl.map(s), renewable: true, ours: true };
        self.on(Event::LoggedIn { store: n("v"), result: Ok(session) })
    }

    fn fetched(&mut self, secret: &str, version: u64) -> Vec<Action> {
        self.on(Event::Fetched { secret: n(secret), result: Ok(Some((v(version), Term::Open))) })
    }

    fn unchanged(&mut self, secret: &str) -> Vec<Action> {
        self.on(Event::Fetched { secret: n(secret), result: Ok(None) })
    }

    fn failed(&mut self, secret: &str, class: Class) -> Vec<Action> {
        self.on(Event::Fetched { secret: n(secret), result: Err(error(class)) })
    }

    fn published(&mut self, replaced: Replaced) -> Vec<Action> {
        self.on(Event::Published { failed: BTreeMap::new(), replaced, changed: BTreeSet::from([f("a")]) })
    }

    /// Brings a `run` to where all is published, at 100 s.
    fn steady() -> Self {
        let mut world = Self::new(Mode::Run);
        world.on(Event::Tick);
        world.log_in(None);
        world.fetched("a", 1);
        world.fetched("b", 1);
        world.published(Replaced::Nothing);
        assert!(world.agent.status(world.now).ready);
        world
    }
}

fn fetch(secret: &str, known: Option<u64>) -> Action {
    Action::Fetch { secret: n(secret), known: known.map(v) }
}

fn publish(files: &[&str], demand: Demand) -> Action {
    Action::Publish { files: files.iter().map(|file| f(file)).collect(), withdrawn: BTreeSet::new(), demand }
}

#[test]
fn begins_with_one_login_then_fetches_all_then_publishes_once() {
    let mut world = World::new(Mode::Run);
    assert_eq!(world.on(Event::Tick), [Action::Login(n("v"))]);
    assert_eq!(world.on(Event::Tick), [], "one login at a time");
    assert_eq!(world.log_in(None), [fetch("a", None), fetch("b", None)], "`run` has no environment to fill");
    assert_eq!(world.fetched("a", 1), [], "the first generation waits for every secret");
    assert!(!world.agent.status(world.now).ready);
    assert_eq!(world.fetched("b", 1), [publish(&["a", "both"], Demand::WhatCanBe)]);
    assert_eq!(world.published(Replaced::Nothing), [Action::Forget(n("a")), Action::Forget(n("b"))]);
    assert!(world.agent.status(world.now).ready);
}

#[test]
fn a_secret_that_fails_does_not_hold_up_the_others() {
    let mut world = World::new(Mode::Run);
    world.on(Event::Tick);
    world.log_in(None);
    world.failed("b", Class::Refused);
    assert_eq!(world.fetched("a", 1), [publish(&["a"], Demand::WhatCanBe)]);
    assert_eq!(world.published(Replaced::Nothing), [], "its value is still needed, for the file of both");
    assert!(!world.agent.status(world.now).ready);
    assert_eq!(world.later(), [fetch("b", None)]);
    assert_eq!(world.fetched("b", 1), [publish(&["both"], Demand::WhatCanBe)]);
    world.published(Replaced::Generation);
    assert!(world.agent.status(world.now).ready);
}

fn nudge(world: &mut World, secret: &str) -> Vec<Action> {
    world.on(Event::Nudged { secret: n(secret) })
}

#[test]
fn what_may_have_changed_is_looked_at_at_most_once_a_second() {
    let mut world = World::steady();
    assert_eq!(nudge(&mut world, "b"), [], "it was read in this very second");
    world.now = s(101);
    assert_eq!(world.on(Event::Tick), [fetch("b", Some(1))]);
    assert_eq!(nudge(&mut world, "b"), [], "one fetch at a time");
    assert_eq!(world.unchanged("b"), [], "what was changed meanwhile is not passed over, and not hurried");
    assert_eq!(world.agent.due(), Some(s(102)));
    assert_eq!(world.later(), [fetch("b", Some(1))]);
    world.unchanged("b");
    world.now = s(110);
    assert_eq!(nudge(&mut world, "b"), [fetch("b", Some(1))], "at once, when the last look is long ago");
    assert_eq!(nudge(&mut world, "nothing"), []);
}

#[test]
fn a_nudge_hurries_what_was_missing_and_nothing_that_recovers() {
    for (class, hurried) in [(Class::Missing, true), (Class::Refused, true), (Class::Unreachable, false)] {
        let mut world = World::steady();
        world.now = s(110);
        nudge(&mut world, "b");
        let asked = ProviderError::new(class, "no").after(Some(s(50)));
        world.on(Event::Fetched { secret: n("b"), result: Err(asked) });
        world.now = s(120);
        assert_eq!(nudge(&mut world, "b") == [fetch("b", Some(1))], hurried, "{class:?}");
    }
}

#[test]
fn polls_with_the_version_that_was_delivered_a_little_before_the_interval_ends() {
    let mut world = World::steady();
    let actions = world.later();
    assert!(
        matches!(&actions[..], [Action::Fetch { known: Some(Version::Number { number: 1, .. }), .. }]),
        "{actions:?}"
    );
    assert!(world.now > s(123) && world.now <= s(130), "{:?}", world.now);
}

#[test]
fn a_change_makes_its_files_anew_and_reads_again_what_they_share() {
    let mut world = World::steady();
    world.now = s(130);
    world.on(Event::Tick);
    world.unchanged("b");
    assert_eq!(world.fetched("a", 2), [fetch("b", None), publish(&["a"], Demand::WhatCanBe)]);
    assert_eq!(world.published(Replaced::Generation), []);
    assert_eq!(world.fetched("b", 1), [publish(&["both"], Demand::WhatCanBe)]);
    assert_eq!(world.published(Replaced::Generation), [Action::Forget(n("a")), Action::Forget(n("b"))]);
}

#[test]
fn the_generation_before_is_swept_after_the_grace() {
    let mut world = World::steady();
    world.now = s(130);
    world.on(Event::Tick);
    world.unchanged("a");
    world.fetched("b", 2);
    world.fetched("a", 1);
    world.published(Replaced::Generation);
    world.now = s(139);
    assert!(!world.on(Event::Tick).contains(&Action::Sweep));
    world.now = s(140);
    assert!(world.on(Event::Tick).contains(&Action::Sweep));
}

#[test]
fn keeps_the_last_good_files_while_vault_is_down() {
    let mut world = World::steady();
    for _ in 0..50 {
        for action in world.later() {
            let Action::Fetch { secret, .. } = action else { panic!("{action:?}") };
            world.failed(secret.as_str(), Class::Unreachable);
        }
    }
    assert!(world.agent.status(world.now).ready);
    assert_eq!(world.agent.status(world.now).secrets[0].fault, Some(Class::Unreachable));
}

#[test]
fn obeys_retry_after() {
    let mut world = World::steady();
    world.now = s(130);
    world.on(Event::Tick);
    for secret in ["a", "b"] {
        let busy = error(Class::Unreachable).after(Some(s(300)));
        world.on(Event::Fetched { secret: n(secret), result: Err(busy) });
    }
    world.later();
    assert!(world.now >= s(430), "{:?}", world.now);
}

#[test]
fn renews_the_token_at_two_thirds_and_opens_another_when_it_fades() {
    let mut world = World::new(Mode::Run);
    world.on(Event::Tick);
    world.log_in(Some(60));
    world.fetched("a", 1);
    world.fetched("b", 1);
    world.published(Replaced::Nothing);
    let renewed_at = |world: &mut World, wanted: Action| loop {
        let actions = world.later();
        if actions.contains(&wanted) {
            return world.now;
        }
        for action in actions {
            let Action::Fetch { secret, .. } = action else { panic!("{action:?}") };
            world.unchanged(secret.as_str());
        }
    };
    let at = renewed_at(&mut world, Action::Renew(n("v")));
    assert!((s(136)..=s(140)).contains(&at), "{at:?}");
    // The store grants less than it did at first: the greatest age is near.
    let fading = Session { ttl: Some(s(50)), renewable: true, ours: true };
    world.on(Event::Renewed { store: n("v"), result: Ok(fading) });
    let at = renewed_at(&mut world, Action::Login(n("v"))) - at;
    assert!((s(30)..=s(34)).contains(&at), "{at:?}");
    // A new login fetches nothing again by itself, and nothing depends on the session before.
    assert_eq!(world.log_in(Some(60)), [Action::RevokeEarlier(n("v"))]);
}

#[test]
fn logs_in_again_when_the_token_is_lost_but_not_at_once_again() {
    let mut world = World::steady();
    world.now = s(130);
    world.on(Event::Tick);
    assert_eq!(world.failed("a", Class::SessionLost), [Action::Login(n("v"))]);
    assert_eq!(world.failed("b", Class::SessionLost), [], "one login for both");
    world.log_in(None);
    assert_eq!(world.later(), [fetch("a", Some(1)), fetch("b", Some(1))]);
    world.failed("a", Class::SessionLost);
    world.now += Duration::from_millis(1);
    let mut logins = 0;
    for _ in 0..200 {
        world.now += Duration::from_millis(50);
        for action in world.on(Event::Tick) {
            match action {
                Action::Login(_) => {
                    logins += 1;
                    world.log_in(None);
                }
                Action::Fetch { secret, .. } => drop(world.failed(secret.as_str(), Class::SessionLost)),
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(logins <= 10, "{logins} logins in 10 s");
}

#[test]
fn a_session_that_an_outage_took_is_opened_after_a_wait_and_reads_are_spread() {
    let mut world = World::steady();
    world.now = s(130);
    world.on(Event::Tick);
    for _ in 0..8 {
        for secret in ["a", "b"] {
            world.failed(secret, Class::Unreachable);
        }
        world.now += s(60);
        world.on(Event::Tick);
    }
    // The store is back with another token store.
    assert_eq!(world.failed("a", Class::SessionLost), [], "no login at once: all agents learn it together");
    assert_eq!(world.failed("b", Class::SessionLost), []);
    let lost = world.now;
    assert_eq!(world.later(), [Action::Login(n("v"))]);
    assert!(world.now > lost + s(1) && world.now <= lost + s(60), "{:?}", world.now - lost);
    let login = world.now;
    assert_eq!(world.log_in(None), [], "nor are all secrets read at once");
    assert_eq!(world.later().len(), 1);
    let first = world.now;
    assert_eq!(world.later().len(), 1);
    assert!(first > login && world.now > first && world.now <= login + s(10), "{:?}", world.now - login);
}

#[test]
fn after_an_hour_of_suspension_each_call_is_made_once_and_what_has_ended_is_replaced() {
    let mut world = leasing(Mode::Run, ", refresh: 30s");
    leased(&mut world, 1, 300);
    world.published(Replaced::Nothing);
    assert!(world.agent.status(world.now).ready);
    world.now += s(3600);
    let actions = world.on(Event::Tick);
    // The token has ended, too: what was due 120 times is due once, and the files stay.
    assert_eq!(actions, [Action::Login(n("v")), fetch("db", None), fetch("kv", Some(1))]);
    assert!(!world.agent.status(world.now).ready, "the lease has ended, and nobody can use it");
    world.failed("kv", Class::SessionLost);
    world.failed("db", Class::SessionLost);
    world.log_in(Some(3600));
    let login = world.now;
    assert_eq!(until_db(&mut world), fetch("db", None));
    assert!(world.now - login <= s(3), "{:?}", world.now - login);
    leased(&mut world, 2, 300);
    world.published(Replaced::Generation);
    assert!(world.agent.status(world.now).ready);
}

/// A jump of the wall clock changes nothing, since nothing here can see one: moments are arguments, and the shell takes
/// them from the monotonic clock.
#[test]
fn no_rule_about_time_reads_a_clock() {
    let clocks = ["SystemTime", "Instant", "elapsed("];
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/machine");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("tests.rs") {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        for clock in clocks {
            assert!(!source.contains(clock), "{} names {clock}", path.display());
        }
    }
    let shell = include_str!("../shell.rs");
    assert!(shell.contains("let now = self.began.elapsed();") && shell.contains("began: Instant,"));
}

#[test]
fn once_publishes_all_or_nothing_and_ends() {
    let mut world = World::new(Mode::Once);
    world.on(Event::Tick);
    world.log_in(None);
    world.fetched("a", 1);
    assert_eq!(world.failed("b", Class::Unreachable), [], "nothing is published in part");
    world.later();
    assert_eq!(world.fetched("b", 1), [publish(&["a", "both"], Demand::All)]);
    let actions = world.published(Replaced::Nothing);
    assert_eq!(actions, [Action::Forget(n("a")), Action::Forget(n("b")), Action::Revoke(n("v"))]);
    assert_eq!(world.on(Event::Revoked { store: n("v") }), [Action::Exit(Outcome::Done)]);
}

#[test]
fn once_waits_for_the_grace_where_it_replaced_a_generation() {
    let mut world = World::new(Mode::Once);
    world.on(Event::Tick);
    world.log_in(None);
    world.fetched("a", 1);
    world.fetched("b", 1);
    assert!(!world.published(Replaced::Generation).contains(&Action::Revoke(n("v"))));
    // Nothing is looked at again meanwhile.
    assert_eq!(world.later(), [Action::Sweep, Action::Revoke(n("v"))]);
    assert_eq!(world.now, s(110));
}

#[test]
fn once_that_is_stopped_in_the_grace_leaves_one_generation() {
    let mut world = World::new(Mode::Once);
    world.on(Event::Tick);
    world.log_in(None);
    world.fetched("a", 1);
    world.fetched("b", 1);
    world.published(Replaced::Generation);
    assert_eq!(world.on(Event::Stop), [Action::Sweep, Action::Revoke(n("v"))]);
}

#[test]
fn once_gives_up_at_a_refusal() {
    for class in [Class::Refused, Class::Missing, Class::Misconfigured] {
        let mut world = World::new(Mode::Once);
        world.on(Event::Tick);
        world.log_in(None);
        assert_eq!(world.failed("a", class), [Action::Revoke(n("v"))]);
        assert_eq!(world.on(Event::Revoked { store: n("v") }), [Action::Exit(Outcome::Failed(error(class)))]);
    }
    let mut world = World::new(Mode::Once);
    world.on(Event::Tick);
    let refused = Err(error(Class::Refused));
    assert_eq!(
        world.on(Event::LoggedIn { store: n("v"), result: refused }),
        [Action::Exit(Outcome::Failed(error(Class::Refused)))]
    );
}

#[test]
fn once_gives_up_at_its_deadline_with_the_last_reason() {
    let mut world = World::new(Mode::Once);
    world.on(Event::Tick);
    let exit = loop {
        let result = Err(error(Class::Unreachable));
        world.on(Event::LoggedIn { store: n("v"), result });
        let actions = world.later();
        if actions != [Action::Login(n("v"))] {
            break actions;
        }
    };
    assert_eq!(world.now, s(160));
    assert_eq!(exit, [Action::Exit(Outcome::Failed(ProviderError::new(Class::Unreachable, "gave up after 60 s: no")))]);
}

#[test]
fn run_never_gives_up() {
    let mut world = World::new(Mode::Run);
    world.on(Event::Tick);
    for _ in 0..500 {
        world.on(Event::LoggedIn { store: n("v"), result: Err(error(Class::Refused)) });
        assert_eq!(world.later(), [Action::Login(n("v"))]);
    }
}

#[test]
fn exec_starts_the_child_when_all_is_published_and_ends_with_it() {
    let mut world = World::new(Mode::Exec);
    world.on(Event::Tick);
    assert_eq!(world.log_in(None), [fetch("a", None), fetch("b", None), fetch("e", None)]);
    world.fetched("a", 1);
    world.fetched("b", 1);
    assert_eq!(world.fetched("e", 1), [publish(&["a", "both"], Demand::All)]);
    assert_eq!(world.published(Replaced::Nothing), [Action::Forget(n("a")), Action::Forget(n("b")), Action::Spawn]);
    assert_eq!(world.on(Event::Started(Ok(()))), [Action::Forget(n("e"))]);
    assert_eq!(world.on(Event::Stop), [], "the child is told, and ends us");
    assert_eq!(world.on(Event::ChildEnded { code: 143 }), [Action::Wipe, Action::Revoke(n("v"))]);
    assert_eq!(world.on(Event::Revoked { store: n("v") }), [Action::Exit(Outcome::Child(143))]);
}

#[test]
fn exec_does_not_look_again_at_what_is_only_in_the_environment() {
    let mut world = World::new(Mode::Exec);
    world.on(Event::Tick);
    world.log_in(None);
    for secret in ["a", "b", "e"] {
        world.fetched(secret, 1);
    }
    world.published(Replaced::Nothing);
    world.on(Event::Started(Ok(())));
    for _ in 0..20 {
        for action in world.later() {
            let Action::Fetch { secret, .. } = action else { panic!("{action:?}") };
            assert_ne!(secret, n("e"));
            world.unchanged(secret.as_str());
        }
    }
}

#[test]
fn stop_wipes_first_and_waits_for_the_revocation_but_not_for_ever() {
    let mut world = World::steady();
    assert_eq!(world.on(Event::Stop), [Action::Wipe, Action::Revoke(n("v"))]);
    assert_eq!(world.on(Event::Stop), [], "told once is enough");
    assert_eq!(world.later(), [Action::Exit(Outcome::Done)]);
    assert_eq!(world.now, s(105));
}

#[test]
fn a_login_that_ends_after_we_were_told_to_stop_is_given_back() {
    let mut world = World::new(Mode::Run);
    world.on(Event::Tick);
    assert_eq!(world.on(Event::Stop), [Action::Wipe]);
    assert_eq!(world.log_in(Some(60)), [Action::Revoke(n("v"))]);
    assert_eq!(world.on(Event::Revoked { store: n("v") }), [Action::Exit(Outcome::Done)]);
}

#[test]
fn a_token_that_is_not_ours_is_not_revoked() {
    let mut world = World::new(Mode::Run);
    world.on(Event::Tick);
    world.on(Event::LoggedIn { store: n("v"), result: Ok(Session { ttl: None, renewable: false, ours: false }) });
    assert_eq!(world.on(Event::Stop), [Action::Wipe, Action::Exit(Outcome::Done)]);
}

#[test]
fn a_volume_that_fails_is_tried_again_with_the_values_at_hand() {
    let fault = VolumeFault { what: "full".to_owned(), hint: None };
    let mut world = World::new(Mode::Run);
    world.on(Event::Tick);
    world.log_in(None);
    world.fetched("a", 1);
    world.fetched("b", 1);
    assert_eq!(world.on(Event::NotPublished(fault.clone())), []);
    assert_eq!(world.later(), [publish(&["a", "both"], Demand::WhatCanBe)]);
    assert!(world.now >= s(101));

    let mut world = World::new(Mode::Once);
    world.on(Event::Tick);
    world.log_in(None);
    world.fetched("a", 1);
    world.fetched("b", 1);
    world.on(Event::NotPublished(fault.clone()));
    assert_eq!(world.on(Event::Revoked { store: n("v") }), [Action::Exit(Outcome::BadVolume(fault))]);
}

#[test]
fn what_changes_while_a_large_volume_was_replaced_comes_together() {
    let mut world = World::steady();
    world.later();
    let actions = world.fetched("a", 2);
    assert_eq!(actions.last(), Some(&publish(&["a"], Demand::WhatCanBe)));
    // It takes a fifth of a second: the next one may begin when that is a tenth of the time.
    let began = world.now;
    world.now += Duration::from_millis(200);
    world.published(Replaced::Generation);
    let actions = world.fetched("b", 2);
    assert!(!actions.iter().any(|action| matches!(action, Action::Publish { .. })), "{actions:?}");
    assert_eq!(world.agent.due(), Some(began + s(2)));
    // The other value of the file of both is read again meanwhile, and then all of it is published at once.
    let actions = world.fetched("a", 3);
    assert!(!actions.iter().any(|action| matches!(action, Action::Publish { .. })), "{actions:?}");
    let actions = world.later();
    assert_eq!((world.now, actions), (began + s(2), vec![publish(&["a", "both"], Demand::WhatCanBe)]));
}

#[test]
fn a_file_that_cannot_be_made_is_not_tried_again_until_something_changes() {
    let mut world = World::new(Mode::Run);
    world.on(Event::Tick);
    world.log_in(None);
    world.fetched("a", 1);
    world.fetched("b", 1);
    let failed = BTreeMap::from([(f("both"), error(Class::Missing))]);
    let actions = world.on(Event::Published { failed, replaced: Replaced::Nothing, changed: BTreeSet::new() });
    assert_eq!(actions, [Action::Forget(n("a")), Action::Forget(n("b"))]);
    assert!(!world.agent.status(world.now).ready);
    world.now = s(130);
    world.on(Event::Tick);
    assert_eq!(world.unchanged("a"), []);
    assert_eq!(world.fetched("b", 2), [fetch("a", None)]);
    assert_eq!(world.fetched("a", 1), [publish(&["both"], Demand::WhatCanBe)]);
}

/// One file of a leased secret and one of a plain one.
fn leasing(mode: Mode, more: &str) -> World {
    let config = format!(
        "
apiVersion: oakum.dev/v1
kind: Injection
stores: {{ v: {{ vault: {{ address: https://vault.example.com, auth: {{ token_file: /t }} }} }} }}
volume: {{ path: /run/x, grace: 10s }}
secrets: {{ db: {{ from: 'v:database/creds/web'{more} }}, kv: {{ from: 'v:kv/a'{more} }} }}
files: {{ db: db#x, kv: kv#x }}
"
    );
    let plan = Plan::of(&Injection::parse(&config, "c").unwrap(), mode, s(60));
    let mut world = World { agent: Agent::new(plan, s(100), 1), now: s(100) };
    world.on(Event::Tick);
    world.log_in(Some(3600));
    world.fetched("kv", 1);
    world
}

fn leased(world: &mut World, version: u64, ttl: u64) -> Vec<Action> {
    let lease = Lease { id: Some(format!("db/{version}")), ttl: s(ttl), renewable: true };
    let result = Ok(Some((v(version), Term::Lease(lease))));
    world.on(Event::Fetched { secret: n("db"), result })
}

/// Turns the clock until something about the leased secret is to be done; the other one never changes.
fn until_db(world: &mut World) -> Action {
    for _ in 0..10_000 {
        for action in world.later() {
            match action {
                Action::Fetch { secret, .. } if secret == n("kv") => drop(world.unchanged("kv")),
                Action::Fetch { .. } | Action::Prolong { .. } | Action::Exit(_) | Action::RevokeEarlier(_) => {
                    return action;
                }
                _ => {}
            }
        }
    }
    panic!("nothing has come")
}

fn prolonged(world: &mut World, result: Result<u64, Class>) -> Vec<Action> {
    let result = result.map(|ttl| Session { ttl: Some(s(ttl)), renewable: true, ours: true }).map_err(error);
    world.on(Event::Prolonged { secret: n("db"), result })
}

#[test]
fn a_lease_is_prolonged_at_two_thirds_and_replaced_when_it_fades() {
    let mut world = leasing(Mode::Run, "");
    leased(&mut world, 1, 300);
    world.published(Replaced::Nothing);
    let began = world.now;
    let prolong = Action::Prolong { secret: n("db"), lease: "db/1".to_owned() };
    assert_eq!(until_db(&mut world), prolong);
    assert!((s(180)..=s(200)).contains(&(world.now - began)), "{:?}", world.now - began);
    prolonged(&mut world, Ok(300));
    assert_eq!(until_db(&mut world), prolong);
    // Vault gives less than before: the greatest age is near. Nothing is fetched yet, since it still holds.
    prolonged(&mut world, Ok(100));
    let faded = world.now;
    assert_eq!(until_db(&mut world), fetch("db", None));
    assert!((s(60)..s(70)).contains(&(world.now - faded)), "{:?}", world.now - faded);
    // The new value is published before the old one ends.
    assert_eq!(leased(&mut world, 2, 300), [publish(&["db"], Demand::WhatCanBe)]);
    assert!(world.now < faded + s(100));
}

#[test]
fn a_lease_is_prolonged_through_an_outage_and_replaced_when_it_was_too_long() {
    let mut world = leasing(Mode::Run, "");
    leased(&mut world, 1, 300);
    world.published(Replaced::Nothing);
    let began = world.now;
    let mut last = None;
    loop {
        match until_db(&mut world) {
            Action::Prolong { .. } => {
                assert!(last.is_none_or(|last| world.now - last >= s(1)), "twice within a second");
                last = Some(world.now);
                prolonged(&mut world, Err(Class::Unreachable));
            }
            action => break assert_eq!(action, fetch("db", None)),
        }
    }
    assert!(world.now >= began + s(300) || world.now >= began + s(240), "{:?}", world.now - began);
    world.failed("db", Class::Unreachable);
    while world.now < began + s(301) {
        if matches!(until_db(&mut world), Action::Fetch { .. }) {
            world.failed("db", Class::Unreachable);
        }
    }
    let status = world.agent.status(world.now);
    assert!(!status.ready && status.secrets[0].stale && status.secrets[0].holds_up, "a lease that has ended is no use");
}

#[test]
fn a_lease_that_vault_does_not_know_is_replaced_and_the_others_are_left_alone() {
    let mut world = leasing(Mode::Run, "");
    leased(&mut world, 1, 300);
    world.published(Replaced::Nothing);
    until_db(&mut world);
    prolonged(&mut world, Err(Class::Refused));
    assert_eq!(until_db(&mut world), fetch("db", None));
}

#[test]
fn a_login_makes_nothing_anew_and_the_session_before_is_given_back_when_its_leases_are_replaced() {
    let mut world = leasing(Mode::Run, "");
    leased(&mut world, 1, 30_000);
    world.published(Replaced::Nothing);
    // The session cannot be renewed any more, and another is opened while it holds.
    while !matches!(world.later().as_slice(), [.., Action::Renew(_)]) {
        world.unchanged("kv");
    }
    world.on(Event::Renewed { store: n("v"), result: Ok(Session { ttl: Some(s(600)), renewable: true, ours: true }) });
    while !world.later().contains(&Action::Login(n("v"))) {
        world.unchanged("kv");
    }
    let login = world.now;
    let actions = world.log_in(Some(3600));
    assert!(
        !actions.iter().any(|action| matches!(action, Action::Fetch { .. } | Action::RevokeEarlier(_))),
        "{actions:?}"
    );
    // The lease ends with the old session, so its value is replaced before that.
    assert_eq!(until_db(&mut world), fetch("db", None));
    let took = world.now - login;
    assert!(took > s(10) && took < s(200), "{took:?}");
    leased(&mut world, 2, 30_000);
    world.published(Replaced::Generation);
    let published = world.now;
    assert_eq!(until_db(&mut world), Action::RevokeEarlier(n("v")));
    assert_eq!(world.now - published, s(10), "after the grace");
}

#[test]
fn a_session_that_is_gone_takes_its_leases_along() {
    let mut world = leasing(Mode::Run, "");
    leased(&mut world, 1, 3000);
    world.published(Replaced::Nothing);
    while !world.later().iter().any(|action| matches!(action, Action::Fetch { .. })) {}
    assert!(world.failed("kv", Class::SessionLost).contains(&Action::Login(n("v"))));
    assert!(!world.agent.status(world.now).ready);
    world.log_in(Some(3600));
    let login = world.now;
    assert_eq!(until_db(&mut world), fetch("db", None));
    assert!(world.now - login <= s(3));
}

#[test]
fn once_leaves_the_session_open_that_its_files_depend_on() {
    let mut world = leasing(Mode::Once, "");
    leased(&mut world, 1, 300);
    let actions = world.published(Replaced::Nothing);
    assert!(!actions.contains(&Action::Revoke(n("v"))), "{actions:?}");
    assert!(actions.contains(&Action::Exit(Outcome::Done)), "{actions:?}");
}

#[test]
fn once_leaves_the_session_open_whose_token_it_has_written_for_others() {
    let config = CONFIG.replace("{ address", "{ write_token: [ { path: /run/x/token } ], address");
    for (config, actions_at_the_end) in [(CONFIG, 1), (config.as_str(), 0)] {
        let plan = Plan::of(&Injection::parse(config, "c").unwrap(), Mode::Once, s(60));
        let mut world = World { agent: Agent::new(plan, s(100), 1), now: s(100) };
        world.on(Event::Tick);
        world.log_in(Some(3600));
        world.fetched("a", 1);
        world.fetched("b", 1);
        let actions = world.published(Replaced::Nothing);
        let revoked = actions.iter().filter(|action| matches!(action, Action::Revoke(_))).count();
        assert_eq!(revoked, actions_at_the_end, "{actions:?}");
    }
}

#[test]
fn a_lease_under_a_token_that_is_not_ours_is_given_back_at_the_end() {
    let mut world = leasing(Mode::Run, "");
    world.on(Event::LoggedIn { store: n("v"), result: Ok(Session { ttl: None, renewable: false, ours: false }) });
    leased(&mut world, 1, 300);
    world.published(Replaced::Nothing);
    let actions = world.on(Event::Stop);
    assert!(actions.contains(&Action::RevokeLease { store: n("v"), lease: "db/1".to_owned() }), "{actions:?}");
}

/// A secret that was published once and cannot be seen any more.
fn ageing(on_stale: &str) -> World {
    let mut world = leasing(Mode::Run, &format!(", max_stale: 10m, on_stale: {on_stale}"));
    world.fetched("db", 1);
    world.published(Replaced::Nothing);
    let began = world.now;
    while world.agent.due().unwrap() < began + s(599) {
        for action in world.later() {
            match action {
                Action::Fetch { secret, .. } if secret == n("kv") => drop(world.unchanged("kv")),
                Action::Fetch { .. } => drop(world.failed("db", Class::Unreachable)),
                _ => {}
            }
        }
    }
    world.now = began + s(599);
    world
}

#[test]
fn a_secret_older_than_it_may_be_is_kept_or_makes_the_agent_unready() {
    for (on_stale, ready) in [("keep", true), ("unready", false)] {
        let mut world = ageing(on_stale);
        assert!(world.agent.status(world.now).ready, "{on_stale}: not before its time");
        world.now += s(2);
        assert_eq!(world.on(Event::Tick).iter().filter(|action| matches!(action, Action::Publish { .. })).count(), 0);
        let status = world.agent.status(world.now);
        assert!(status.secrets[0].stale && !status.secrets[1].stale);
        assert_eq!(status.ready, ready, "{on_stale}");
        world.unchanged("db");
        assert!(world.agent.status(world.now).ready, "{on_stale}: it is back");
    }
}

#[test]
fn a_secret_older_than_it_may_be_is_taken_away_and_comes_back() {
    let mut world = ageing("remove");
    world.now += s(2);
    let withdrawn = BTreeSet::from([f("db")]);
    let away = Action::Publish { files: BTreeSet::new(), withdrawn, demand: Demand::WhatCanBe };
    assert!(world.on(Event::Tick).contains(&away));
    world.published(Replaced::Generation);
    assert!(!world.agent.status(world.now).ready);
    // Taken away once, and not again and again.
    for _ in 0..5 {
        let actions = world.later();
        assert!(!actions.iter().any(|action| matches!(action, Action::Publish { .. })), "{actions:?}");
        for action in actions {
            match action {
                // It is asked for whole, changed or not.
                Action::Fetch { secret, known } if secret == n("db") => {
                    assert_eq!(known, None);
                    world.failed("db", Class::Unreachable);
                }
                Action::Fetch { .. } => drop(world.unchanged("kv")),
                _ => {}
            }
        }
    }
    while !world.later().contains(&fetch("db", None)) {
        world.unchanged("kv");
    }
    assert!(world.fetched("db", 1).contains(&publish(&["db"], Demand::WhatCanBe)));
    world.published(Replaced::Generation);
    assert!(world.agent.status(world.now).ready);
}

#[test]
fn a_secret_older_than_it_may_be_can_end_the_agent() {
    let mut world = ageing("exit");
    world.now += s(2);
    let actions = world.on(Event::Tick);
    assert!(actions.contains(&Action::Wipe), "{actions:?}");
    world.on(Event::Revoked { store: n("v") });
    assert!(matches!(&world.agent.phase, Phase::Ended));
}

/// The world of the first tests, with hooks.
fn hooked(mode: Mode, hooks: Vec<HookPlan>) -> World {
    let mut plan = Plan::of(&Injection::parse(CONFIG, "c").unwrap(), mode, s(60));
    plan.hooks = hooks;
    let mut world = World { agent: Agent::new(plan, s(100), 1), now: s(100) };
    world.on(Event::Tick);
    world.log_in(None);
    world.fetched("a", 1);
    world.fetched("b", 1);
    world
}

/// Turns the clock until an action comes that is no fetch; fetches find nothing new.
fn until_told(world: &mut World) -> Action {
    for _ in 0..1000 {
        for action in world.later() {
            match action {
                Action::Fetch { secret, .. } => drop(world.unchanged(secret.as_str())),
                Action::Sweep => {}
                action => return action,
            }
        }
    }
    panic!("nothing has come")
}

#[test]
fn a_hook_is_told_once_of_several_changes_and_not_of_the_first_publication() {
    let mut world = hooked(Mode::Run, vec![HookPlan { debounce: s(5), ..HookPlan::of_all(false) }]);
    assert!(!world.published(Replaced::Nothing).contains(&Action::Tell(0)));
    assert_eq!(world.agent.next_hook(), None);
    for version in [2, 3] {
        world.fetched("a", version);
        world.fetched("b", version);
        assert!(!world.published(Replaced::Generation).contains(&Action::Tell(0)));
        world.now += s(1);
    }
    let last = world.now;
    assert_eq!(until_told(&mut world), Action::Tell(0));
    assert_eq!(world.now, last + s(3), "five seconds after the first change");
    world.on(Event::Told { hook: 0, result: Ok(()) });
    assert_eq!(world.agent.next_hook(), None);
}

#[test]
fn a_hook_that_fails_is_told_again_a_few_times_and_not_if_it_cannot_work() {
    let mut world = hooked(Mode::Run, vec![HookPlan::of_all(false)]);
    world.published(Replaced::Nothing);
    world.fetched("a", 2);
    world.fetched("b", 2);
    let mut told = u32::from(world.published(Replaced::Generation).contains(&Action::Tell(0)));
    let mut last = world.now;
    loop {
        world.on(Event::Told { hook: 0, result: Err(error(Class::Unreachable)) });
        if world.agent.next_hook().is_none() {
            break;
        }
        assert_eq!(until_told(&mut world), Action::Tell(0));
        assert!(world.now - last >= s(1));
        (told, last) = (told + 1, world.now);
    }
    assert_eq!(told, 10);
    world.fetched("a", 3);
    world.fetched("b", 3);
    assert!(world.published(Replaced::Generation).contains(&Action::Tell(0)));
    world.on(Event::Told { hook: 0, result: Err(error(Class::Misconfigured)) });
    assert_eq!(world.agent.next_hook(), None);
}

#[test]
fn a_hook_of_one_file_is_not_told_of_others() {
    let other = HookPlan { files: BTreeSet::from([f("both")]), ..HookPlan::of_all(false) };
    let mut world = hooked(Mode::Run, vec![other, HookPlan::of_all(false)]);
    world.published(Replaced::Nothing);
    world.fetched("a", 2);
    world.fetched("b", 2);
    let actions = world.published(Replaced::Generation);
    assert!(actions.contains(&Action::Tell(1)) && !actions.contains(&Action::Tell(0)), "{actions:?}");
}

#[test]
fn exec_starts_the_child_again_when_its_environment_has_changed() {
    let mut world = hooked(Mode::Exec, vec![HookPlan::of_all(true)]);
    world.fetched("e", 1);
    assert!(world.published(Replaced::Nothing).contains(&Action::Spawn));
    world.on(Event::Started(Ok(())));
    while !world.later().contains(&fetch("e", Some(1))) {
        world.unchanged("a");
        world.unchanged("b");
    }
    // The new value is kept until the child has it.
    assert_eq!(world.fetched("e", 2), [Action::StopChild]);
    assert_eq!(world.on(Event::ChildEnded { code: 143 }), [Action::Spawn]);
    assert!(world.on(Event::Started(Ok(()))).contains(&Action::Forget(n("e"))));
    // An end that nobody asked for is the end.
    assert!(world.on(Event::ChildEnded { code: 3 }).contains(&Action::Wipe));
}

#[test]
fn exec_starts_the_child_again_when_a_file_has_changed_with_its_environment_read_again() {
    let mut world = hooked(Mode::Exec, vec![HookPlan::of_all(true)]);
    world.fetched("e", 1);
    world.published(Replaced::Nothing);
    world.on(Event::Started(Ok(())));
    world.fetched("a", 2);
    world.fetched("b", 2);
    world.published(Replaced::Generation);
    assert!(world.later().contains(&fetch("e", None)));
    // Not while files are on their way.
    assert_eq!(world.fetched("e", 1), []);
    assert!(world.published(Replaced::Generation).contains(&Action::StopChild));
    // Told to stop meanwhile: it is not started again.
    world.on(Event::Stop);
    assert!(world.on(Event::ChildEnded { code: 143 }).contains(&Action::Wipe));
}

proptest! {
    /// Whatever fails in whatever way, no secret is asked for twice within a second, and no login made twice.
    #[test]
    fn nothing_that_fails_is_tried_twice_within_a_second(seed in any::<u64>(), classes in proptest::collection::vec(0usize..5, 20..60)) {
        const CLASSES: [Class; 5] = [Class::Unreachable, Class::Malformed, Class::SessionLost, Class::Refused, Class::Missing];
        let mut world = World::seeded(Mode::Run, seed);
        let mut last: BTreeMap<String, Moment> = BTreeMap::new();
        let mut actions = world.on(Event::Tick);
        for class in classes {
            let class = CLASSES[class];
            let mut next = Vec::new();
            for action in actions {
                let key = format!("{action:?}");
                let key = key.split("known").next().unwrap().to_owned();
                if matches!(action, Action::Fetch { .. } | Action::Login(_)) {
                    let before = last.insert(key.clone(), world.now);
                    prop_assert!(before.is_none_or(|before| world.now - before >= s(1)), "{key} after {:?}", before.map(|before| world.now - before));
                }
                next.extend(match action {
                    Action::Login(store) => {
                        let result = if class == Class::Unreachable { Err(error(class)) } else { Ok(Session { ttl: Some(s(60)), renewable: true, ours: true }) };
                        world.on(Event::LoggedIn { store, result })
                    }
                    Action::Renew(store) => world.on(Event::Renewed { store, result: Err(error(class)) }),
                    Action::Fetch { secret, .. } => world.failed(secret.as_str(), class),
                    Action::RevokeEarlier(_) => Vec::new(),
                    other => panic!("{other:?}"),
                });
            }
            actions = if next.is_empty() { world.later() } else { next };
        }
    }

    /// Whatever comes in whatever order, the agent does not panic, and ends when told to.
    #[test]
    fn any_order_of_events_ends_when_told_to(seed in any::<u64>(), events in proptest::collection::vec((0usize..9, 0usize..3, 0u64..40), 0..80), mode in 0usize..3) {
        let mode = [Mode::Run, Mode::Once, Mode::Exec][mode];
        let mut world = World::seeded(mode, seed);
        for (kind, which, wait) in events {
            world.now += s(wait);
            let secret = n(["a", "b", "e"][which]);
            let result = if which == 0 { Ok(Session { ttl: Some(s(10 * wait)), renewable: wait % 2 == 0, ours: true }) } else { Err(error(Class::Unreachable)) };
            let event = match kind {
                0 => Event::Tick,
                1 => Event::LoggedIn { store: n("v"), result },
                2 => Event::Renewed { store: n("v"), result },
                3 => Event::Fetched { secret, result: Ok(Some((v(wait), Term::Open))) },
                4 => Event::Fetched { secret, result: Ok(None) },
                5 => Event::Fetched { secret, result: Err(error(Class::SessionLost)) },
                6 => Event::Published { failed: BTreeMap::new(), replaced: Replaced::Generation, changed: BTreeSet::from([f("a")]) },
                7 => Event::NotPublished(VolumeFault { what: String::new(), hint: None }),
                _ => Event::Revoked { store: n("v") },
            };
            world.on(event);
            let _ = (world.agent.due(), world.agent.status(world.now));
        }
        world.on(Event::Stop);
        world.on(Event::ChildEnded { code: 0 });
        world.now += FAREWELL;
        world.on(Event::Tick);
        prop_assert_eq!(world.agent.phase, Phase::Ended);
    }
}

/// Goes on with another configuration.
fn reload(world: &mut World, mode: Mode, old: &str, new: &str) -> Vec<Action> {
    let [old, new] = [old, new].map(|text| Injection::parse(text, "c").unwrap());
    let change = reload::Change::between(&old, &new);
    world.agent.reload(world.now, Plan::of(&new, mode, s(60)), &change)
}

const LEASED: &str = "
apiVersion: oakum.dev/v1
kind: Injection
stores: { v: { vault: { address: https://vault.example.com, auth: { token_file: /t } } } }
volume: { path: /run/x, grace: 10s }
secrets: { db: 'v:database/creds/web', kv: 'v:a' }
files: { db: db#password, kv: kv#x }
";

#[test]
fn another_configuration_leaves_leases_and_sessions_alone() {
    let mut world = leasing(Mode::Run, "");
    leased(&mut world, 1, 300);
    world.published(Replaced::Nothing);
    world.now += s(10);
    let two = LEASED.replace("kv: kv#x }", "kv: { template: '<{{ .kv.x }}>' } }");
    // Only the file that is another is made again, of a value that is read again, by the session that is open.
    assert_eq!(reload(&mut world, Mode::Run, LEASED, &two), [fetch("kv", None)]);
    assert_eq!(world.agent.status(world.now).secrets[0].lease, Some(s(290)), "the lease goes on");
    world.fetched("kv", 1);
    world.published(Replaced::Generation);
    // The lease is prolonged when it would have been, and not asked for anew.
    let actions = until_db(&mut world);
    assert!(matches!(actions, Action::Prolong { .. }), "{actions:?}");
}

#[test]
fn what_is_no_longer_asked_for_is_forgotten_and_what_is_new_is_fetched() {
    let mut world = World::steady();
    let two = CONFIG.replace("b: 'v:b'", "c: 'v:c'").replace("b: b#x", "c: c#x");
    assert_eq!(reload(&mut world, Mode::Run, CONFIG, &two), [fetch("a", None), fetch("c", None)]);
    let names: Vec<String> = world.agent.status(world.now).secrets.into_iter().map(|one| one.name).collect();
    assert_eq!(names, ["a", "c"]);
    world.fetched("a", 1);
    assert_eq!(world.fetched("c", 1), [publish(&["both"], Demand::WhatCanBe)]);
}

#[test]
fn a_child_is_started_again_for_another_environment_if_it_may_be() {
    for restarts in [true, false] {
        let hook = if restarts { "on_change: [{ restart: true }]\n" } else { "" };
        let one = format!("{CONFIG}{hook}");
        let mut world = World::new(Mode::Exec);
        world.agent = Agent::new(Plan::of(&Injection::parse(&one, "c").unwrap(), Mode::Exec, s(60)), world.now, 1);
        world.on(Event::Tick);
        world.log_in(None);
        for secret in ["a", "b", "e"] {
            world.fetched(secret, 1);
        }
        world.published(Replaced::Nothing);
        assert!(!world.agent.is_steady(), "the child is being started");
        world.on(Event::Started(Ok(())));
        assert!(world.agent.is_steady());
        let two = one.replace("E: e#x", "E: e#x, F: a#x");
        let actions = reload(&mut world, Mode::Exec, &one, &two);
        if !restarts {
            assert_eq!(actions, [], "it keeps the environment that it has");
            continue;
        }
        assert_eq!(actions, [fetch("a", None), fetch("e", None)]);
        world.fetched("a", 1);
        assert_eq!(world.fetched("e", 1), [Action::StopChild]);
        assert_eq!(world.on(Event::ChildEnded { code: 0 }), [Action::Spawn]);
    }
}
