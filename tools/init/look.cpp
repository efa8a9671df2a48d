#include "tools/init/look.h"

#include "common/base/bytes.h"
#include "tools/init/look_parts.h"

namespace ha::init {

std::vector<Seen> see(const Below& below, std::vector<Wish> wishes) {
  std::vector<Seen> out;
  for (Wish& wish : wishes) {
    Seen seen;
    const auto real = below.real(wish.path);
    if (real.ok() && below.is_directory(*real)) {
      seen.there = true;
      seen.real_path = *real;
    } else if (real.ok()) {
      seen.trouble = "not a directory";
    } else if (real.error().code() != Code::NotFound) {
      seen.trouble = real.error().what();
    }
    if (seen.there && wish.why_not.empty()) {
      const auto size = below.measure(*real);
      if (size.ok()) {
        seen.items = size->items;
        seen.bytes = size->bytes;
        seen.counted = size->counted;
        seen.databases = size->databases;
        seen.databases_cut = size->databases_cut;
        seen.links_out = size->links_out;
        seen.link_out = size->link_out;
      } else {
        seen.there = false;
        seen.trouble = size.error().what();
      }
    }
    seen.wish = std::move(wish);
    out.push_back(std::move(seen));
  }
  return out;
}

void add_remark(Facts& facts, std::string remark) {
  if (facts.remarks.size() < kRemarksMax) {
    facts.remarks.push_back(std::move(remark));
  } else if (facts.remarks.size() == kRemarksMax) {
    facts.remarks.emplace_back("there is more of this kind");
  }
}

bool add_site_line(Facts& facts, SiteLine line) {
  if (facts.site_lines.size() == kSiteLinesMax) {
    facts.site_lines_cut = true;
    return false;
  }
  facts.site_lines.push_back(std::move(line));
  return true;
}

std::vector<Pbx> pbxs_below(const Below& below) {
  std::vector<Pbx> out;
  if (below.is_file("/etc/freepbx.conf") || below.is_file("/etc/amportal.conf")) {
    out.push_back(Pbx::FreePbx);
  }
  if (below.is_directory("/etc/asterisk")) {
    out.push_back(Pbx::Asterisk);
  }
  for (const char* folder : {"/etc/freeswitch", "/usr/local/freeswitch/conf"}) {
    if (below.is_file(std::string(folder) + "/freeswitch.xml") ||
        below.is_file(std::string(folder) + "/vars.xml")) {
      out.push_back(Pbx::FreeSwitch);
      break;
    }
  }
  return out;
}

}  // namespace ha::init
