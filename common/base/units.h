// Numbers with units, as people write them in configuration and read them in tables.
//
// Written: "150ms" "30s" "5m" "2h" "30d"; "16MB" (10^6) "64KiB" (2^10); "20MB/s"; "10%". A bare number is
// always an error, with the spelling that was probably meant in the hint. Shown: ages "41 s", "2 h 10 m";
// sizes "1.2 MB". Not a general unit library. Thread safety: pure functions.
// Errors of every parse_*: Invalid, with what is allowed in the hint.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace ha {

// ms s m h d, one whole or decimal number and one unit; not negative; at most 36500 days.
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);
// Bytes: B kB MB GB TB (powers of 1000) and KiB MiB GiB TiB; at most 2^63-1.
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);
// Bytes per second: a size and "/s".
[[nodiscard]] Result<std::uint64_t> parse_rate(std::string_view text);
// 0 to 100 with "%".
[[nodiscard]] Result<double> parse_percent(std::string_view text);

// The shortest spelling that the parse function reads back to the same value ("90s", "1500ms", "16MB").
[[nodiscard]] std::string write_duration(Duration value);
[[nodiscard]] std::string write_size(std::uint64_t bytes);
[[nodiscard]] std::string write_rate(std::uint64_t bytes_per_second);
[[nodiscard]] std::string write_percent(double percent);

// For people: "0.3 s" below ten seconds, "41 s", "2 h 10 m", "12 d"; two units at most; "85 ms" below 100 ms.
[[nodiscard]] std::string show_age(Duration age);
// "0 B", "451 B", "1.2 MB", "184 kB".
[[nodiscard]] std::string show_size(std::uint64_t bytes);
[[nodiscard]] std::string show_rate(std::uint64_t bytes_per_second);
// "63,954".
[[nodiscard]] std::string show_count(std::uint64_t count);
// "2026-11-20T04:04:11Z"; with milliseconds "…:11.042Z".
[[nodiscard]] std::string show_utc(WallTime time, bool milliseconds = false);
// "2026-11-20 04:04:11 +01:00" in the zone of TZ or /etc/localtime.
[[nodiscard]] std::string show_local(WallTime time);

}  // namespace ha
