//! What git keeps of a project's history: loose objects, a zlib stream each, and packs of many, most of them as changes
//! of others. Blobs are files as they once were, and commits and tags are texts that people wrote; trees are folders, and
//! tell only where a blob was. Formats: gitformat-pack(5).

mod blocks;
mod delta;
mod kept;
mod loose;
mod made;
mod names;
mod object;
mod pack;
mod room;

pub(super) use loose::{begins as begins_object, walk as object};
pub(super) use pack::walk as pack;
pub(super) use room::Room;

#[cfg(test)]
mod tests;
