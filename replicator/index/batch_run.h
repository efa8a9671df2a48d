// How a batch runs one statement: IndexBatch's two templates, for its own .cpp files only.
//
// Private to replicator/index.
#pragma once

#include <optional>
#include <utility>

#include "replicator/index/index.h"

namespace ha::replicator {

template <typename... Values>
Status IndexBatch::run(const char* sql, const Values&... values) {
  auto result = number(sql, values...);
  return result.ok() ? ok() : Status(std::move(result).error());
}

template <typename... Values>
Result<std::optional<std::uint64_t>> IndexBatch::number(const char* sql, const Values&... values) {
  auto result = [&]() -> Result<std::optional<std::uint64_t>> {
    HA_TRY(sys::Query query, index_->database_.query(sql));
    (query->bind(values), ...);
    std::optional<std::uint64_t> first;
    for (;;) {
      HA_TRY(const bool row, query->step());
      if (!row) {
        return first;
      }
      if (!first && !query->is_null(0)) {
        first = query->u64(0);
      }
    }
  }();
  spoiled_ = spoiled_ || !result.ok();
  return result;
}

}  // namespace ha::replicator
