//! The memory of a runtime: bounded, and with room beyond the bound for what is small. QuickJS cannot always go on when
//! it is refused a few bytes, so it never is: whoever passes the bound is interrupted soon after.

use std::cell::Cell;
use std::rc::Rc;

use rquickjs::allocator::{Allocator, RustAllocator};

/// Blocks up to this size are given beyond the bound; QuickJS asks for its small ones by the page.
const SMALL: usize = 8 << 10;

/// The memory of one runtime.
pub struct Memory {
    used: usize,
    bound: usize,
    passed: Rc<Cell<bool>>,
}

impl Memory {
    /// At most about so many bytes; `passed` says when they were not enough.
    pub fn new(bound: usize, passed: Rc<Cell<bool>>) -> Self {
        Self { used: 0, bound, passed }
    }

    /// Whether `more` bytes may be had for a block that will have `size`.
    fn may(&self, more: usize, size: usize) -> bool {
        let after = self.used.saturating_add(more);
        if after <= self.bound {
            return true;
        }
        self.passed.set(true);
        size <= SMALL && after <= self.bound * 2
    }

    /// Counts a new block.
    fn counted(&mut self, block: *mut u8) -> *mut u8 {
        if block.is_null() {
            self.passed.set(true);
        } else {
            // SAFETY: just made by `RustAllocator`.
            self.used += unsafe { RustAllocator::usable_size(block) };
        }
        block
    }
}

// SAFETY: all blocks come from `RustAllocator`, which keeps the contract; this one only counts and refuses.
unsafe impl Allocator for Memory {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        let block = if self.may(size, size) { RustAllocator.alloc(size) } else { std::ptr::null_mut() };
        self.counted(block)
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let total = count.saturating_mul(size);
        let block = if self.may(total, total) { RustAllocator.calloc(count, size) } else { std::ptr::null_mut() };
        self.counted(block)
    }

    unsafe fn dealloc(&mut self, block: *mut u8) {
        // SAFETY: the caller hands over a block of this allocator, that is of `RustAllocator`.
        unsafe {
            self.used -= RustAllocator::usable_size(block);
            RustAllocator.dealloc(block);
        }
    }

    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller hands over a block of this allocator; it stays as it is when there is no new one.
        unsafe {
            let before = RustAllocator::usable_size(block);
            if size > before && !self.may(size - before, size) {
                return std::ptr::null_mut();
            }
            let block = RustAllocator.realloc(block, size);
            if !block.is_null() {
                self.used -= before;
            }
            self.counted(block)
        }
    }

    unsafe fn usable_size(block: *mut u8) -> usize {
        // SAFETY: as in `dealloc`.
        unsafe { RustAllocator::usable_size(block) }
    }
}
