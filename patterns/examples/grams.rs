//! Lays out the grams by which the keywords of the built-in rules are found, with what is known of real texts; see
//! `src/engine/grams.rs`.
//!
//! usage: cargo run --release -p oakum-patterns --example grams -- count FOLDER...
//!        cargo run --release -p oakum-patterns --example grams -- lay
//!        cargo run --release -p oakum-patterns --example grams -- settle
//!
//! `count` reads sources and documentation below the folders (such as those of our dependencies, of Python, and
//! `/usr/include`) and writes the commonest grams to `grams/common.bin`. `lay` chooses for each keyword the place of its gram,
//! and the bucket that this lies in, so that as few places of such texts as can be are looked at, and writes them to
//! `grams/laid.toml`. What lies there stays as it is, so that a rule changes a few lines. Whoever adds keywords runs it; what has
//! not been laid is laid at run time, by a guess. `settle` lays all anew from there, in minutes, and keeps what comes out better
//! on such texts; minified code, which they have none of, may come out worse (`tests/instructions`).

#![allow(clippy::print_stderr, reason = "it tells how far it is")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use oakum_patterns::{Rule, gram_keywords};

const GRAM: usize = 4;
const BUCKETS: usize = 24;
/// How many of the commonest grams are kept.
const KEPT: usize = 8192;
/// So much of each kind of file is read.
const MOST_OF_A_KIND: usize = 12 << 20;
const MOST_OF_A_FILE: u64 = 1 << 19;
const KINDS: [&str; 17] =
    ["rs", "py", "md", "txt", "toml", "js", "ts", "c", "h", "go", "sh", "yaml", "yml", "json", "html", "xml", "rst"];
/// What it costs to see that a place has a keyword's gram and not its bucket's only, beside what it costs to look at one.
const COMPARE: f64 = 6.0;
/// What a place counts in a text of signs drawn by lot, such as base64, beside one in a text that people wrote.
const DRAWN: f64 = 0.15;
/// How often each is laid again where it suits best.
const ROUNDS: usize = 160;
/// How many times before some are taken out again.
const SETTLING: usize = 4;

