//! `oakum generate`: what is made from the declarations of the command line.

use std::{fs, io};

use anyhow::Context as _;
use clap::CommandFactory as _;

use super::args::{Args, GenerateArgs, GenerateCommand};
use super::exit;

pub(super) fn run(args: &GenerateArgs) -> anyhow::Result<u8> {
    match &args.command {
        GenerateCommand::Completions { shell } => {
            clap_complete::generate(*shell, &mut Args::command(), "oakum", &mut io::stdout().lock());
        }
        GenerateCommand::Man { folder } => {
            let about = || format!("cannot write man pages to {}", folder.display());
            fs::create_dir_all(folder).with_context(about)?;
            clap_mangen::generate_to(Args::command(), folder).with_context(about)?;
        }
    }
    Ok(exit::CLEAN)
}
