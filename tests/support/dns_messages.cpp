// UPDATE messages of dnsupdater, for the comparison with nsupdate's.
//
//   dns_messages list                           names of the cases
//   dns_messages script CASE                    the change as nsupdate_text() writes it
//   dns_messages message CASE KEY_FILE ID TIME  the signed message in hexadecimal digits; TIME in seconds
//   dns_messages sign KEY_FILE TIME MESSAGE     any message, in hexadecimal digits, with its signature
//
// Exit: 0, 2 on errors.
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "dnsupdater/key_file.h"
#include "dnsupdater/message.h"
#include "dnsupdater/plan.h"
#include "dnsupdater/pool.h"
#include "dnsupdater/rdata_text.h"

namespace ha::dns {
namespace {

constexpr std::array<std::string_view, 11> kCases = {"prerequisites", "deletions", "additions",    "srv",
                                                     "first",         "takeover",  "two_services", "pool",
                                                     "long_record",   "apex",      "root"};

template <typename T>
T must(Result<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "dns_messages: %s\n", result.error().what().c_str());
    std::exit(2);
  }
  return std::move(result).value();
}

Name name(std::string_view text) {
  return must(Name::parse(text));
}

RrSet set_of(std::string_view owner, RrType type, std::uint32_t ttl_s,
             const std::vector<std::string>& texts) {
  std::vector<Rdata> rdata;
  for (const std::string& text : texts) {
    rdata.push_back(must(rdata_from_text(type, text)));
  }
  return must(RrSet::make(name(owner), type, ttl_s, std::move(rdata)));
}

Record held() {
  return {"pbx",        "fra",         {7, 120}, HoldState::Own, Digest{0x0123456789abcdef, 2},
          Digest{3, 4}, {"fra", "nyc"}};
}

GuardChange taken(std::string_view guard) {
  return {name(guard), held(), must(taken_record(held(), "nyc", Digest{5, 6}))};
}

Update every_prerequisite() {
  const RrSet two = set_of("a.example.net", RrType::A, 30, {"192.0.2.1", "192.0.2.2"});
  const RrSet mx = set_of("m.example.net", RrType::Mx, 30, {"10 a.example.net."});
  return {name("example.net"),
          {{Need::NameInUse, name("example.net")},
           {Need::NameUnused, name("b.example.net")},
           {Need::SetExists, name("a.example.net"), RrType::A},
           {Need::SetAbsent, name("a.example.net"), RrType::Aaaa},
           {Need::SetIs, two.name, two.type, two.rdata},
           {Need::SetIs, mx.name, mx.type, mx.rdata}},
          {},
          {set_of("c.example.net", RrType::A, 30, {"192.0.2.3"})}};
}

Update every_deletion() {
  const RrSet text = set_of("t.example.net", RrType::Txt, 30, {R"("a b")"});
  return {name("example.net"),
          {{Need::NameInUse, name("example.net")}},
          {{name("a.example.net")},
           {name("b.example.net"), RrType::Aaaa},
           {text.name, text.type, text.rdata[0]},
           {name("c.example.net"), RrType::A, must(rdata_from_text(RrType::A, "192.0.2.3"))}},
          {}};
}