type Gram = [u8; GRAM];
/// Any byte, behind a keyword of three.
const ANY: u8 = 32;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("grams");
    let done = match arguments.next().as_deref() {
        Some("count") => std::fs::write(folder.join("common.bin"), count(arguments.map(PathBuf::from).collect())),
        Some("lay") => relay(&folder, 0),
        Some("settle") => relay(&folder, ROUNDS),
        _ => return ExitCode::from(2),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{}: {e}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn relay(folder: &Path, rounds: usize) -> std::io::Result<()> {
    let common = Common::read(&std::fs::read(folder.join("common.bin"))?);
    let file = folder.join("laid.toml");
    let laid = toml::from_str(&std::fs::read_to_string(&file)?).map_err(std::io::Error::other)?;
    std::fs::write(file, lay(&common, &laid, rounds))
}

/// The commonest grams, each with how many of a thousand million places have it; both of four bytes, and the last is of all
/// the others together.
fn count(folders: Vec<PathBuf>) -> Vec<u8> {
    let mut files = Vec::new();
    let mut left = folders;
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => left.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    // In an order that has nothing to do with what they hold.
    files.sort_by_key(|path| {
        path.as_os_str().as_encoded_bytes().iter().fold(7u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
    });
    let mut read: BTreeMap<&str, usize> = BTreeMap::new();
    let mut counts = vec![0u64; 1 << 20];
    for path in &files {
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        let size = read.entry(kind).or_default();
        if !KINDS.contains(&kind) || *size > MOST_OF_A_KIND {
            continue;
        }
        let mut text = Vec::new();
        if std::fs::File::open(path).and_then(|file| file.take(MOST_OF_A_FILE).read_to_end(&mut text)).is_ok() {
            *size += text.len();
            for four in text.windows(GRAM).filter(|four| four[..3].is_ascii()) {
                let number = four.iter().fold(0, |all, b| all << 5 | usize::from(b.min(&0x7f) & 31));
                counts[number] += 1;
            }
        }
    }
    let total: u64 = counts.iter().sum();
    let mut all: Vec<(u64, usize)> = counts.into_iter().zip(0..).collect();
    all.sort_by_key(|(count, gram)| (std::cmp::Reverse(*count), *gram));
    let share =
        |count: u64| u32::try_from(u128::from(count) * 1_000_000_000 / u128::from(total.max(1))).unwrap_or(u32::MAX);
    let rest: u64 = all[KEPT..].iter().map(|(count, _)| count).sum();
    let kept = all[..KEPT].iter().map(|(count, gram)| (u32::try_from(*gram).unwrap_or(0), share(*count)));
    kept.chain([(0, share(rest))])
        .flat_map(|(gram, share)| [gram.to_le_bytes(), share.to_le_bytes()].concat())
        .collect()
}

/// A bit for each of the commonest grams.
type Set = [u64; KEPT / 64];

struct Common {
    shares: Vec<f64>,
    of: BTreeMap<Gram, f64>,
    /// For each of the four places, and each symbol there, the grams that have it.
    having: Vec<Vec<Set>>,
    /// How often each symbol is among the commonest, and how much all others come to.
    each: [f64; 32],
    others: f64,
    rarest: f64,
}

impl Common {
    fn read(bytes: &[u8]) -> Self {
        let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("of four"));
        let mut all: Vec<(Gram, f64)> = (0..bytes.len())
            .step_by(8)
            .map(|at| {
                let gram: Gram = std::array::from_fn(|i| (number(at) >> (5 * (GRAM - 1 - i)) & 31) as u8);
                (gram, f64::from(number(at + 4)) / 1e9)
            })
            .collect();
        let others = all.pop().map_or(0.0, |last| last.1);
        let mut having = vec![vec![[0; KEPT / 64]; 33]; GRAM];
        let mut each = [0.0; 32];
        for (n, (gram, share)) in all.iter().enumerate() {
            for (i, symbol) in gram.iter().enumerate() {
                having[i][usize::from(*symbol)][n / 64] |= 1 << (n % 64);
                having[i][usize::from(ANY)][n / 64] |= 1 << (n % 64);
            }
            each[usize::from(gram[0])] += share;
        }
        let sum: f64 = each.iter().sum();
        each.iter_mut().for_each(|share| *share /= sum);
        let rarest = all.last().map_or(0.0, |last| last.1);
        Self {
            shares: all.iter().map(|one| one.1).collect(),
            of: all.into_iter().collect(),
            having,
            each,
            others,
            rarest,
        }
    }

    fn share_of_all(&self, grams: &Set) -> f64 {
        let mut sum = 0.0;
        for (word, bits) in grams.iter().enumerate() {
            let mut bits = *bits;
            while bits != 0 {
                sum += self.shares[word * 64 + bits.trailing_zeros() as usize];
                bits &= bits - 1;
            }
        }
        sum
    }

    fn share_of(&self, gram: Gram) -> f64 {
        if gram[3] == ANY {
            return (0..32).map(|last| self.share_of([gram[0], gram[1], gram[2], last])).sum();
        }
        self.of.get(&gram).copied().unwrap_or_else(|| {
            let by_lot: f64 = gram.iter().map(|symbol| self.each[usize::from(*symbol)]).product();
            by_lot.min(self.rarest)
        })
    }
}

/// Grams that share their bits.
#[derive(Clone)]
struct Bucket {
    /// How many of its grams have each symbol.
    symbols: [[u16; 33]; GRAM],
    having: [Set; GRAM],
    /// The commonest grams that it has looked at.
    looked: Set,
    /// What else it has looked at.
    rest: f64,
}

impl Bucket {
    fn new() -> Self {
        Self { symbols: [[0; 33]; GRAM], having: [[0; KEPT / 64]; GRAM], looked: [0; KEPT / 64], rest: 0.0 }
    }

    /// Its share of places with grams that are not among the commonest, and of those of a text that is drawn by lot.
    fn rest(symbols: &[[u16; 33]; GRAM], common: &Common) -> f64 {
        let one = |symbols: &[u16; 33]| -> f64 {
            if symbols[usize::from(ANY)] > 0 {
                return 1.0;
            }
            (0..32).filter(|symbol| symbols[*symbol] > 0).map(|symbol| common.each[symbol]).sum()
        };
        let drawn = |symbols: &[u16; 33]| match symbols[usize::from(ANY)] {
            0 => symbols[..32].iter().filter(|count| **count > 0).count() as f64 / 32.0,
            _ => 1.0,
        };
        common.others * symbols.iter().map(one).product::<f64>() + DRAWN * symbols.iter().map(drawn).product::<f64>()
    }

    /// What it would have looked at besides with one more, where others have some looked at already.
    fn grown(&self, gram: Gram, looked: &Set, common: &Common) -> f64 {
        let mut having = self.having;
        let mut symbols = self.symbols;
        for (i, symbol) in gram.into_iter().enumerate() {
            symbols[i][usize::from(symbol)] += 1;
            join(&mut having[i], &common.having[i][usize::from(symbol)]);
        }
        let more: Set = std::array::from_fn(|word| all_of(&having, word) & !looked[word]);
        common.share_of_all(&more) + Self::rest(&symbols, common) - self.rest
    }

    fn change(&mut self, gram: Gram, by: i16, common: &Common) {
        for (i, symbol) in gram.into_iter().enumerate() {
            let count = &mut self.symbols[i][usize::from(symbol)];
            *count = count.saturating_add_signed(by);
            self.having[i] = [0; KEPT / 64];
            for symbol in (0..33).filter(|symbol| self.symbols[i][*symbol] > 0) {
                join(&mut self.having[i], &common.having[i][symbol]);
            }
        }
        self.looked = std::array::from_fn(|word| all_of(&self.having, word));
        self.rest = Self::rest(&self.symbols, common);
    }
}

fn all_of(having: &[Set; GRAM], word: usize) -> u64 {
    having.iter().fold(u64::MAX, |all, set| all & set[word])
}

fn join(all: &mut Set, more: &Set) {
    all.iter_mut().zip(more).for_each(|(all, more)| *all |= more);
}

/// Where everything lies.
struct Layout<'a> {
    common: &'a Common,
    buckets: Vec<Bucket>,
    /// Each gram's bucket, and how many keywords are found by it.
    grams: BTreeMap<Gram, (usize, usize)>,
}

