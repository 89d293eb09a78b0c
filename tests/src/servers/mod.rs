//! The servers, each started on loopback for one test.

pub mod vault;
