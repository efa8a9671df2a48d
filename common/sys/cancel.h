// A descriptor that becomes readable when everything that waits with it shall give up.
//
// For the cancel_fd of blocking calls; once said, it stays said. Thread safety: from any thread.
// Source: eventfd(2).
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "common/sys/file.h"

namespace ha::sys {

class Cancel {
 public:
  Cancel() : handle_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd") {}
  [[nodiscard]] int fd() const noexcept { return handle_.fd(); }
  void now() const noexcept {
    const std::uint64_t one = 1;
    if (::write(handle_.fd(), &one, sizeof one) < 0) {
      return;  // it was said before
    }
  }

 private:
  FileHandle handle_;
};

}  // namespace ha::sys
