//! Another configuration while the agent runs.

use super::leases::{leased, leasing, until_db};
use super::*;

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
