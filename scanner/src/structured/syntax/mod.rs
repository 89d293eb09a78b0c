//! Readers of the syntaxes that structured files are written in. Each goes through a text once, gives what it could read
//! of it, and never fails: what it cannot read is left to plain reading. None recurses deeper or reads more values than
//! [`super::value`] says.

mod hcl;
mod ini;
mod json;
mod toml;
mod xml;
mod yaml;

pub(crate) use hcl::hcl;
pub(crate) use ini::{Dialect, ini};
pub(crate) use json::json;
pub(crate) use toml::toml;
pub(crate) use xml::{Element, unescaped, xml};
pub(crate) use yaml::yaml;