impl Layout<'_> {
    /// What a gram that is not there would cost, and in which bucket.
    fn cheapest(&self, gram: Gram) -> (f64, usize) {
        let looked = self.looked();
        let grown = |bucket: &Bucket| bucket.grown(gram, &looked, self.common);
        let all = self.buckets.iter().map(grown).zip(0..);
        let (grown, bucket) = all.min_by(|one, other| one.0.total_cmp(&other.0)).expect("there are buckets");
        (grown + COMPARE * self.common.share_of(gram), bucket)
    }

    fn add(&mut self, gram: Gram) {
        let bucket = if self.grams.contains_key(&gram) { 0 } else { self.cheapest(gram).1 };
        self.add_to(bucket, gram);
    }

    /// Puts one into a bucket, if it lies in none.
    fn add_to(&mut self, bucket: usize, gram: Gram) {
        if let Some((_, users)) = self.grams.get_mut(&gram) {
            *users += 1;
        } else {
            self.buckets[bucket].change(gram, 1, self.common);
            self.grams.insert(gram, (bucket, 1));
        }
    }

    fn remove(&mut self, gram: Gram) {
        let (bucket, users) = self.grams[&gram];
        if users > 1 {
            self.grams.insert(gram, (bucket, users - 1));
        } else {
            self.buckets[bucket].change(gram, -1, self.common);
            self.grams.remove(&gram);
        }
    }

    /// Fills the buckets anew.
    fn fill(&mut self) {
        self.buckets = vec![Bucket::new(); BUCKETS];
        for (gram, (bucket, _)) in &self.grams {
            self.buckets[*bucket].change(*gram, 1, self.common);
        }
    }

    /// The commonest grams that any bucket has looked at: a place counts once, whatever many buckets have it.
    fn looked(&self) -> Set {
        let mut all = [0; KEPT / 64];
        self.buckets.iter().for_each(|bucket| join(&mut all, &bucket.looked));
        all
    }

    fn share(&self) -> f64 {
        self.common.share_of_all(&self.looked()) + self.buckets.iter().map(|bucket| bucket.rest).sum::<f64>()
    }

    fn cost(&self) -> f64 {
        self.share() + COMPARE * self.exact()
    }

    fn exact(&self) -> f64 {
        self.grams.keys().map(|gram| self.common.share_of(*gram)).sum()
    }
}

