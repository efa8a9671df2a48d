// A library for LD_PRELOAD that shifts a program's wall clock by HA_CLOCK_SHIFT seconds: tests of a clock
// that is off. A path instead of a number is a file with the number, looked at each time: a clock that is
// set. The steady clock and what the file system says stay as they are. Thread safety: any thread.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace {

long number_in(const char* path) {
  std::array<char, 32> text{};
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    static_cast<void>(::read(fd, text.data(), text.size() - 1) < 0);
    ::close(fd);
  }
  return std::strtol(text.data(), nullptr, 10);
}

long shift_seconds() {
  static const char* const text = std::getenv("HA_CLOCK_SHIFT");
  static const bool is_file = text != nullptr && *text == '/';
  static const long seconds = text == nullptr || is_file ? 0 : std::strtol(text, nullptr, 10);
  return is_file ? number_in(text) : seconds;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t id, timespec* out) noexcept {
  using Real = int (*)(clockid_t, timespec*);
  static const auto real = reinterpret_cast<Real>(::dlsym(RTLD_NEXT, "clock_gettime"));
  const int result = real(id, out);
  if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
    out->tv_sec += shift_seconds();
  }
  return result;
}

int gettimeofday(timeval* out, void*) noexcept {
  timespec now{};
  const int result = clock_gettime(CLOCK_REALTIME, &now);
  *out = {now.tv_sec, now.tv_nsec / 1000};
  return result;
}

time_t time(time_t* out) noexcept {
  timespec now{};
  static_cast<void>(clock_gettime(CLOCK_REALTIME, &now));
  if (out != nullptr) {
    *out = now.tv_sec;
  }
  return now.tv_sec;
}

}  // extern "C"
