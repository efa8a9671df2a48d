// What an exchange between a path and the shelf has to do: the value that is planned, journaled and carried
// out.
//
// Not here: making the plan and doing it (apply/exchange.h). Thread safety: plain values. Errors: Corrupt.
// Source: schemas/placement.proto, docs/placement.md.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "replicator/model/file_meta.h"

namespace ha::replicator {

struct ExchangeStep {
  Bytes key;                      // beneath both roots
  std::uint64_t live_inode = 0;   // 0: there is none
  std::uint64_t shelf_inode = 0;  // likewise
  bool operator==(const ExchangeStep&) const = default;
};

// A directory that exists, or is made, at both sides and whose entries change places.
struct EnteredDirectory {
  Bytes key;
  FileMeta live;
  std::optional<FileMeta> shelf;  // nothing: it is made there, like the live one
  bool operator==(const EnteredDirectory&) const = default;
};

struct ExchangePlan {
  bool to_live = false;                   // the shelved tree is the set's; otherwise the live one is
  std::vector<EnteredDirectory> entered;  // outer ones first
  std::vector<ExchangeStep> steps;
  bool operator==(const ExchangePlan&) const = default;
};

[[nodiscard]] Bytes encode_exchange(const ExchangePlan& plan);
// Corrupt on anything that encode_exchange would not have written, but for keys: who uses one checks it.
[[nodiscard]] Result<ExchangePlan> decode_exchange(BytesView bytes);

}  // namespace ha::replicator