Update every_addition() {
  return {name("example.net"),
          {{Need::NameInUse, name("example.net")}},
          {},
          {set_of("a.example.net", RrType::A, 30, {"192.0.2.1", "192.0.2.2"}),
           set_of("a.example.net", RrType::Aaaa, 30, {"2001:db8::1"}),
           set_of("t.example.net", RrType::Txt, 1, {R"("a \"b\"" "c\\" "")"}),
           set_of("c.example.net", RrType::Cname, 30, {"a.example.net."}),
           set_of("m.example.net", RrType::Mx, 30, {"10 a.example.net.", "20 mail.example.com."}),
           set_of("sub.example.net", RrType::Ns, 30, {"ns.example.net."}),
           set_of("p.example.net", RrType::Ptr, 30, {"a.example.net."}),
           set_of("example.net", RrType::Caa, 30, {R"(0 issue "ca.example")"}),
           set_of("*.example.net", RrType::A, 2147483647, {"192.0.2.9"})}};
}

// Types with names that are not compressed.
Update srv() {
  const std::string line = "10 20 5060 a.example.net.";
  const RrSet old_set = set_of("_sip._udp.example.net", RrType::Srv, 30, {line});
  return {name("example.net"),
          {{Need::SetIs, old_set.name, old_set.type, old_set.rdata}},
          {{old_set.name, old_set.type, old_set.rdata[0]}},
          {set_of("_sip._udp.example.net", RrType::Srv, 30, {line, "0 0 65535 b.example.org."}),
           set_of("example.net", RrType::Naptr, 60, {R"(100 10 "s" "SIP+D2U" "" _sip._udp.example.net.)"}),
           set_of("n.example.net", RrType::Naptr, 60, {R"(9 9 "u" "E2U+sip" "!^.*$!sip:a@b.net!" .)"})}};
}

Update long_record() {
  Record before = held();
  for (int i = 0; i < 60; ++i) {
    before.at.push_back(
        {must(Address::parse("192.0.2." + std::to_string(100 + i))), AddressState::Draining, 65535});
  }
  Record after = must(next_record(before, Digest{7, 8}));
  after.at[0].state = AddressState::In;
  return must(make_plan({name("example.net"), {{name("_ha.pbx.example.net"), before, after}}, {}})).update;
}

Update pool_update() {
  Record before = must(first_record("sip.example.net", Digest{1, 1}));
  before.at = {{must(Address::parse("192.0.2.10")), AddressState::In, 10},
               {must(Address::parse("192.0.2.20")), AddressState::In, 20},
               {must(Address::parse("2001:db8::1")), AddressState::In, 30}};
  Record after = must(next_record(before, Digest{1, 2}));
  after.at = must(with_state(before.at, before.at[1].address, AddressState::Maint));
  const Name owner = name("sip.example.net");
  const AddressSets old_sets = must(address_sets(owner, 30, before.at));
  const AddressSets new_sets = must(address_sets(owner, 30, after.at));
  return must(make_plan({name("example.net"),
                         {{must(guard_name(owner)), before, after}},
                         {{owner, RrType::A, old_sets.a, new_sets.a, true},
                          {owner, RrType::Aaaa, old_sets.aaaa, new_sets.aaaa, true}}}))
      .update;
}

// Of a name at the top of its zone.
Update apex() {
  const Name zone = name("example.net");
  const Record before = must(first_record("example.net", Digest{1, 1}));
  const RrSet old_set = set_of("example.net", RrType::A, 30, {"192.0.2.10"});
  const RrSet new_set = set_of("example.net", RrType::A, 30, {"192.0.2.20", "192.0.2.21"});
  const GuardChange guard{must(guard_name(zone)), before, must(next_record(before, Digest{1, 2}))};
  return must(make_plan({zone, {guard}, {{zone, RrType::A, old_set, new_set, true}}})).update;
}

Update update_of(std::string_view which) {
  const Name zone = name("example.net");
  const RrSet old_set = set_of("sip.example.net", RrType::A, 30, {"192.0.2.10"});
  const SetChange moved{old_set.name, RrType::A, old_set,
                        set_of("sip.example.net", RrType::A, 30, {"192.0.2.20"}), true};
  if (which == "prerequisites") {
    return every_prerequisite();
  }
  if (which == "deletions") {
    return every_deletion();
  }
  if (which == "additions") {
    return every_addition();
  }
  if (which == "srv") {
    return srv();
  }
  if (which == "first") {
    const GuardChange guard{name("_ha.pbx.example.net"), {}, must(first_record("pbx", Digest{1, 2}))};
    return must(make_plan({zone, {guard}, {{old_set.name, RrType::A, {}, old_set, true}}})).update;
  }
  if (which == "takeover") {
    return must(make_plan({zone, {taken("_ha.pbx.example.net")}, {moved}})).update;
  }
  if (which == "two_services") {
    return must(make_plan({zone, {taken("_ha.pbx.example.net"), taken("_ha.voip.example.net")}, {moved}}))
        .update;
  }
  if (which == "pool") {
    return pool_update();
  }
  if (which == "long_record") {
    return long_record();
  }
  if (which == "apex") {
    return apex();
  }
  if (which == "root") {
    return {Name(), {{Need::NameInUse, Name()}}, {}, {set_of("a", RrType::Cname, 30, {"."})}};
  }
  std::fprintf(stderr, "dns_messages: there is no such case\n");
  std::exit(2);
}

int run(const std::vector<std::string>& words) {
  if (words.size() == 1 && words[0] == "list") {
    for (const std::string_view one : kCases) {
      std::printf("%s\n", std::string(one).c_str());
    }
    return 0;
  }
  if (words.size() == 2 && words[0] == "script") {
    std::printf("%s", nsupdate_text(update_of(words[1])).c_str());
    return 0;
  }
  if (words.size() == 5 && words[0] == "message") {
    const TsigKey key = must(load_key(words[2]));
    const auto id = static_cast<std::uint16_t>(std::strtoul(words[3].c_str(), nullptr, 10));
    const WallTime now(std::chrono::seconds(std::strtoll(words[4].c_str(), nullptr, 10)));
    std::printf("%s\n", hex(must(make_update(update_of(words[1]), id, key, now)).wire).c_str());
    return 0;
  }
  if (words.size() == 4 && words[0] == "sign") {
    const TsigKey key = must(load_key(words[1]));
    const WallTime now(std::chrono::seconds(std::strtoll(words[2].c_str(), nullptr, 10)));
    const auto message = must(generic_rdata({{"\\#"}, {std::to_string(words[3].size() / 2)}, {words[3]}}));
    std::printf("%s\n", hex(must(tsig_sign(message.value_or(""), key, now)).wire).c_str());
    return 0;
  }
  std::fprintf(stderr, "usage: dns_messages list | script CASE | message CASE KEY_FILE ID TIME | sign …\n");
  return 2;
}

}  // namespace
}  // namespace ha::dns

int main(int count, char** words) {
  return ha::dns::run({words + 1, words + count});
}
