// The two ends of the path: network namespaces, TUN devices, addresses, routes.
//
// Joined is one end that is ready for packets: a TUN device inside a network namespace, with its address, up,
// and a route to the other end. Closing the descriptor removes the device; made namespaces go with
// ~Namespace.
//
// The iproute2 command `ip` does what is not an ioctl of the TUN device, so that a failure reads like its
// own. Thread safety: attach() moves the calling thread into the namespace and back; call it before there are
// others.
#pragma once

#include <string>

#include "common/base/result.h"
#include "tools/wanem_options.h"

namespace ha::wanem {

// A network namespace by its name under /run/netns; removes it at the end if it made it.
class Namespace {
 public:
  // Errors: NotFound when it is missing and `make` is false, Exists when it is there and `make` is true.
  [[nodiscard]] static Result<Namespace> open(const std::string& name, bool make);
  Namespace(Namespace&& other) noexcept;
  Namespace& operator=(Namespace&&) = delete;
  ~Namespace();

 private:
  Namespace(std::string name, bool made) : name_(std::move(name)), made_(made) {}
  std::string name_;
  bool made_;
};

class Tun {
 public:
  explicit Tun(int descriptor) : descriptor_(descriptor) {}
  Tun(Tun&& other) noexcept;
  Tun& operator=(Tun&&) = delete;
  ~Tun();
  // Non-blocking; a read is one IP packet, a write delivers one.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

// Makes the device of `end`, with a route to `peer`. Errors: Denied, NotFound (no /dev/net/tun), Io.
[[nodiscard]] Result<Tun> attach(const End& end, const End& peer, const Options& options);

// Denied unless this process may do all that; says what is missing.
[[nodiscard]] Status check_rights();

}  // namespace ha::wanem
