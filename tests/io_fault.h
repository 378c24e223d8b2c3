//  io_fault: makes the n-th write or sync of a file fail
//  SPDX-License-Identifier: MPL-2.0
//
//  Built as a shared object to be named in LD_PRELOAD, and linked into the unit tests.
//  The environment says what fails; without IO_FAULT_PATH nothing does:
//
//    IO_FAULT_PATH     directory; only calls on files below it count
//    IO_FAULT_CALL     calls that count, by commas: write pwrite writev pwritev
//                      fdatasync fsync msync; all of them when it is not set
//    IO_FAULT_NTH      the first call to fail, from 1; none when it is not set
//    IO_FAULT_ERRNO    EIO (when it is not set), ENOSPC or EINTR; or SHORT: a write takes
//                      the first half of its bytes only, and other calls fail with EIO
//    IO_FAULT_FOREVER  1: all calls after that one fail too
//    IO_FAULT_COUNT    file that holds the number of calls that counted so far
//
//  A call that fails has done nothing; a short one says how much it has.

#ifndef TESTS_IO_FAULT_H
#define TESTS_IO_FAULT_H

//  Reads the environment again and counts from zero. For programs that this is linked
//  into; it is read by itself before the first call.
void io_fault_reset (void);

#endif
