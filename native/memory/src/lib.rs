//! Large blocks on huge pages, and hints about what is needed next.
//!
//! A million bars are 40 MB, and a fresh 4 KiB page costs up to two microseconds: more than simulating the forty bars that fit into it. A
//! hundred thousand resting orders are 6 MB in random order: more pages than a processor remembers the addresses of. So blocks of several
//! megabytes ask the kernel for 2 MiB pages, as NumPy's allocator does for its arrays. It is a request: where the kernel declines, nothing
//! changes but the time.

use std::alloc::{GlobalAlloc, Layout, System};

/// Ask the processor to bring what lies at an address nearer. It is a hint: any address will do, and nothing changes but the time.
#[inline(always)]
#[allow(clippy::inline_always, unsafe_code)]
pub fn prefetch<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and faults nowhere.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(place.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Smallest block that asks; below it the waste would outweigh the gain.
const LARGE: usize = 4 << 20;

/// The system's allocator with that request added. A library for other hosts names it with `#[global_allocator]`.
#[derive(Clone, Copy, Debug)]
pub struct HugePages;

/// Ask for huge pages behind `[start, start + size)`, as far as whole pages go.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn advise(start: *mut u8, size: usize) {
    const PAGE: usize = 4096;
    let skipped = start.align_offset(PAGE);
    if start.is_null() || size < skipped + PAGE {
        return;
    }
    // SAFETY: the range lies inside a live block, starts on a page, and advice changes no content.
    unsafe {
        libc::madvise(start.add(skipped).cast(), (size - skipped) & !(PAGE - 1), libc::MADV_HUGEPAGE);
    }
}

#[cfg(not(target_os = "linux"))]
fn advise(_: *mut u8, _: usize) {}

// SAFETY: every block comes from and goes back to the system's allocator unchanged; only advice about its pages is added.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for HugePages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = unsafe { System.alloc(layout) };
        if layout.size() >= LARGE {
            advise(block, layout.size());
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let block = unsafe { System.alloc_zeroed(layout) };
        if layout.size() >= LARGE {
            advise(block, layout.size());
        }
        block
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let block = unsafe { System.realloc(block, layout, size) };
        if size >= LARGE {
            advise(block, size);
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) };
    }
}
