//! A text that comes in windows: which keywords may be looked at yet, what must stay, and which of several matches
//! that claim the same bytes is the one.

use super::encoded::{self, Encoded};
use super::expression::Memory;
use super::prefilter::Scratch;
use super::{CONTEXT, Engine, Match, confirm};

/// A cluster of overlapping matches is settled when it has grown to this many bytes, so that no input can make the
/// stream hold on to its text.
const LONGEST_CLUSTER: usize = 64 * 1024;

/// A text in windows. Each window begins with what the last call said must stay.
#[derive(Debug)]
pub struct Stream<'e> {
    engine: &'e Engine,
    /// Keywords before this offset of the window have been looked at.
    horizon: usize,
    /// For each rule, the end of its last match in the window: its keywords inside are not looked at again.
    done: Vec<usize>,
    /// The last of these ends: most texts have none.
    last_done: usize,
    scratch: Scratch,
    pending: Vec<Match<'e>>,
    memory: Memory,
}

impl<'e> Stream<'e> {
    pub(super) fn new(engine: &'e Engine) -> Self {
        Self {
            engine,
            horizon: 0,
            done: vec![0; engine.rules.len()],
            last_done: 0,
            scratch: Scratch::new(),
            pending: Vec::new(),
            memory: None,
        }
    }

    /// Forgets everything, to begin another text with the same memory.
    pub fn reset(&mut self) {
        self.horizon = 0;
        if std::mem::take(&mut self.last_done) > 0 {
            self.done.fill(0);
        }
        self.pending.clear();
    }

    /// The largest number of bytes that a call ever keeps; a window must be larger to get on.
    #[must_use]
    pub fn most_kept(&self) -> usize {
        self.engine.back + self.engine.ahead + LONGEST_CLUSTER + 2 * CONTEXT
    }

    /// Looks at a window and says how many bytes at its start are no longer needed. The next window begins with the
    /// rest. With `last`, the text ends where the window ends. Matches come in the order of their places, with
    /// offsets in this window.
    pub fn feed(&mut self, window: &[u8], last: bool, mut found: impl FnMut(&Match<'e>)) -> usize {
        let engine = self.engine;
        self.scratch.encoded.clear();
        let limit = if last { window.len() } else { window.len().saturating_sub(engine.ahead) };
        if limit > self.horizon || last {
            self.look(window, limit.max(self.horizon));
        }
        // A later keyword's match can begin this far before it.
        let safe = if last { usize::MAX } else { self.horizon.saturating_sub(engine.back) };
        self.settle(safe, &mut found);
        if last {
            self.reset();
            return window.len();
        }
        let first = self.pending.iter().map(|m| m.secret.start).min().unwrap_or(usize::MAX);
        let keep = self.horizon.saturating_sub(engine.back).min(first.saturating_sub(CONTEXT));
        self.forget(keep);
        keep
    }

    /// Where in the last window encoded texts may stand, in order. Each is told once, with as much text behind it as
    /// [`Engine::reach`] says, and [`Engine::before`] before it.
    #[must_use]
    pub fn encoded(&self) -> &[Encoded] {
        &self.scratch.encoded
    }

    /// Confirms all keywords that start before `limit`.
    fn look(&mut self, window: &[u8], limit: usize) {
        let engine = self.engine;
        engine.prefilter.find(window, self.horizon, limit, &mut self.scratch);
        // A name may have several keywords.
        let mut name_end = 0;
        for &(start, stop, keyword) in &self.scratch.hits {
            if stop > name_end {
                name_end = encoded::beside(window, &(start..stop), &mut self.scratch.encoded);
            }
            for &rule in &engine.of_keyword[keyword as usize] {
                let rule = rule as usize;
                if start < self.done[rule] {
                    continue;
                }
                if let Some(one) = confirm::at_keyword(&engine.rules[rule], window, start..stop, &mut self.memory) {
                    self.done[rule] = one.secret.end;
                    self.last_done = self.last_done.max(one.secret.end);
                    self.pending.push(one);
                }
                if engine.rules[rule].collects && confirm::may_be_plural(window, &(start..stop)) {
                    confirm::collected(&engine.rules[rule], window, &(start..stop), |one| self.pending.push(one));
                }
            }
        }
        for rule in &engine.everywhere {
            let rule = *rule as usize;
            let mut from = self.horizon.max(self.done[rule]);
            while let Some(one) = confirm::everywhere(&engine.rules[rule], window, from, limit, &mut self.memory) {
                from = one.secret.end;
                self.done[rule] = from;
                self.last_done = self.last_done.max(from);
                self.pending.push(one);
            }
        }
        self.scratch.encoded.sort_unstable();
        self.horizon = limit;
    }

    /// Hands out the matches before `safe` that nothing better overlaps.
    fn settle(&mut self, safe: usize, found: &mut impl FnMut(&Match<'e>)) {
        if self.pending.is_empty() {
            return;
        }
        self.pending.sort_by(|a, b| {
            (a.secret.start, a.secret.end, a.rule.id.as_ref()).cmp(&(b.secret.start, b.secret.end, b.rule.id.as_ref()))
        });
        let mut settled = 0;
        while settled < self.pending.len() {
            let start = self.pending[settled].secret.start;
            let mut end = self.pending[settled].secret.end;
            let mut next = settled + 1;
            while next < self.pending.len()
                && self.pending[next].secret.start < end
                && self.pending[next].secret.start < start + LONGEST_CLUSTER
            {
                end = end.max(self.pending[next].secret.end);
                next += 1;
            }
            let full = next < self.pending.len() && self.pending[next].secret.start >= start + LONGEST_CLUSTER;
            if end > safe && !full {
                break;
            }
            for one in best(&self.pending[settled..next]) {
                found(one);
            }
            settled = next;
        }
        self.pending.drain(..settled);
    }

    /// Moves all offsets back by what is dropped.
    fn forget(&mut self, dropped: usize) {
        self.horizon -= dropped;
        if self.last_done > 0 {
            self.last_done = self.last_done.saturating_sub(dropped);
            self.done.iter_mut().for_each(|end| *end = end.saturating_sub(dropped));
        }
        for m in &mut self.pending {
            m.secret = m.secret.start - dropped..m.secret.end - dropped;
            m.name = m.name.take().and_then(|n| Some(n.start.checked_sub(dropped)?..n.end - dropped));
        }
    }
}

/// Of matches that overlap one another, those that stay: the more specific rule, then the surer, then the longer.
fn best<'m, 'e>(cluster: &'m [Match<'e>]) -> Vec<&'m Match<'e>> {
    let mut order: Vec<&Match<'e>> = cluster.iter().collect();
    order.sort_by(|a, b| {
        let key = |m: &Match<'_>| (m.rank, m.confidence, m.secret.len());
        key(b)
            .cmp(&key(a))
            .then_with(|| (a.secret.start, a.rule.id.as_ref()).cmp(&(b.secret.start, b.rule.id.as_ref())))
    });
    let mut kept: Vec<&Match<'e>> = Vec::new();
    for one in order {
        if kept.iter().all(|k| k.secret.end <= one.secret.start || one.secret.end <= k.secret.start) {
            kept.push(one);
        }
    }
    kept.sort_by_key(|m| m.secret.start);
    kept
}
