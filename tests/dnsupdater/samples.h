// What the tests of dnsupdater share: results that have to be good, and a few names and records.
#pragma once

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/result.h"
#include "dnsupdater/record.h"
#include "dnsupdater/rrset.h"
#include "tests/sys/temp_directory.h"

namespace ha::dns {

using sys::code_of;
using sys::must;

inline Name name(std::string_view text) {
  return must(Name::parse(text));
}

inline Address address(std::string_view text) {
  return must(Address::parse(text));
}

inline RrSet a_set(std::string_view owner, std::uint32_t ttl_s,
                   std::initializer_list<const char*> addresses) {
  std::vector<Rdata> rdata;
  bool is_v6 = false;
  for (const char* const one : addresses) {
    rdata.push_back(address_rdata(address(one)));
    is_v6 = address(one).is_v6();
  }
  return must(RrSet::make(name(owner), is_v6 ? RrType::Aaaa : RrType::A, ttl_s, std::move(rdata)));
}

// A service held by fra at epoch 7.
inline Record held_record() {
  return {"pbx", "fra", {7, 120}, HoldState::Own, Digest{1, 2}, std::nullopt};
}

}  // namespace ha::dns
