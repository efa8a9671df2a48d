// Rdata as people write it in zone files: its parts, and whether two texts say the same.
//
// Not a parser of rdata: ldns is (message.h). This is what we hold against it, since it takes numbers that do
// not fit, and quotes without an end. Thread safety: pure functions. Source: RFC 1035, section 5.1.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::dns {

// Every byte that is not printable ASCII as \DDD: as it may stand in a quoted string of a zone file.
[[nodiscard]] std::string zone_escape(BytesView text);

struct ZoneWord {
  std::string text;  // without the quotes, escapes as they are
  bool quoted = false;
};
// Invalid for quotes without an end, control characters, and what belongs to zone files but not to rdata:
// comments, parentheses, "@".
[[nodiscard]] Result<std::vector<ZoneWord>> zone_words(std::string_view text);

// The bytes of rdata that is written as unknown data, "\# 3 616263" (RFC 3597, section 5); none if it is not
// written so. Invalid if the length or the hexadecimal digits are wrong.
[[nodiscard]] Result<std::optional<Bytes>> generic_rdata(const std::vector<ZoneWord>& words);

// Whether the number of words and all whole numbers (signs included) are the same in both.
[[nodiscard]] bool same_numbers(const std::vector<ZoneWord>& a, const std::vector<ZoneWord>& b);

}  // namespace ha::dns
