// Which file an index is: the schema with its marks, and the numbers its columns hold.
//
// Private to replicator/index. Thread safety: constants and plain functions. Source: schemas/index.sql.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/sys/sqlite.h"
#include "replicator/index/schema.h"

namespace ha::replicator {

inline constexpr std::int32_t kSchemaApplication = 0x48414978;  // "HAIx"
inline constexpr std::int32_t kSchemaVersion = 4;
inline constexpr int kIndexCacheKib = 2048;

// positions.side
inline constexpr int kSideAcknowledged = 0;
inline constexpr int kSideApplied = 1;

// A key for a message: escaped, and cut when it is long.
[[nodiscard]] inline std::string shown(BytesView key) {
  constexpr std::size_t kShownBytesMax = 200;
  return key.size() <= kShownBytesMax ? escape(key) : escape(key.substr(0, kShownBytesMax)) + "...";
}

// Random, never 0.
[[nodiscard]] Result<std::uint64_t> random_index_id();

[[nodiscard]] inline sys::Schema index_schema() {
  return {"index", kSchemaApplication, kSchemaVersion, kIndexSchemaSql};
}

}  // namespace ha::replicator
