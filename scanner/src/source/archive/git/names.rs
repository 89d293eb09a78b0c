//! Where blobs were, as the trees of the same pack tell, whichever of them comes first.

use std::collections::HashMap;

use super::object::{Hash, Id};

/// The folder at the top.
const ROOT: u32 = 0;
/// Of a folder of which it is not known where it is.
const NOWHERE: u32 = u32::MAX;
/// How deep folders are followed: what somebody made may have itself in it.
const MOST_DEPTH: usize = 256;
/// What a folder or file costs in memory besides its name, and an object that has one.
const NODE: usize = 64;
const OBJECT: usize = 24;

/// A file or folder, in another.
#[derive(Clone, Copy)]
struct Node {
    within: u32,
    /// Where in the text of all names its own is.
    name: (u32, u32),
}

/// Names of objects, within so many bytes of memory. Beyond it no more are learnt.
pub(super) struct Names {
    nodes: Vec<Node>,
    /// All names, one behind another.
    text: Vec<u8>,
    /// Nodes by the hash of their name and the folder that they are in.
    by_name: HashMap<u64, u32>,
    /// By the beginning of an object's name: two that share it are called the same, and nothing else comes of it.
    objects: HashMap<u64, u32>,
    used: usize,
    most: usize,
}

impl Names {
    pub(super) fn new(most: usize) -> Self {
        let nodes = vec![Node { within: ROOT, name: (0, 0) }];
        Self { nodes, text: Vec::new(), by_name: HashMap::new(), objects: HashMap::new(), used: 0, most }
    }

    /// Forgets all, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.nodes.truncate(1);
        self.text.clear();
        self.by_name.clear();
        self.objects.clear();
        self.used = 0;
    }

    /// Takes all that others know, when nothing is known here.
    pub(super) fn adopt(&mut self, others: &Self) {
        self.nodes.clone_from(&others.nodes);
        self.text.clone_from(&others.text);
        self.by_name.extend(&others.by_name);
        self.objects.extend(&others.objects);
        self.used = others.used;
    }

    fn name(&self, node: Node) -> &[u8] {
        let (from, to) = node.name;
        self.text.get(from as usize..to as usize).unwrap_or_default()
    }

    /// Writes a name behind the others. None if there are too many.
    fn write(&mut self, name: &[u8]) -> Option<(u32, u32)> {
        let from = u32::try_from(self.text.len()).ok()?;
        let to = u32::try_from(self.text.len() + name.len()).ok()?;
        self.text.extend_from_slice(name);
        Some((from, to))
    }

    /// How much memory they take at most when this tree is known.
    pub(super) fn most_after(&self, tree: &[u8]) -> usize {
        // An entry has 23 bytes at least, and most of them are those of what it is called.
        self.used + tree.len() * 4
    }

    /// Learns from a commit which tree is at the top.
    pub(super) fn commit(&mut self, text: &[u8], hash: Hash) {
        if let Some(id) = text.strip_prefix(b"tree ").and_then(|text| Id::of_hex(text, hash)) {
            match self.objects.get(&id.short()) {
                Some(&node) => self.put(node, ROOT, b""),
                None => self.learn(id, ROOT),
            }
        }
    }

    /// Learns from a tree what is in it.
    pub(super) fn tree(&mut self, id: Id, mut content: &[u8], hash: Hash) {
        let folder = match self.objects.get(&id.short()) {
            Some(&folder) => folder,
            None => {
                let Some(folder) = self.add(NOWHERE, b"") else { return };
                self.learn(id, folder);
                folder
            }
        };
        // Each: a mode, a space, a name, a zero, and what it is called.
        while let Some(space) = memchr::memchr(b' ', content) {
            let Some(length) = memchr::memchr(0, &content[space + 1..]) else { return };
            let (mode, name) = (&content[..space], &content[space + 1..space + 1 + length]);
            let Some((id, rest)) = content[space + length + 2..].split_at_checked(hash.length()) else { return };
            content = rest;
            // Another repository's commit is not here.
            if mode == b"160000" {
                continue;
            }
            let id = Id::of(id);
            match self.objects.get(&id.short()) {
                Some(&node) => self.put(node, folder, name),
                None => {
                    let Some(node) = self.add(folder, name) else { return };
                    self.learn(id, node);
                }
            }
        }
    }

    /// The path of an object, where it is known.
    pub(super) fn path(&self, id: &Id) -> Option<String> {
        let mut node = *self.objects.get(&id.short())?;
        let mut parts = Vec::new();
        while node != ROOT && parts.len() < MOST_DEPTH {
            let Some(one) = self.nodes.get(usize::try_from(node).ok()?) else { break };
            parts.push(self.name(*one));
            node = one.within;
        }
        parts.reverse();
        Some(crate::source::image::entries::normal(&parts.join(&b'/'))).filter(|path| !path.is_empty())
    }

    /// Says where a folder is, if that was not known.
    fn put(&mut self, node: u32, within: u32, name: &[u8]) {
        if let Ok(at) = usize::try_from(node)
            && self.nodes.get(at).is_some_and(|node| node.within == NOWHERE)
            && self.used + name.len() <= self.most
            && let Some(written) = self.write(name)
        {
            self.used += name.len();
            self.nodes[at] = Node { within, name: written };
        }
    }

    fn learn(&mut self, id: Id, node: u32) {
        if self.used + OBJECT <= self.most {
            self.used += OBJECT;
            self.objects.insert(id.short(), node);
        }
    }

    /// The node of a file or folder: the same one for all its versions.
    fn add(&mut self, within: u32, name: &[u8]) -> Option<u32> {
        let key = xxhash_rust::xxh3::xxh3_64_with_seed(name, u64::from(within));
        if within != NOWHERE
            && let Some(&known) = self.by_name.get(&key)
            && let Some(node) = self.nodes.get(usize::try_from(known).ok()?)
            && node.within == within
            && self.name(*node) == name
        {
            return Some(known);
        }
        let node = u32::try_from(self.nodes.len()).ok().filter(|node| *node != NOWHERE)?;
        if self.used + NODE + name.len() > self.most {
            return None;
        }
        let name = self.write(name)?;
        self.used += NODE + (name.1 - name.0) as usize;
        self.nodes.push(Node { within, name });
        if within != NOWHERE {
            self.by_name.insert(key, node);
        }
        Some(node)
    }
}
