//! Clocks of a program's own, which a test sets while the program runs.
//!
//! A library is loaded before the program begins, and puts another function in the place of the kernel's `clock_gettime` in
//! the vDSO: every clock that the program reads comes from there, whichever library asks. The program has to be linked
//! dynamically. How long anything sleeps, and what time it is for everybody else, stays as it is.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::programs::tool;

const LIBRARY: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef __x86_64__
#error "what jumps to another function is written for x86-64"
#endif

/* Seconds that are added to each clock, and whether the program reads these clocks. */
static volatile long *added;

static long read_clock(clockid_t clock, struct timespec *now) {
    /* Not by libc, which would ask the vDSO. */
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(SYS_clock_gettime), "D"((long)clock), "S"(now) : "rcx", "r11", "memory");
    if (result == 0) {
        now->tv_sec += clock == CLOCK_REALTIME ? added[0] : clock == CLOCK_MONOTONIC ? added[1] : clock == CLOCK_BOOTTIME ? added[2] : 0;
    }
    return result;
}

__attribute__((constructor)) static void take_over(void) {
    int file = open(getenv("OAKUM_TEST_CLOCKS"), O_RDWR);
    added = mmap(NULL, 4 * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    void *clock = dlsym(dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD), "__vdso_clock_gettime");
    if (added == MAP_FAILED || clock == NULL) abort();
    close(file);
    /* mov rax, read_clock; jmp rax */
    unsigned char jump[12] = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0};
    void *to = read_clock;
    memcpy(jump + 2, &to, sizeof to);
    char *page = (char *)((unsigned long)clock & ~4095UL);
    if (mprotect(page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC) != 0 && mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) abort();
    memcpy(clock, jump, sizeof jump);
    if (mprotect(page, 8192, PROT_READ | PROT_EXEC) != 0 && mprotect(page, 4096, PROT_READ | PROT_EXEC) != 0) abort();
    added[3] = 1;
}
"#;

/// The clocks of the programs that were given them.
#[derive(Debug)]
pub struct Clocks {
    /// Seconds that are added to the wall clock, to the monotonic one, and to the one that counts while a machine sleeps; and
    /// whether the program reads them.
    file: File,
}

impl Clocks {
    /// Gives a program clocks, which show what everybody's show. `folder` holds what belongs to them.
    ///
    /// # Panics
    /// If the library cannot be built.
    pub fn of(program: &mut Command, folder: &Path) -> Self {
        let (source, library, seconds) = (folder.join("clocks.c"), folder.join("clocks.so"), folder.join("clocks"));
        std::fs::write(&source, LIBRARY).expect("the folder is ours");
        tool(Command::new("cc").args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&library).arg(&source));
        std::fs::write(&seconds, [0; 32]).expect("the folder is ours");
        program.env("LD_PRELOAD", library).env("OAKUM_TEST_CLOCKS", &seconds);
        Self { file: OpenOptions::new().read(true).write(true).open(seconds).expect("it was just written") }
    }

    /// Whether the program reads them: one that loads no libraries does not.
    ///
    /// # Panics
    /// If their file is gone.
    #[must_use]
    pub fn are_taken(&self) -> bool {
        let mut taken = [0; 8];
        self.file.read_exact_at(&mut taken, 24).expect("the folder is ours");
        taken != [0; 8]
    }

    /// Sets the wall clock off by a number of seconds.
    pub fn set_wall(&self, seconds: i64) {
        self.set(0, seconds);
    }

    /// Lets an hour or so pass for a process that is stopped.
    pub fn pass(&self, time: Duration) {
        (0..3).for_each(|clock| self.set(clock, seconds(time)));
    }

    /// Lets as much pass while the machine sleeps: the monotonic clock stands still then.
    pub fn sleep(&self, time: Duration) {
        [0, 2].into_iter().for_each(|clock| self.set(clock, seconds(time)));
    }

    fn set(&self, clock: u64, seconds: i64) {
        self.file.write_all_at(&seconds.to_ne_bytes(), clock * 8).expect("the folder is ours");
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).expect("a test is not that long")
}
