//! Real servers and built programs for the tests of what a user notices.

pub mod agent;
pub mod clocks;
pub mod images;
pub mod planted;
pub mod process;
pub mod programs;
pub mod servers;
