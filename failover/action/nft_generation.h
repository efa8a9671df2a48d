// The number of nftables' rule set in this network namespace: every change of anything in it makes a new one.
//
// Asking is one short message each way, where listing a table is many. It says that something has changed,
// not what. Elements that expire change nothing. Thread safety: one thread. Needs CAP_NET_ADMIN. Source:
// Linux, uapi linux/netfilter/nf_tables.h, NFT_MSG_GETGEN.
#pragma once

#include <cstdint>
#include <optional>

#include "common/sys/file.h"

namespace ha::failover {

class NftGeneration {
 public:
  // Without a socket every reading is empty.
  [[nodiscard]] static NftGeneration open();

  // Empty: it could not be asked.
  [[nodiscard]] std::optional<std::uint32_t> read();

 private:
  explicit NftGeneration(sys::FileHandle socket) : socket_(std::move(socket)) {}

  sys::FileHandle socket_;
};

}  // namespace ha::failover
