#include "dnsupdater/record.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using ha::Bytes;
using ha::Code;
using ha::Digest;

namespace {

const std::string kText = "v=1 id=pbx owner=fra epoch=7 seq=120 state=own n=00000000000000010000000000000002";

Record full_record() {
  Record out = held_record();
  out.config = Digest{3, 4};
  out.eligible = {"fra", "nyc"};
  out.at = {{address("192.0.2.9"), AddressState::Draining, 0},
            {address("192.0.2.10"), AddressState::In, 65535},
            {address("2001:db8::1"), AddressState::Maint, 10}};
  return out;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  BOOST_REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_record)

BOOST_AUTO_TEST_CASE(a_record_is_written_in_one_way_and_read_back) {
  BOOST_TEST(must(encode(held_record())) == kText);
  BOOST_TEST((must(parse_record(kText)) == held_record()));
  const std::string text = must(encode(full_record()));
  BOOST_TEST(text == kText +
                         " cfg=00000000000000030000000000000004 eligible=fra,nyc"
                         " at=192.0.2.9/draining/0,192.0.2.10/in/65535,2001:db8::1/maint/10");
  BOOST_TEST((must(parse_record(text)) == full_record()));
}

BOOST_AUTO_TEST_CASE(nobody_is_written_as_a_dash) {
  const Record record{"pool.example.net", "", {0, 1}, HoldState::Free, Digest{0, 1}, std::nullopt};
  const std::string text = must(encode(record));
  BOOST_TEST(text.starts_with("v=1 id=pool.example.net owner=- epoch=0 seq=1 state=free n="));
  BOOST_TEST((must(parse_record(text)) == record));
}

BOOST_AUTO_TEST_CASE(another_format_is_told_from_garbage) {
  for (const char* const version : {"v=2", "v=10", "v=0"}) {
    const auto parsed = parse_record(replaced(kText, "v=1", version));
    BOOST_TEST((code_of(parsed) == Code::Unsupported), version);
    BOOST_TEST(!parsed.error().hint().empty());
  }
  BOOST_TEST((code_of(parse_record("v=2")) == Code::Unsupported));
  for (const char* const version : {"v=", "v=01", "v=x", "V=1", "w=1", "v=-1", "v=99999999999999999999"}) {
    BOOST_TEST((code_of(parse_record(replaced(kText, "v=1", version))) == Code::Corrupt), version);
  }
}

BOOST_AUTO_TEST_CASE(whatever_could_be_written_otherwise_is_corrupt) {
  const std::vector<std::pair<const char*, const char*>> changes = {
      {"owner=fra ", ""},                      // missing
      {"owner=fra", "owner="},                 // empty
      {"epoch=7 seq=120", "seq=120 epoch=7"},  // out of order
      {"epoch=7", "epoch=07"},
      {"epoch=7", "epoch=+7"},
      {"epoch=7", "epoch=-7"},
      {"epoch=7", "epoch=1000000000000000000"},
      {"seq=120", "seq=0"},
      {"seq=120", "seq=99999999999999999999"},
      {"state=own", "state=OWN"},
      {"state=own", "state=held"},
      {"state=own", "state=free"},  // with an owner
      {"owner=fra", "owner=-"},     // owned by nobody
      {"owner=fra", "owner=Fra"},
      {"owner=fra", "owner=_fra"},
      {"owner=fra", "owner=abcdefghijklmnopqrstuvwxyz0123456"},
      {"id=pbx", "id=p$x"},
      {"id=pbx", "id=PBX"},
      {" owner", "  owner"},
      {"n=00000000000000010000000000000002", "n=0000000000000001000000000000000A"},
      {"n=00000000000000010000000000000002", "n=00000000000000000000000000000000"},
      {"n=00000000000000010000000000000002", "n=1"},
      {"state=own", "state=own more=1"},
  };
  for (const auto& [from, to] : changes) {
    BOOST_TEST((code_of(parse_record(replaced(kText, from, to))) == Code::Corrupt), to);
  }
  for (const char* const end : {" ",
                                " x=1",
                                "\n",
                                " cfg=",
                                " cfg=12",
                                " eligible=",
                                " eligible=nyc,fra",
                                " eligible=fra,fra",
                                " eligible=fra,",
                                " at=",
                                " at=192.0.2.1",
                                " at=192.0.2.1/in",
                                " at=192.0.2.1/in/1/1",
                                " at=192.0.2.1/in/01",
                                " at=192.0.2.1/in/65536",
                                " at=192.0.2.1/up/1",
                                " at=192.0.2.2/in/1,192.0.2.1/in/1",
                                " at=2001:DB8::1/in/1",
                                " at=192.0.2.1/in/1 eligible=fra",
                                " n=1"}) {
    BOOST_TEST((code_of(parse_record(kText + end)) == Code::Corrupt), end);
  }
  BOOST_TEST((code_of(parse_record("")) == Code::Corrupt));
  BOOST_TEST((code_of(parse_record(Bytes(1'000'000, 'v'))) == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(every_prefix_of_a_record_is_corrupt_or_a_record_of_its_own) {
  const std::string text = must(encode(full_record()));
  for (std::size_t length = 0; length < text.size(); ++length) {
    const auto parsed = parse_record(std::string_view(text).substr(0, length));
    if (parsed.ok()) {
      BOOST_TEST(must(encode(*parsed)) == text.substr(0, length));
    }
  }
}

BOOST_AUTO_TEST_CASE(what_would_not_be_read_back_is_not_written) {
  const auto refused = [](void (*spoil)(Record&)) {
    Record record = full_record();
    spoil(record);
    return code_of(encode(record));
  };
  BOOST_TEST((refused([](Record& r) { r.id = ""; }) == Code::Invalid));
  BOOST_TEST((refused([](Record& r) { r.id = std::string(254, 'a'); }) == Code::Invalid));
  BOOST_TEST((refused([](Record& r) { r.id = "a b"; }) == Code::Invalid));
  BOOST_TEST((refused([](Record& r) { r.owner = "a,b"; }) == Code::Invalid));
  BOOST_TEST((refused([](Record& r) { r.owner = ""; }) == Code::Invalid));
  BOOST_TEST((refused([](Record& r) { r.nonce = {}; }) == Code::Invalid));
  BOOST_TEST((refused([](Record& r) { r.version.seq = 0; }) == Code::Invalid));
  BOOST_TEST((refused([](Record& r) { r.version.epoch = kCounterMax + 1; }) == Code::Invalid));
  BOOST_TEST((refused([](Record& r) { r.eligible = {"b", "a"}; }) == Code::Invalid));
  BOOST_TEST((refused([](Record& r) { std::swap(r.at[0], r.at[1]); }) == Code::Invalid));
  BOOST_TEST((refused([](Record& r) { r.at.assign(65, r.at[0]); }) == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(a_record_is_at_most_4000_bytes) {
  Record record = held_record();
  for (int i = 0; i < 64; ++i) {
    record.eligible.push_back("site-with-a-name-of-32-bytes-" + std::to_string(100 + i));
    record.at.push_back({address("2001:db8:1111:2222:3333:4444:5555:" + std::to_string(1000 + i)),
                         AddressState::Draining, 10000});
  }
  BOOST_TEST((code_of(encode(record)) == Code::Exhausted));
  record.eligible.clear();
  BOOST_TEST((must(parse_record(must(encode(record)))) == record));
}

BOOST_AUTO_TEST_CASE(strings_are_full_but_for_the_last) {
  for (const std::size_t length : {1U, 254U, 255U, 256U, 510U, 511U, 4000U}) {
    const Bytes text(length, 'x');
    const auto strings = split_strings(text);
    BOOST_TEST(strings.size() == (length + 254) / 255);
    BOOST_TEST(must(join_strings(strings)) == text);
  }
  BOOST_TEST((code_of(join_strings({"a", "b"})) == Code::Corrupt));
  BOOST_TEST((code_of(join_strings({Bytes(255, 'x'), ""})) == Code::Corrupt));
  BOOST_TEST((code_of(join_strings({""})) == Code::Corrupt));
  BOOST_TEST((code_of(join_strings({Bytes(256, 'x')})) == Code::Corrupt));
  BOOST_TEST((code_of(join_strings(std::vector<Bytes>(16, Bytes(255, 'x')))) == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(a_guard_has_one_txt_record_with_its_own_id) {
  const Name guard = must(guard_name("pbx", name("voice.example.net")));
  BOOST_TEST(guard.text() == "_ha.pbx.voice.example.net");
  BOOST_TEST(is_guard_name(guard));
  BOOST_TEST(!is_guard_name(name("_hax.example.net")));
  BOOST_TEST(!is_guard_name(name("_ha")));
  const Rdata rdata = must(record_rdata(full_record()));
  const RrSet set = must(RrSet::make(guard, RrType::Txt, 0, {rdata}));
  BOOST_TEST((must(record_of(set, "pbx")) == full_record()));
  const auto foreign = record_of(set, "pbx.voice.example.net");
  BOOST_TEST((code_of(foreign) == Code::Conflict));
  BOOST_TEST(foreign.error().what().find("_ha.pbx.voice.example.net: ") == 0U);
  const RrSet two = must(RrSet::make(guard, RrType::Txt, 0, {rdata, must(txt_rdata({"x"}))}));
  BOOST_TEST((code_of(record_of(two, "pbx")) == Code::Corrupt));
  const RrSet other = must(RrSet::make(guard, RrType::Txt, 0, {must(txt_rdata({"v=spf1 -all"}))}));
  BOOST_TEST((code_of(record_of(other, "pbx")) == Code::Corrupt));
  BOOST_TEST(!record_of(other, "pbx").error().hint().empty());
  const RrSet newer = must(RrSet::make(guard, RrType::Txt, 0, {must(txt_rdata({"v=2 x"}))}));
  BOOST_TEST((code_of(record_of(newer, "pbx")) == Code::Unsupported));
}

BOOST_AUTO_TEST_CASE(a_guards_name_that_is_too_long_is_refused) {
  const std::string label(62, 'a');
  const Name longest = name(label + '.' + label + '.' + label + '.' + label);
  BOOST_TEST((code_of(guard_name(longest)) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(every_change_counts_on_and_has_a_new_nonce) {
  const Record first = must(first_record("pbx", Digest{0, 1}));
  BOOST_TEST((first.version == Version{0, 1}));
  BOOST_TEST((first.state == HoldState::Free));
  const Record taken = must(taken_record(first, "fra", Digest{0, 2}));
  BOOST_TEST((taken.version == Version{1, 2}));
  BOOST_TEST(taken.owner == "fra");
  BOOST_TEST((taken.state == HoldState::Own));
  const Record renewed = must(next_record(taken, Digest{0, 3}));
  BOOST_TEST((renewed.version == Version{1, 3}));
  BOOST_TEST(renewed.owner == "fra");
  const Record again = must(taken_record(renewed, "fra", Digest{0, 4}));
  BOOST_TEST((again.version == Version{1, 4}));
  const Record freed = must(freed_record(again, Digest{0, 5}));
  BOOST_TEST((freed.version == Version{1, 5}));
  BOOST_TEST(freed.owner.empty());
  const Record retaken = must(taken_record(freed, "fra", Digest{0, 6}));
  BOOST_TEST((retaken.version == Version{2, 6}));
}

BOOST_AUTO_TEST_CASE(a_guard_that_was_lost_goes_on_after_what_was_seen) {
  const Record record = must(first_record("pbx", Digest{0, 9}, Version{7, 120}));
  BOOST_TEST((record.version == Version{7, 121}));
  BOOST_TEST(!is_regression(Version{7, 120}, record));
}

BOOST_AUTO_TEST_CASE(a_guard_that_went_back_goes_on_after_what_was_seen_but_not_in_the_turn_of_another) {
  const Record held = held_record();  // epoch 7, seq 120
  BOOST_TEST((must(next_record(held, Digest{0, 9}, {7, 200})).version == Version{7, 201}));
  BOOST_TEST((must(next_record(held, Digest{0, 9}, {9, 200})).version == Version{7, 121}));
  BOOST_TEST((must(next_record(held, Digest{0, 9}, {7, 100})).version == Version{7, 121}));
  BOOST_TEST((must(freed_record(held, Digest{0, 9}, {9, 200})).version == Version{9, 201}));
  const Record nobodys = must(first_record("sip.example.net", Digest{0, 1}));
  BOOST_TEST((must(next_record(nobodys, Digest{0, 9}, {0, 40})).version == Version{0, 41}));
}

BOOST_AUTO_TEST_CASE(a_used_nonce_and_the_end_of_a_counter_are_errors) {
  Record record = held_record();
  BOOST_TEST((code_of(next_record(record, record.nonce)) == Code::Invalid));
  BOOST_TEST((code_of(next_record(record, Digest{})) == Code::Invalid));
  BOOST_TEST((code_of(taken_record(record, "not a site", Digest{0, 9})) == Code::Invalid));
  BOOST_TEST((code_of(first_record("not an id", Digest{0, 9})) == Code::Invalid));
  record.version.epoch = kCounterMax;
  BOOST_TEST((code_of(taken_record(record, "nyc", Digest{0, 9})) == Code::Exhausted));
  record.version.seq = kCounterMax;
  BOOST_TEST((code_of(next_record(record, Digest{0, 9})) == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(a_read_back_tells_what_became_of_a_change) {
  const Record before = held_record();
  const Record sent = must(taken_record(before, "nyc", Digest{0, 9}));
  const Record theirs = must(taken_record(before, "ams", Digest{0, 8}));
  const Record later = must(next_record(theirs, Digest{0, 7}));
  BOOST_TEST((fate_of(sent, before, sent) == Fate::Ours));
  BOOST_TEST((fate_of(sent, before, before) == Fate::NotApplied));
  BOOST_TEST((fate_of(sent, before, theirs) == Fate::Lost));
  BOOST_TEST((fate_of(sent, before, must(next_record(before, Digest{0, 7}))) == Fate::Lost));
  BOOST_TEST((fate_of(sent, before, later) == Fate::Overtaken));
  BOOST_TEST((fate_of(sent, before, must(next_record(sent, Digest{0, 7}))) == Fate::Overtaken));
}

BOOST_AUTO_TEST_CASE(a_first_record_is_there_or_not_or_anothers) {
  const Record sent = must(first_record("pbx", Digest{0, 9}));
  BOOST_TEST((fate_of(sent, std::nullopt, sent) == Fate::Ours));
  BOOST_TEST((fate_of(sent, std::nullopt, std::nullopt) == Fate::NotApplied));
  BOOST_TEST((fate_of(sent, std::nullopt, must(first_record("pbx", Digest{0, 8}))) == Fate::Lost));
  BOOST_TEST((fate_of(sent, std::nullopt, held_record()) == Fate::Overtaken));
}

BOOST_AUTO_TEST_CASE(what_went_back_or_was_written_by_nobody_is_a_regression) {
  const Record before = held_record();
  const Record sent = must(next_record(before, Digest{0, 9}));
  BOOST_TEST((fate_of(sent, before, std::nullopt) == Fate::Regression));
  Record now = before;
  now.version.seq = 119;
  now.nonce = Digest{0, 8};
  BOOST_TEST((fate_of(sent, before, now) == Fate::Regression));
  now = before;
  now.nonce = Digest{0, 8};  // the same version with another nonce
  BOOST_TEST((fate_of(sent, before, now) == Fate::Regression));
  now = sent;
  now.owner = "nyc";  // our nonce, not our text
  BOOST_TEST((fate_of(sent, before, now) == Fate::Regression));
}

BOOST_AUTO_TEST_CASE(less_than_what_was_seen_is_a_regression_and_more_is_not) {
  const Record now = held_record();  // 7, 120
  BOOST_TEST(!is_regression(std::nullopt, now));
  BOOST_TEST(!is_regression(std::nullopt, std::nullopt));
  BOOST_TEST(is_regression(Version{1, 1}, std::nullopt));
  BOOST_TEST(!is_regression(Version{7, 120}, now));
  BOOST_TEST(is_regression(Version{7, 121}, now));
  BOOST_TEST(is_regression(Version{8, 1}, now));
  BOOST_TEST(!is_regression(Version{6, 500}, now));
}

BOOST_AUTO_TEST_CASE(states_of_addresses_are_words) {
  for (const char* const text : {"in", "draining", "maint", "down"}) {
    BOOST_TEST(address_state_text(must(parse_address_state(text))) == text);
  }
  BOOST_TEST((code_of(parse_address_state("up")) == Code::Invalid));
}

BOOST_AUTO_TEST_SUITE_END()
