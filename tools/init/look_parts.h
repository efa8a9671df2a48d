// What looking at any PBX has in common. Private to look*.cpp.
#pragma once

#include <string>
#include <vector>

#include "tools/init/below.h"
#include "tools/init/facts.h"
#include "tools/init/look.h"

namespace ha::init {

// Each wish with what is there.
[[nodiscard]] std::vector<Seen> see(const Below& below, std::vector<Wish> wishes);

void add_remark(Facts& facts, std::string remark);
// False once there are kSiteLinesMax.
bool add_site_line(Facts& facts, SiteLine line);

// Calls `take(file, text)` for every file of the configuration with such an ending, as far as kScanBytesMax.
// What cannot be read is a remark.
template <typename Take>
void scan_files(const Below& below, const std::string& ending, Facts& facts, Take& take) {
  constexpr std::size_t kDepthMax = 6;
  std::uint64_t bytes = 0;
  for (const std::string& file : below.files(facts.conf_dir, ending, kDepthMax)) {
    const auto text = below.read(file);
    if (!text.ok()) {
      add_remark(facts, text.error().what() + "; it was not searched for addresses");
      continue;
    }
    bytes += text->size();
    if (bytes > kScanBytesMax) {
      add_remark(facts, "the configuration is larger than 64 MB; only a part was searched for addresses");
      return;
    }
    take(file, *text);
  }
}

}  // namespace ha::init