/// The grams of a keyword that are ASCII, each with its place.
fn grams_of(keyword: &[u8]) -> Vec<(usize, Gram)> {
    let places = 0..=keyword.len().saturating_sub(GRAM);
    let ascii = |at: &usize| keyword[*at..].iter().take(GRAM).all(u8::is_ascii);
    places.filter(ascii).map(|at| (at, std::array::from_fn(|i| keyword.get(at + i).map_or(ANY, |b| b & 31)))).collect()
}

fn lay(common: &Common, laid: &BTreeMap<String, (usize, usize)>, rounds: usize) -> String {
    let keywords = gram_keywords(Rule::builtin());
    let all: Vec<Vec<(usize, Gram)>> = keywords.iter().map(|keyword| grams_of(keyword)).collect();
    let mut layout = Layout { common, buckets: vec![Bucket::new(); BUCKETS], grams: BTreeMap::new() };
    // Those that lie already; of the others the ones that have no choice first, and each by the gram that costs least as
    // things lie then.
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|n| all[*n].len());
    let mut chosen: Vec<usize> = vec![0; all.len()];
    let best = |layout: &Layout<'_>, grams: &[(usize, Gram)]| {
        let cost =
            |(_, gram): &(usize, Gram)| if layout.grams.contains_key(gram) { 0.0 } else { layout.cheapest(*gram).0 };
        let costs = grams.iter().map(cost).zip(0..);
        costs.min_by(|one, other| one.0.total_cmp(&other.0)).map_or(0, |best| best.1)
    };
    let lies = |n: usize| {
        let (at, bucket) = *laid.get(std::str::from_utf8(&keywords[n]).ok()?)?;
        Some((all[n].iter().position(|(place, _)| *place == at)?, bucket))
    };
    let (old, new): (Vec<usize>, Vec<usize>) = order.iter().partition(|n| lies(**n).is_some());
    for (n, (choice, bucket)) in old.into_iter().filter_map(|n| Some((n, lies(n)?))) {
        chosen[n] = choice;
        layout.add_to(bucket, all[n][choice].1);
    }
    for n in new {
        chosen[n] = best(&layout, &all[n]);
        layout.add(all[n][chosen[n]].1);
    }
    let mut numbers = 1u64;
    let mut kept = (layout.cost(), chosen.clone(), layout.grams.clone());
    for round in 0..rounds {
        // Some lie well only where others do: now and then a few are taken out together, and what comes of it is kept if it
        // is better.
        if round % SETTLING == 0 && round > 0 {
            (_, chosen, layout.grams) = kept.clone();
            layout.fill();
            let mut out = Vec::new();
            for n in &order {
                numbers = numbers.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                if numbers >> 33 & 7 == 0 {
                    layout.remove(all[*n][chosen[*n]].1);
                    out.push(*n);
                }
            }
            for n in out {
                chosen[n] = best(&layout, &all[n]);
                layout.add(all[n][chosen[n]].1);
            }
        }
        for n in &order {
            layout.remove(all[*n][chosen[*n]].1);
            chosen[*n] = best(&layout, &all[*n]);
            layout.add(all[*n][chosen[*n]].1);
        }
        for gram in layout.grams.keys().copied().collect::<Vec<_>>() {
            let (bucket, users) = layout.grams[&gram];
            layout.buckets[bucket].change(gram, -1, common);
            let bucket = layout.cheapest(gram).1;
            layout.buckets[bucket].change(gram, 1, common);
            layout.grams.insert(gram, (bucket, users));
        }
        let cost = layout.cost();
        if cost < kept.0 {
            kept = (cost, chosen.clone(), layout.grams.clone());
            eprintln!(
                "{round}: {} grams; of a thousand places {:.1} are looked at, and {:.1} have one",
                layout.grams.len(),
                layout.share() * 1e3,
                layout.exact() * 1e3
            );
        }
    }
    (_, chosen, layout.grams) = kept;
    let place = |(at, gram): (usize, Gram)| (at, layout.grams[&gram].0);
    let laid = chosen.iter().zip(&all).map(|(chosen, grams)| place(grams[*chosen]));
    let lines: BTreeMap<&[u8], (usize, usize)> = keywords.iter().map(Vec::as_slice).zip(laid).collect();
    let mut text = String::from(
        "# Generated: cargo run --release -p oakum-patterns --example grams -- lay\n# keyword = [place of its gram, bucket]\n",
    );
    for (word, (at, bucket)) in lines {
        let _ = writeln!(text, "{:?} = [{at}, {bucket}]", String::from_utf8_lossy(word));
    }
    text
}
