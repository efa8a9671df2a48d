// From what was seen to what is proposed: which sets, what they leave out, what else must be said.
//
// No two sets share files: of two trees where one lies in the other, the outer one is the set and carries the
// inner. What is left out on purpose, and every database, is excluded from the set that it lies in. A tree in
// which hareplicate's own files lie, or which is a whole part of the system, never becomes a set.
// Pure. Errors: NotFound if nothing is left to replicate.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "tools/init/facts.h"

namespace ha::init {

struct PlannedSet {
  std::string name;
  std::string path;
  std::vector<std::string> comments;  // sentences
  std::vector<std::string> exclude;
  std::vector<Option> options;
};

struct Plan {
  Pbx pbx = Pbx::Asterisk;
  std::vector<PlannedSet> sets;
  std::vector<std::string> left_out;  // sentences
  std::vector<std::string> remarks;
  std::vector<SiteLine> site_lines;
  bool site_lines_cut = false;
  std::vector<LaterSet> later;
};

// `own`: directories of hareplicate, absolute.
[[nodiscard]] Result<Plan> make_plan(const Facts& facts, const std::vector<std::string>& own);

// Half of what is there, in round figures; 0 if that says nothing.
[[nodiscard]] std::uint64_t proposed_min_items(std::uint64_t items) noexcept;

// "Asterisk", "FreeSWITCH", "FreePBX".
[[nodiscard]] std::string_view pbx_name(Pbx pbx) noexcept;

}  // namespace ha::init
