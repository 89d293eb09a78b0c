//! Real servers and built programs for the tests of what a user notices.

pub mod agents;
pub mod images;
pub mod planted;
pub mod programs;
pub mod servers;
