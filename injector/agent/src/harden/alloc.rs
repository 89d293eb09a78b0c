//! A global allocator that clears what it frees.
//!
//! Values pass through buffers that we do not own: those of TLS, HTTP and JSON, strings that grow, an environment that is
//! put together. Wiping here covers them all and leaves nothing to remember. It costs one pass over each freed block,
//! which is little in a program that allocates little.
//!
//! It cannot cover stacks, registers, and what the C library allocates for itself (name resolution); the tests search the
//! memory of a running agent for what may be left.

use std::alloc::{GlobalAlloc, Layout, System};

/// The system's allocator, with every block cleared before it is given back.
#[derive(Debug)]
pub(crate) struct Wiping;

/// Clears a block so that no compiler can leave it out.
///
/// # Safety
/// `block` must be valid for writes of `size` bytes.
unsafe fn wipe(block: *mut u8, size: usize) {
    // SAFETY: the caller vouches for `size` writable bytes; any byte may be zero, since nobody reads them again.
    unsafe { block.write_bytes(0, size) };
    // SAFETY: the assembly is empty. It takes the pointer and may, as far as the compiler knows, read the memory behind
    // it, so the zeros must have been written before.
    unsafe { std::arch::asm!("/* {0} */", in(reg) block, options(nostack, preserves_flags)) };
}

// SAFETY: every call goes to `System`, which keeps the contract of `GlobalAlloc`, with the pointer and layout that we
// were given. Blocks are only written to in `dealloc` and `realloc`, where the caller has given them up.
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`, which is that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block was allocated with this layout and is given up by the caller, so its bytes are ours.
        unsafe { wipe(block, layout.size()) };
        // SAFETY: as above; it came from `System`, as every block of ours.
        unsafe { System.dealloc(block, layout) }
    }

    /// Never grows in the system's way, which may move a block and leave the old bytes behind.
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller vouches that `new_size`, rounded up to the alignment, is not over `isize::MAX`, and the
        // alignment is that of a valid layout.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: `new_size` is not zero, as the contract of `realloc` says.
        let new_block = unsafe { System.alloc(new_layout) };
        if new_block.is_null() {
            // The old block stays as it is, and stays the caller's.
            return new_block;
        }
        // SAFETY: both blocks are valid for the smaller of their sizes, and they are different allocations.
        unsafe { std::ptr::copy_nonoverlapping(block, new_block, layout.size().min(new_size)) };
        // SAFETY: the old block was allocated with `layout`, and the caller gives it up now that there is a new one.
        unsafe { self.dealloc(block, layout) };
        new_block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a freed block holds cannot be looked at without undefined behaviour, so `wipe` is tried on a live one; that
    /// `dealloc` calls it, and that nothing remains in a whole process, is shown by the search of `/proc/PID/mem` in
    /// `tests/`.
    #[test]
    fn wipe_clears_every_byte_and_no_other() {
        let mut block = [7u8; 300];
        // SAFETY: the array has 300 bytes, of which those from 10 to 290 are given.
        unsafe { wipe(block.as_mut_ptr().add(10), 280) };
        assert!(block[10..290].iter().all(|byte| *byte == 0));
        assert!(block[..10].iter().chain(&block[290..]).all(|byte| *byte == 7));
    }

    /// The safe twin: a vector that grows and shrinks holds what was put into it.
    #[test]
    fn what_is_reallocated_keeps_its_bytes() {
        for align in [1usize, 8, 64] {
            let layout = Layout::from_size_align(100, align).unwrap();
            // SAFETY: the layout has a size, and each block is used within it and freed once with its own layout.
            unsafe {
                let block = Wiping.alloc(layout);
                for at in 0..100 {
                    block.add(at).write(u8::try_from(at).unwrap());
                }
                let grown = Wiping.realloc(block, layout, 1000);
                assert!((0..100).all(|at| usize::from(grown.add(at).read()) == at));
                let layout = Layout::from_size_align(1000, align).unwrap();
                let shrunk = Wiping.realloc(grown, layout, 10);
                assert!((0..10).all(|at| usize::from(shrunk.add(at).read()) == at));
                Wiping.dealloc(shrunk, Layout::from_size_align(10, align).unwrap());
            }
        }
    }
}
