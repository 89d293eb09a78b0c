//! Every rule about time, on a clock that the tests turn.

mod asking;
mod hooked;
mod leases;
mod reloading;

use oakum_inject::Injection;
use oakum_inject::provider::{Lease, Term};
use proptest::prelude::*;

use super::plan::HookPlan;
use super::*;

use leases::{leased, leasing, until_db};

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

/// An agent that only writes its token.
fn lending(mode: Mode) -> World {
    let text = "apiVersion: oakum.dev/v1\nkind: Injection\nstores: { v: { vault: { address: https://vault.example.com, \
                write_token: [{ path: /run/t }], auth: { jwt: { role: web, token_file: /j } } } } }\n";
    let plan = Plan::of(&Injection::parse(text, "c").unwrap(), mode, s(60));
    World { agent: Agent::new(plan, s(100), 1), now: s(100) }
}

#[test]
fn a_token_for_others_is_there_once_its_login_is_and_goes_on_with_no_secret_at_all() {
    let mut world = lending(Mode::Run);
    assert_eq!(world.on(Event::Tick), [Action::Login(n("v"))]);
    assert!(!world.agent.status(world.now).ready);
    assert_eq!(world.log_in(Some(60)), [publish(&[], Demand::WhatCanBe)]);
    assert_eq!(world.published(Replaced::Nothing), []);
    assert!(world.agent.status(world.now).ready);
    assert_eq!(world.later(), [Action::Renew(n("v"))]);
    let session = Session { ttl: Some(s(10)), renewable: true, ours: true };
    world.on(Event::Renewed { store: n("v"), result: Ok(session) });
    assert_eq!(world.later(), [Action::Login(n("v"))], "before the token ends");
    world.log_in(Some(60));
    assert_eq!(world.on(Event::Stop), [Action::Wipe, Action::Revoke(n("v"))]);
}

#[test]
fn once_ends_when_the_token_for_others_is_there_and_leaves_it() {
    let mut world = lending(Mode::Once);
    world.on(Event::Tick);
    assert_eq!(world.log_in(Some(60)), [publish(&[], Demand::All)]);
    assert_eq!(world.published(Replaced::Nothing), [Action::Exit(Outcome::Done)]);

    let mut world = lending(Mode::Once);
    world.on(Event::Tick);
    let refused = error(Class::Refused);
    let ended = world.on(Event::LoggedIn { store: n("v"), result: Err(refused.clone()) });
    assert_eq!(ended, [Action::Exit(Outcome::Failed(refused))]);
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
        if path.ends_with("tests.rs") || path.ends_with("tests") {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        for clock in clocks {
            assert!(!source.contains(clock), "{} names {clock}", path.display());
        }
    }
    let shell = include_str!("../shell.rs");
    assert!(shell.contains("let now = self.clock.now();") && !shell.contains("Instant"));
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
