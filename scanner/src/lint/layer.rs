//! What is wrong with the entries of a layer. A runtime unpacks them in their order: of two of one path the later stands,
//! and a hard link is another name of what stood at the first when it was made. So what is wrong with files as they are in
//! the end is told when the layer has been read.

use std::collections::BTreeMap;

use super::Flaw;
use crate::origin::Origin;

/// How many files that are to be told of are held. Beyond that they are told as they come.
const MOST: usize = 10_000;

/// What is wrong with a layer's entries so far.
#[derive(Debug, Default)]
pub(crate) struct LayerFlaws(BTreeMap<u64, (Vec<Flaw>, Origin)>);

impl LayerFlaws {
    /// Takes what is wrong with an entry, which stands in the place of any before it at its path. `path` is the hash of
    /// that, and `target` the one of the file whose other name it is, if it is a hard link.
    pub(crate) fn put(
        &mut self,
        path: u64,
        target: Option<u64>,
        flaws: impl Iterator<Item = Flaw>,
        origin: &Origin,
        tell: &mut dyn FnMut(Flaw, &Origin),
    ) {
        let (mut last, at_once): (Vec<Flaw>, Vec<Flaw>) = flaws.partition(|flaw| flaw.ends_with_the_file());
        at_once.into_iter().for_each(|flaw| tell(flaw, origin));
        // Some programs write no mode for a second name.
        for flaw in target.and_then(|target| self.0.get(&target)).map_or(&[][..], |(flaws, _)| flaws) {
            if !last.contains(flaw) {
                last.push(*flaw);
            }
        }
        self.0.remove(&path);
        if self.0.len() >= MOST {
            last.into_iter().for_each(|flaw| tell(flaw, origin));
        } else if !last.is_empty() {
            self.0.insert(path, (last, origin.clone()));
        }
    }

    /// Tells what is left when the layer has been read.
    pub(crate) fn finish(self, mut tell: impl FnMut(Flaw, &Origin)) {
        for (flaws, origin) in self.0.into_values() {
            flaws.into_iter().for_each(|flaw| tell(flaw, &origin));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entry_of_a_path_stands() {
        let mut told = Vec::new();
        let mut layer = LayerFlaws::default();
        let mut put = |path: u64, target, flaws: &[Flaw]| {
            let origin = Origin::File(path.to_string().into());
            layer.put(path, target, flaws.iter().copied(), &origin, &mut |flaw, _| told.push(flaw));
        };
        put(1, None, &[Flaw::SetId, Flaw::CredentialFile]);
        put(2, None, &[]);
        // Another name of the one that is replaced then, and of one that nothing is wrong with.
        put(3, Some(1), &[]);
        put(4, Some(2), &[]);
        put(1, None, &[]);
        put(2, None, &[Flaw::Writable]);
        // What can be read in the layer is told whatever comes later.
        assert_eq!(told, [Flaw::CredentialFile]);
        let mut left = Vec::new();
        layer.finish(|flaw, origin| left.push((flaw, origin.describe())));
        assert_eq!(left, [(Flaw::Writable, "2".to_owned()), (Flaw::SetId, "3".to_owned())]);
    }

    #[test]
    fn what_is_too_much_to_hold_is_told_at_once() {
        let mut layer = LayerFlaws::default();
        let mut told = 0;
        for path in 0..MOST as u64 + 5 {
            layer.put(path, None, [Flaw::SetId].into_iter(), &Origin::Stdin, &mut |_, _| told += 1);
        }
        assert_eq!(told, 5);
    }
}
