//! Real servers and built binaries for the tests of what a user notices.
