//! Finds credentials in source trees and container images.
//!
//! A [`source::Source`] walks what it was pointed at and hands every content, with its [`Origin`], to a
//! [`source::Sink`]. The sink is a [`scan::Scan`]: it reads each content once, in windows, lets the engine of
//! `oakum-patterns` look at them, and turns a match into a [`Finding`], which holds no secret: **after that the bytes
//! are out of reach.** A [`report::Reporter`] writes the findings down.
//!
//! ```
//! use oakum::{fingerprint::Key, scan::{Options, Scan}, source::{Files, Limits, Source}};
//! use oakum_patterns::{Engine, Rule};
//!
//! let folder = tempfile::tempdir().unwrap();
//! std::fs::write(folder.path().join("app.env"), format!("DB_PASSWORD={}\n", "Walnut!942")).unwrap();
//!
//! let engine = Engine::new(Rule::builtin().to_vec()).unwrap();
//! let scan = Scan::new(&engine, Key::constant(), Options::default());
//! Files::new(folder.path()).walk(&Limits::default(), &scan).unwrap();
//! let outcome = scan.finish();
//! assert_eq!(outcome.findings.len(), 1);
//! assert!(outcome.summary.complete());
//! ```

pub mod cache;
pub mod cmd;
mod decode;
pub mod finding;
pub mod fingerprint;
pub mod lint;
pub mod origin;
pub mod report;
pub mod scan;
pub mod source;
mod structured;
mod wide;
mod window;

pub use finding::Finding;
pub use origin::Origin;
