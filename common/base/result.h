// Result<T>: a value or an Error. What can fail in this project returns one; nothing throws.
//
// Not a general std::expected: no monadic calls, because HA_TRY and HA_CHECK read better at our call sites.
// Thread safety: a plain value. Rules: CONTRIBUTING.md, "Errors".
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace ha {

// What a caller may switch on. Never switch on text.
enum class Code {
  Invalid,      // input that can never be right: configuration, argument, name
  NotFound,     // the named thing does not exist
  Exists,       // the named thing exists already
  Denied,       // rights are missing (EPERM, EACCES), or a key was refused
  Refused,      // a safety rule said no; hint names the command that overrides it
  Unavailable,  // the other end cannot be reached now; retry with backoff
  TimedOut,     // no answer within the limit; retry with backoff
  Conflict,     // somebody else changed it in between; read again
  Corrupt,      // bytes that do not parse or do not match their digest; quarantine the stream
  Exhausted,    // a named limit was reached
  NoSpace,      // disk, quota or inodes are used up; it may come back
  Io,           // any other error of the operating system
  Unsupported,  // this system, file system or peer cannot do it
  Cancelled,    // we were asked to stop
  Internal,     // our own bug, seen early enough to report
  Held,         // a guard stops it until it is released or its reason goes away: docs/guards.md
  HeldByHand,   // somebody has stopped it at the site that says so; it is released there
};

// As it comes in messages and on the control socket; none: no code has this number.
[[nodiscard]] constexpr std::optional<Code> code_of(std::uint64_t number) noexcept {
  return number <= static_cast<std::uint64_t>(Code::HeldByHand) ? std::optional(static_cast<Code>(number))
                                                                : std::nullopt;
}

[[nodiscard]] constexpr std::string_view code_name(Code code) noexcept {
  switch (code) {
    case Code::Invalid:
      return "invalid";
    case Code::NotFound:
      return "not found";
    case Code::Exists:
      return "exists";
    case Code::Denied:
      return "denied";
    case Code::Refused:
      return "refused";
    case Code::Unavailable:
      return "unavailable";
    case Code::TimedOut:
      return "timed out";
    case Code::Conflict:
      return "conflict";
    case Code::Corrupt:
      return "corrupt";
    case Code::Exhausted:
      return "limit reached";
    case Code::NoSpace:
      return "no space";
    case Code::Io:
      return "i/o error";
    case Code::Unsupported:
      return "unsupported";
    case Code::Cancelled:
      return "cancelled";
    case Code::Internal:
      return "internal error";
    case Code::Held:
      return "held";
    case Code::HeldByHand:
      return "held by hand";
  }
  return "unknown";
}

class [[nodiscard]] Error {
 public:
  Error(Code code, std::string what, std::string hint = {})
      : code_(code), what_(std::move(what)), hint_(std::move(hint)) {}

  [[nodiscard]] Code code() const noexcept { return code_; }
  // The sentence, outermost context first: "peer fra1: set etc: cannot open \"a\": Permission denied".
  [[nodiscard]] const std::string& what() const noexcept { return what_; }
  // What the operator should type or change next; may be empty.
  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }

  // Puts context in front: the place that only the caller knows.
  [[nodiscard]] Error in(std::string_view context) && {
    what_ = std::string(context) + ": " + what_;
    return std::move(*this);
  }
  [[nodiscard]] Error hinted(std::string hint) && {
    hint_ = std::move(hint);
    return std::move(*this);
  }

 private:
  Code code_;
  std::string what_;
  std::string hint_;
};

// The error of the last system call: maps errno to a Code and appends strerror. `what` says what was tried.
[[nodiscard]] Error errno_error(std::string_view what, int error_number);

struct Unit {};

template <typename T = Unit>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design

  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  // Calling value() on an error, or error() on a value, is our own bug and aborts.
  [[nodiscard]] T& value() & { return *std::get_if<0>(&checked(0)); }
  [[nodiscard]] const T& value() const& { return *std::get_if<0>(&checked(0)); }
  [[nodiscard]] T&& value() && { return std::move(*std::get_if<0>(&checked(0))); }
  [[nodiscard]] Error& error() & { return *std::get_if<1>(&checked(1)); }
  [[nodiscard]] const Error& error() const& { return *std::get_if<1>(&checked(1)); }
  [[nodiscard]] Error&& error() && { return std::move(*std::get_if<1>(&checked(1))); }

  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }

 private:
  using State = std::variant<T, Error>;
  State& checked(std::size_t index) {
    require(index);
    return state_;
  }
  const State& checked(std::size_t index) const {
    require(index);
    return state_;
  }
  void require(std::size_t index) const {
    if (state_.index() != index) {
      std::fputs(index == 0 ? "value() of a Result that holds an error\n"
                            : "error() of a Result that holds a value\n",
                 stderr);
      if (const auto* error = std::get_if<1>(&state_)) {
        std::fprintf(stderr, "%s\n", error->what().c_str());
      }
      std::abort();
    }
  }
  State state_;
};

using Status = Result<Unit>;
[[nodiscard]] inline Status ok() {
  return Unit{};
}

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace ha

#define HA_CONCAT_INNER(a, b) a##b
#define HA_CONCAT(a, b) HA_CONCAT_INNER(a, b)

// HA_TRY(auto x, f()): x is f's value, or this function returns f's error.
#define HA_TRY(declaration, expression) HA_TRY_INNER(HA_CONCAT(ha_result_, __LINE__), declaration, expression)
#define HA_TRY_INNER(result, declaration, expression) \
  auto result = (expression);                         \
  if (!result.ok()) {                                 \
    return std::move(result).error();                 \
  }                                                   \
  declaration = std::move(result).value()

// HA_CHECK(f()): returns f's error, if any.
#define HA_CHECK(expression)                              \
  do {                                                    \
    if (auto ha_status = (expression); !ha_status.ok()) { \
      return std::move(ha_status).error();                \
    }                                                     \
  } while (false)

// For our own bugs only, in every build; never for input from disk, network, configuration or peers.
#define HA_ASSERT(expression) \
  ((expression) ? static_cast<void>(0) : ::ha::assertion_failed(#expression, __FILE__, __LINE__))
