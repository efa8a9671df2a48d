// Looks at a PBX below a root and gives what it saw. Reads only; see below.h for how carefully.
//
// Thread safety: one thread. Errors: NotFound, naming the file that is missing, when there is no such PBX.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "tools/init/below.h"
#include "tools/init/facts.h"

namespace ha::init {

inline constexpr std::size_t kSiteLinesMax = 100;
inline constexpr std::uint64_t kScanBytesMax = 64'000'000;  // of configuration that is searched for addresses
inline constexpr std::size_t kRemarksMax = 20;

// `own`: addresses of this host, to be found in configuration.
[[nodiscard]] Result<Facts> look_at_asterisk(const Below& below, const std::vector<std::string>& own);
[[nodiscard]] Result<Facts> look_at_freepbx(const Below& below, const std::vector<std::string>& own);
[[nodiscard]] Result<Facts> look_at_freeswitch(const Below& below, const std::vector<std::string>& own);

// Which of them seem to be there, FreePBX before its Asterisk.
[[nodiscard]] std::vector<Pbx> pbxs_below(const Below& below);

}  // namespace ha::init
