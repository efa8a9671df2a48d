#include "common/base/result.h"

#include <cerrno>
#include <cstring>

namespace ha {
namespace {

Code code_of_errno(int error_number) {
  switch (error_number) {
    case ENOENT:
      return Code::NotFound;
    case EEXIST:
    case ENOTEMPTY:
      return Code::Exists;
    case EPERM:
    case EACCES:
    case EROFS:
      return Code::Denied;
    case ENOSPC:
    case EDQUOT:
      return Code::NoSpace;
    case EAGAIN:
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return Code::Unavailable;
    case ETIMEDOUT:
      return Code::TimedOut;
    case ENAMETOOLONG:
    case EINVAL:
      return Code::Invalid;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return Code::Exhausted;
    case ENOSYS:
    case EOPNOTSUPP:
      return Code::Unsupported;
    default:
      return Code::Io;
  }
}

}  // namespace

Error errno_error(std::string_view what, int error_number) {
  char text[128];
  // The GNU strerror_r returns the text, which need not be in the buffer.
  return Error(code_of_errno(error_number),
               std::string(what) + ": " + ::strerror_r(error_number, text, sizeof text));
}

void assertion_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace ha
