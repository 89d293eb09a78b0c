//! What has a lease, and what becomes too old.

use super::*;

/// One file of a leased secret and one of a plain one.
pub(super) fn leasing(mode: Mode, more: &str) -> World {
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

pub(super) fn leased(world: &mut World, version: u64, ttl: u64) -> Vec<Action> {
    let lease = Lease { id: Some(format!("db/{version}")), ttl: s(ttl), renewable: true };
    let result = Ok(Some((v(version), Term::Lease(lease))));
    world.on(Event::Fetched { secret: n("db"), result })
}

/// Turns the clock until something about the leased secret is to be done; the other one never changes.
pub(super) fn until_db(world: &mut World) -> Action {
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

pub(super) fn prolonged(world: &mut World, result: Result<u64, Class>) -> Vec<Action> {
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
fn a_loss_that_is_found_by_a_call_from_before_the_login_is_none_of_the_new_session() {
    let mut world = leasing(Mode::Run, ", refresh: 30s");
    leased(&mut world, 1, 300);
    world.published(Replaced::Nothing);
    world.now += s(4000);
    let actions = world.on(Event::Tick);
    assert_eq!(actions, [Action::Login(n("v")), fetch("db", None), fetch("kv", Some(1))]);
    world.now += s(1);
    world.log_in(Some(3600));
    let login = world.now;
    for secret in ["kv", "db"] {
        assert_eq!(world.failed(secret, Class::SessionLost), [], "the login was a moment ago");
    }
    assert_eq!(until_db(&mut world), fetch("db", None));
    assert!(world.now - login <= s(3), "{:?}", world.now - login);
    leased(&mut world, 2, 300);
    // What was asked since finds the new one gone.
    world.now += s(60);
    assert!(world.failed("kv", Class::SessionLost).contains(&Action::Login(n("v"))));
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
fn a_lease_grows_too_old_only_once_it_could_not_be_prolonged() {
    let mut world = leasing(Mode::Run, ", max_stale: 10m, on_stale: exit");
    leased(&mut world, 1, 3600);
    world.published(Replaced::Nothing);
    let (began, mut asked) = (world.now, 0);
    while !matches!(world.agent.phase, Phase::Ending { .. } | Phase::Ended) {
        for action in world.later() {
            match action {
                Action::Fetch { secret, .. } if secret == n("kv") => drop(world.unchanged("kv")),
                Action::Fetch { .. } => drop(world.failed("db", Class::Unreachable)),
                Action::Prolong { secret, .. } => {
                    asked += 1;
                    world.on(Event::Prolonged { secret, result: Err(error(Class::Unreachable)) });
                }
                _ => {}
            }
        }
    }
    let lasted = world.now - began;
    assert!(asked > 1 && lasted > s(2000 + 600) && lasted < s(3600), "{asked} {lasted:?}");
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
