//! A thousand agents around an outage of ten minutes, on a clock that the test turns: their store comes back to at most
//! twice of what it had to bear before, and no call that failed is made again within a second.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use oakum_inject::Injection;
use oakum_inject::provider::{Lease, Term};

use super::*;

const AGENTS: usize = 1000;
/// Pods of a deployment begin within a minute, and drift apart until the outage.
const BEGIN: Duration = Duration::from_secs(60);
const OUTAGE: Duration = Duration::from_secs(1800);
const RETURN: Duration = Duration::from_secs(2400);
const END: Duration = Duration::from_secs(3000);
/// How long a call takes that is answered.
const ANSWER: Duration = Duration::from_millis(20);

const CONFIG: &str = "
apiVersion: oakum.dev/v1
kind: Injection
stores: { v: { vault: { address: https://vault.example.com, auth: { token_file: /t } } } }
volume: { path: /run/x }
secrets: { a: 'v:kv/a', b: 'v:kv/b', db: 'v:database/creds/web' }
files: { a: a#x, b: b#x, db: db#x }
";

/// What the store is like, apart from the outage.
#[derive(Debug, Clone, Copy)]
struct Store {
    /// How long a token holds from its login or its renewal.
    token: Duration,
    /// How long `db` is leased; as open as the others if none.
    lease: Option<Duration>,
    /// Whether it comes back with a token store that knows nobody.
    forgets: bool,
}

/// An agent, and what its store knows of it.
struct Client {
    agent: Agent,
    tick: Option<Moment>,
    /// When its token ends; none if it has none.
    token: Option<Moment>,
    /// When each call was last made, and whether it has failed.
    last: BTreeMap<String, (Moment, bool)>,
}

/// Something that will happen to one agent.
enum Due {
    Tick,
    Answer { call: Option<String>, event: Event },
}

struct Herd {
    store: Store,
    clients: Vec<Client>,
    queue: BinaryHeap<Reverse<(Moment, usize, usize)>>,
    dues: Vec<Option<Due>>,
    /// The logins and reads of each second; what a provider asks about its token is not among them.
    calls: Vec<u32>,
}

impl Herd {
    fn new(store: Store, seed: u64) -> Self {
        let plan = Plan::of(&Injection::parse(CONFIG, "c").unwrap(), Mode::Run, BEGIN);
        let mut chance = Chance::from_seed(seed);
        let mut herd =
            Self { store, clients: Vec::new(), queue: BinaryHeap::new(), dues: Vec::new(), calls: Vec::new() };
        for at in 0..AGENTS {
            let begins = BEGIN.mul_f64(chance.draw());
            let own = seed.wrapping_mul(0x9e37_79b9).wrapping_add(at as u64);
            let agent = Agent::new(plan.clone(), begins, own);
            herd.clients.push(Client { agent, tick: Some(begins), token: None, last: BTreeMap::new() });
            herd.push(begins, at, Due::Tick);
        }
        herd
    }

    fn push(&mut self, when: Moment, client: usize, due: Due) {
        self.queue.push(Reverse((when, self.dues.len(), client)));
        self.dues.push(Some(due));
    }

    /// Lives until the end, and gives the calls of each second.
    fn live(mut self) -> Vec<u32> {
        while let Some(Reverse((now, due, at))) = self.queue.pop() {
            if now > END {
                break;
            }
            let event = match self.dues[due].take() {
                Some(Due::Tick) if self.clients[at].tick != Some(now) => continue,
                Some(Due::Answer { call, event }) => {
                    if let Some(last) = call.and_then(|call| self.clients[at].last.get_mut(&call)) {
                        last.1 = failed(&event);
                    }
                    event
                }
                _ => Event::Tick,
            };
            for action in self.clients[at].agent.step(now, event) {
                self.perform(now, at, action);
            }
            let client = &mut self.clients[at];
            let tick = client.agent.due().map(|due| due.max(now));
            client.tick = tick;
            if let Some(tick) = tick {
                self.push(tick, at, Due::Tick);
            }
        }
        self.calls
    }

    fn count(&mut self, now: Moment) {
        let second = usize::try_from(now.as_secs()).unwrap();
        self.calls.resize(self.calls.len().max(second + 1), 0);
        self.calls[second] += 1;
    }

    /// Answers as the store does at that moment.
    fn perform(&mut self, now: Moment, at: usize, action: Action) {
        let call = match &action {
            Action::Login(_) => "the login".to_owned(),
            Action::Renew(_) => "the renewal".to_owned(),
            Action::Fetch { secret, .. } | Action::Prolong { secret, .. } => secret.to_string(),
            Action::Publish { .. } => {
                let changed = BTreeSet::new();
                let event = Event::Published { failed: BTreeMap::new(), replaced: Replaced::Nothing, changed };
                return self.push(now, at, Due::Answer { call: None, event });
            }
            _ => return,
        };
        if !matches!(action, Action::Renew(_)) {
            self.count(now);
        }
        let client = &mut self.clients[at];
        if let Some((before, true)) = client.last.insert(call.clone(), (now, false)) {
            assert!(now - before >= backoff::LEAST, "{call} of agent {at} again after {:?}", now - before);
        }
        let down = (OUTAGE..RETURN).contains(&now);
        let forgotten = |token: &Moment| self.store.forgets && *token < RETURN + self.store.token && now >= RETURN;
        let known = client.token.is_some_and(|token| token > now && !forgotten(&token));
        let away = || ProviderError::new(Class::Unreachable, "no");
        let lost = || ProviderError::new(Class::SessionLost, "no");
        let session = Session { ttl: Some(self.store.token), renewable: true, ours: true };
        let mut wait = ANSWER;
        let event = match action {
            Action::Login(store) => {
                if !down {
                    client.token = Some(now + self.store.token);
                }
                Event::LoggedIn { store, result: if down { Err(away()) } else { Ok(session) } }
            }
            Action::Renew(store) => {
                if !down && known {
                    client.token = Some(now + self.store.token);
                }
                let result = if down {
                    Err(away())
                } else if known {
                    Ok(session)
                } else {
                    Err(lost())
                };
                Event::Renewed { store, result }
            }
            Action::Fetch { secret, .. } | Action::Prolong { secret, .. } if down => {
                Event::Fetched { secret, result: Err(away()) }
            }
            Action::Fetch { secret, .. } | Action::Prolong { secret, .. } if !known => {
                // The provider asks about its token before it says so, a second later.
                wait = backoff::LEAST;
                Event::Fetched { secret, result: Err(lost()) }
            }
            Action::Prolong { secret, .. } => {
                let result = Ok(Session { ttl: self.store.lease, renewable: true, ours: true });
                Event::Prolonged { secret, result }
            }
            Action::Fetch { secret, known } => {
                let lease = self.store.lease.filter(|_| secret.as_str() == "db");
                let lease = lease.map(|ttl| Term::Lease(Lease { id: Some("db".to_owned()), ttl, renewable: true }));
                let new = known.is_none().then(|| (Version::Number { number: 1, made: 0 }, lease.unwrap_or_default()));
                Event::Fetched { secret, result: Ok(new) }
            }
            other => panic!("{other:?}"),
        };
        self.push(now + wait, at, Due::Answer { call: Some(call), event });
    }
}

fn failed(event: &Event) -> bool {
    matches!(
        event,
        Event::Fetched { result: Err(_), .. }
            | Event::LoggedIn { result: Err(_), .. }
            | Event::Renewed { result: Err(_), .. }
    )
}

/// The mean rate before the outage, and the peak after it, in calls a second.
fn around_an_outage(store: Store) -> (f64, u32) {
    let calls = Herd::new(store, 1).live();
    let second = |moment: Duration| usize::try_from(moment.as_secs()).unwrap();
    let before = &calls[second(OUTAGE) - 600..second(OUTAGE)];
    let steady = f64::from(before.iter().sum::<u32>()) / 600.0;
    (steady, calls[second(RETURN)..second(END)].iter().copied().max().unwrap())
}

#[test]
fn a_store_that_comes_back_is_asked_at_most_twice_as_often_as_before() {
    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3600);
    for store in [
        Store { token: HOUR, lease: None, forgets: false },
        // Every token ends while it is away.
        Store { token: 8 * MINUTE, lease: None, forgets: false },
        Store { token: HOUR, lease: None, forgets: true },
        Store { token: HOUR, lease: Some(HOUR), forgets: true },
        // Every token and every lease ends.
        Store { token: 8 * MINUTE, lease: Some(5 * MINUTE), forgets: false },
    ] {
        let (steady, peak) = around_an_outage(store);
        let times = f64::from(peak) / steady;
        println!("{store:?}: {steady:.0} calls a second, and at most {peak} after the outage: {times:.2} times");
        assert!(times <= 2.0, "{store:?}: {peak} calls in a second, and {steady:.0} before the outage");
    }
}
