//! The program `oakum`: what was typed goes to [`oakum::cmd`], and an error is printed once, here.

use std::process::ExitCode;

fn main() -> ExitCode {
    oakum::cmd::main(std::env::args_os())
}
