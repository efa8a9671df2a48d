// The primaries of all zones that are configured, each with its key. Keys are read when they are first
// needed.
//
// Thread safety: one thread. Not movable: primaries hold on to their keys.
#pragma once

#include <map>
#include <memory>

#include "common/base/result.h"
#include "dnsupdater/config.h"
#include "dnsupdater/primary.h"

namespace ha::dns {

class Zones {
 public:
  // `config` must outlive it. `by_their_clocks`: PrimaryOptions.
  explicit Zones(const DnsConfig& config, int cancel_fd = -1, bool by_their_clocks = false)
      : config_(config), cancel_fd_(cancel_fd), by_their_clocks_(by_their_clocks) {}
  Zones(const Zones&) = delete;
  Zones& operator=(const Zones&) = delete;

  // NotFound for a zone that is not configured; errors of load_key().
  [[nodiscard]] Result<Primary*> primary(const Name& zone);

 private:
  struct Open {
    TsigKey key;
    std::unique_ptr<Primary> primary;
  };
  const DnsConfig& config_;
  int cancel_fd_;
  bool by_their_clocks_;
  std::map<Name, std::unique_ptr<Open>> open_;
};

}  // namespace ha::dns
