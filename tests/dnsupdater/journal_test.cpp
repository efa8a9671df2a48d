#include "dnsupdater/journal.h"

#include <filesystem>

#include <boost/test/unit_test.hpp>

#include "schemas/dns.pb.h"
#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using ha::Bytes;
using ha::Code;
using ha::WallTime;
using std::chrono::seconds;

namespace {

const Name kZone = name("example.net");

WallTime at_second(std::int64_t second) {
  return WallTime(seconds(second));
}

// Every kind of step, and every field of each.
JournalEntry whole() {
  const Pool before{{address("192.0.2.10"), AddressState::In, 10},
                    {address("2001:db8::1"), AddressState::Maint, 65'535}};
  const Pool after{{address("192.0.2.11"), AddressState::Draining, 0}};
  SetMove moved{name("sip.example.net"), RrType::A, a_set("sip.example.net", 30, {"192.0.2.10"}),
                a_set("sip.example.net", 5, {"192.0.2.11", "192.0.2.12"}), true};
  moved.from->ttls_differ = true;
  SetMove made{name("six.example.net"), RrType::Aaaa, {}, a_set("six.example.net", 9, {"2001:db8::1"})};
  made.shared = true;
  const Rdata odd{Bytes("\0\xff\x80", 3), "\\# 3 00ff80"};
  const SetMove gone{name("x.example.net"),
                     static_cast<RrType>(65'280),
                     must(RrSet::make(name("x.example.net"), static_cast<RrType>(65'280), 7, {odd})),
                     {}};
  Operation operation{"d-17", "maintenance start fra1", {}};
  operation.steps.emplace_back(MoveStep{kZone,
                                        {{name("_ha.pool.example.net"), "pool.example.net", before, after},
                                         {name("_ha.pbx.example.net"), "pbx"},
                                         {name("_ha.new.example.net"), "new", Pool(), std::nullopt}},
                                        {moved, made, gone}});
  operation.steps.emplace_back(VerifyStep{kZone,
                                          {{address("192.0.2.53"), 53}, {address("2001:db8::53"), 5353}},
                                          {moved, made},
                                          std::chrono::minutes(1)});
  operation.steps.emplace_back(PauseStep{seconds(30), "caches → wait"});
  operation.steps.emplace_back(DrainStep{{"asterisk", "-rx", "caf\xe9", ""}, seconds(90)});
  JournalEntry entry{std::move(operation), "root", at_second(1'800'000'000)};
  entry.notes = {{at_second(1'800'000'001), at_second(1'800'000'002), "accepted, 1 message"},
                 {at_second(1'800'000'003)}};
  return entry;
}

JournalEntry small(std::string id, std::string ended = "") {
  JournalEntry entry{{std::move(id), "set a A", {PauseStep{seconds(1), "why"}}}, "root", at_second(5)};
  entry.ended = std::move(ended);
  return entry;
}

void same(const JournalEntry& a, const JournalEntry& b) {
  BOOST_TEST((a.operation == b.operation));
  BOOST_TEST(a.by == b.by);
  BOOST_TEST((a.begun == b.begun));
  BOOST_TEST(a.ended == b.ended);
  BOOST_REQUIRE(a.notes.size() == b.notes.size());
  for (std::size_t i = 0; i < a.notes.size(); ++i) {
    BOOST_TEST((a.notes[i].began == b.notes[i].began));
    BOOST_TEST((a.notes[i].ended == b.notes[i].ended));
    BOOST_TEST(a.notes[i].said == b.notes[i].said);
  }
  // RrSet compares rdata by their bytes: the text has to be there as well.
  BOOST_TEST(encode(a) == encode(b));
}

namespace pb = ha::schemas::dns;

template <typename Change>
Code broken(const Change& change) {
  pb::Operation operation;
  BOOST_REQUIRE(operation.ParseFromString(encode(whole())));
  change(operation);
  const auto entry = decode_entry(operation.SerializeAsString());
  return code_of(entry);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_journal)

BOOST_AUTO_TEST_CASE(every_kind_of_step_comes_back_as_it_was) {
  JournalEntry entry = whole();
  same(must(decode_entry(encode(entry))), entry);
  BOOST_TEST(entry.done() == 1U);
  entry.ended = "undone by d-18";
  same(must(decode_entry(encode(entry))), entry);
}

BOOST_AUTO_TEST_CASE(a_file_that_was_cut_off_anywhere_is_an_error) {
  const Bytes bytes = encode(whole());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    BOOST_TEST(!decode_entry(ha::BytesView(bytes).substr(0, size)).ok(), "cut off at " << size);
  }
}

BOOST_AUTO_TEST_CASE(a_byte_that_is_wrong_is_an_error_or_another_entry_that_can_be_written) {
  const Bytes bytes = encode(whole());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const unsigned flip : {0x01U, 0x08U, 0x40U}) {
      Bytes wrong = bytes;
      wrong[at] = static_cast<char>((static_cast<unsigned char>(wrong[at]) ^ flip) & 0xffU);
      if (const auto entry = decode_entry(wrong); entry.ok()) {
        BOOST_TEST(decode_entry(encode(*entry)).ok(), "byte " << at);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(another_format_is_not_guessed_at) {
  BOOST_TEST((broken([](pb::Operation& it) { it.set_format(2); }) == Code::Unsupported));
  BOOST_TEST((code_of(decode_entry("")) == Code::Unsupported));
  BOOST_TEST((code_of(decode_entry("not protobuf")) == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(every_number_is_bounded) {
  const auto corrupt = [](const auto& change) { return broken(change) == Code::Corrupt; };
  BOOST_TEST(corrupt([](pb::Operation& it) { it.mutable_steps(0)->set_kind(pb::Step::NONE); }));
  BOOST_TEST(corrupt([](pb::Operation& it) { it.mutable_steps(0)->mutable_sets(0)->set_type(65'536); }));
  BOOST_TEST(corrupt(
      [](pb::Operation& it) { it.mutable_steps(0)->mutable_sets(0)->mutable_from()->set_type(65'536); }));
  BOOST_TEST(
      corrupt([](pb::Operation& it) { it.mutable_steps(0)->mutable_sets(0)->mutable_from()->clear_text(); }));
  const auto pool_address = [](pb::Operation& it) {
    return it.mutable_steps(0)->mutable_guards(0)->mutable_from()->mutable_addresses(0);
  };
  BOOST_TEST(corrupt([&](pb::Operation& it) { pool_address(it)->set_state(4); }));
  BOOST_TEST(corrupt([&](pb::Operation& it) { pool_address(it)->set_weight(65'536); }));
  BOOST_TEST(corrupt([](pb::Operation& it) {
    for (int i = 0; i < 65; ++i) {
      it.mutable_steps(0)->mutable_guards(0)->mutable_to()->add_addresses()->set_address("192.0.2.1");
    }
  }));
  BOOST_TEST(corrupt([](pb::Operation& it) { it.mutable_steps(2)->set_limit_ns(-1); }));
  BOOST_TEST(corrupt([](pb::Operation& it) { it.mutable_steps(2)->set_limit_ns(INT64_MAX); }));
  BOOST_TEST(corrupt([](pb::Operation& it) { it.set_begun_ns(-1); }));
  BOOST_TEST(corrupt([](pb::Operation& it) { it.mutable_notes(0)->set_began_ns(INT64_MIN); }));
  BOOST_TEST(corrupt([](pb::Operation& it) {
    while (it.notes_size() <= it.steps_size()) {
      it.add_notes();
    }
  }));
  BOOST_TEST(corrupt([](pb::Operation& it) {
    while (it.steps_size() <= static_cast<int>(kStepsMax)) {
      *it.add_steps() = it.steps(2);
    }
  }));
  BOOST_TEST(corrupt([](pb::Operation& it) {
    for (std::size_t i = 0; i <= kChangesMax; ++i) {
      it.mutable_steps(1)->add_servers("192.0.2.53");
    }
  }));
  BOOST_TEST(
      (broken([](pb::Operation& it) { it.mutable_steps(1)->set_servers(0, "ns1"); }) == Code::Invalid));
  BOOST_TEST((broken([](pb::Operation& it) { it.mutable_steps(0)->set_zone("a..b"); }) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(ids_count_on_over_restarts) {
  const ha::sys::TempDirectory directory;
  {
    Journal journal = must(Journal::open(directory.path));
    BOOST_TEST(journal.next_id() == "d-1");
    BOOST_TEST(journal.open_entry() == nullptr);
    for (int i = 1; i <= 10; ++i) {
      BOOST_TEST(journal.put(small("d-" + std::to_string(i), "done")).ok());
    }
  }
  const Journal journal = must(Journal::open(directory.path));
  BOOST_TEST(must(Journal::read(directory.path)).size() == 10U);
  BOOST_TEST(must(journal.entry("d-2")).operation.id == "d-2");
  BOOST_TEST((code_of(journal.entry("d-11")) == Code::Invalid));
  BOOST_TEST((code_of(journal.entry("seen")) == Code::Invalid));
  BOOST_TEST(journal.next_id() == "d-11");
}

BOOST_AUTO_TEST_CASE(what_is_put_is_on_the_disk_and_replaces_what_was) {
  const ha::sys::TempDirectory directory;
  JournalEntry entry = whole();
  {
    Journal journal = must(Journal::open(directory.path));
    BOOST_TEST(journal.put(entry).ok());
    entry.notes[1].ended = at_second(1'800'000'009);
    BOOST_TEST(journal.put(entry).ok());
    BOOST_TEST(must(Journal::read(directory.path)).size() == 1U);
  }
  const Journal journal = must(Journal::open(directory.path));
  BOOST_REQUIRE(journal.open_entry() != nullptr);
  same(*journal.open_entry(), entry);
  BOOST_TEST(journal.open_entry()->done() == 2U);
}

BOOST_AUTO_TEST_CASE(one_operation_is_open_at_most) {
  const ha::sys::TempDirectory directory;
  Journal journal = must(Journal::open(directory.path));
  BOOST_TEST(journal.put(small("d-1")).ok());
  const ha::Status second = journal.put(small("d-2"));
  BOOST_REQUIRE(!second.ok());
  BOOST_TEST((second.error().code() == Code::Conflict));
  BOOST_TEST(second.error().what().find("d-1 (set a A)") != std::string::npos);
  BOOST_TEST(second.error().hint().find("dnsupdater undo d-1") != std::string::npos);
  BOOST_TEST(journal.put(small("d-1", "done")).ok());
  BOOST_TEST(journal.open_entry() == nullptr);
  BOOST_TEST(journal.put(small("d-2")).ok());
  BOOST_TEST(journal.open_entry()->operation.id == "d-2");
}

BOOST_AUTO_TEST_CASE(an_undo_ends_what_it_undoes_and_neither_is_open_at_no_moment) {
  const ha::sys::TempDirectory directory;
  {
    Journal journal = must(Journal::open(directory.path));
    BOOST_TEST(journal.put(small("d-1")).ok());
    BOOST_TEST(journal.put_undo(small("d-2"), small("d-1")).ok());
    BOOST_TEST(journal.open_entry()->operation.id == "d-2");
    BOOST_TEST(must(journal.entry("d-1")).ended == "undone by d-2");
  }
  directory.write("dns/d-1", encode(small("d-1")));  // killed in between
  BOOST_TEST(must(Journal::open(directory.path)).open_entry()->operation.id == "d-2");
  BOOST_TEST(must(Journal::read(directory.path))[0].ended == "undone by d-2");
}

BOOST_AUTO_TEST_CASE(an_undo_of_what_has_ended_leaves_it_as_it_is) {
  const ha::sys::TempDirectory directory;
  Journal journal = must(Journal::open(directory.path));
  BOOST_TEST(journal.put(small("d-1", "done")).ok());
  BOOST_TEST(journal.put_undo(small("d-2"), small("d-1", "done")).ok());
  BOOST_TEST(must(journal.entry("d-1")).ended == "done");
  BOOST_TEST(journal.open_entry()->operation.id == "d-2");
}

BOOST_AUTO_TEST_CASE(the_oldest_go_and_the_numbers_count_on) {
  const ha::sys::TempDirectory directory;
  must(Journal::open(directory.path));
  for (std::size_t i = 1; i <= kJournalKept; ++i) {
    const std::string id = "d-" + std::to_string(i);
    directory.write("dns/" + id, encode(small(id, "done")));
  }
  Journal journal = must(Journal::open(directory.path));
  BOOST_TEST(journal.put(small(journal.next_id())).ok());
  const auto left = must(Journal::read(directory.path));
  BOOST_TEST(left.size() == kJournalKept);
  BOOST_TEST(left.front().operation.id == "d-2");
  BOOST_TEST(left.back().operation.id == "d-1001");
}

BOOST_AUTO_TEST_CASE(only_one_program_has_the_journal) {
  const ha::sys::TempDirectory directory;
  {
    Journal journal = must(Journal::open(directory.path));
    BOOST_TEST(journal.put(small("d-1")).ok());
    const auto second = Journal::open(directory.path);
    BOOST_TEST((code_of(second) == Code::Refused));
    BOOST_TEST(second.error().hint() == "dnsupdater journal");
    BOOST_TEST(must(Journal::read(directory.path)).size() == 1U);
  }
  BOOST_TEST(Journal::open(directory.path).ok());
}

BOOST_AUTO_TEST_CASE(a_lock_that_cannot_be_written_is_not_another_program) {
  const ha::sys::TempDirectory directory;
  std::filesystem::create_directories(directory.path + "/dns/lock");  // where a file should be
  const auto opened = Journal::open(directory.path);
  BOOST_REQUIRE(!opened.ok());
  BOOST_TEST((opened.error().code() != Code::Refused));
  BOOST_TEST(opened.error().what().find("another dnsupdater") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(to_look_makes_nothing) {
  const ha::sys::TempDirectory directory;
  BOOST_TEST(must(Journal::read(directory.path)).empty());
  BOOST_TEST(std::filesystem::is_empty(directory.path));
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_is_an_error_that_names_it) {
  const ha::sys::TempDirectory directory;
  BOOST_TEST(must(Journal::open(directory.path)).put(small("d-1", "done")).ok());
  const auto unreadable = [&] {
    const auto journal = Journal::open(directory.path);
    BOOST_TEST((code_of(journal) == Code::Corrupt));
    BOOST_TEST(journal.error().what().find("d-2 cannot be read: ") != std::string::npos);
    BOOST_TEST(!journal.error().what().ends_with(": "));
    BOOST_TEST(journal.error().hint().find("dns/d-2") != std::string::npos);
    BOOST_TEST((code_of(Journal::read(directory.path)) == Code::Corrupt));
  };
  directory.write("dns/d-2", "torn");
  unreadable();
  directory.write("dns/d-2", "");
  unreadable();
  directory.write("dns/d-2", encode(small("d-3")));  // of another name
  unreadable();
  directory.write("dns/d-2", encode(small("d-2")));
  BOOST_TEST(must(Journal::open(directory.path)).open_entry() != nullptr);
}

BOOST_AUTO_TEST_CASE(files_of_others_are_passed_over) {
  const ha::sys::TempDirectory directory;
  must(Journal::open(directory.path));
  for (const char* const other : {"dns/d-", "dns/d-0", "dns/d-1x", "dns/seen", "dns/d--1", "dns/x-1"}) {
    directory.write(other, "something");
  }
  BOOST_TEST(must(Journal::open(directory.path)).next_id() == "d-1");
}

BOOST_AUTO_TEST_CASE(what_could_not_be_read_back_is_not_written) {
  const ha::sys::TempDirectory directory;
  Journal journal = must(Journal::open(directory.path));
  JournalEntry many = small("d-1");
  many.operation.steps.resize(kStepsMax + 1, PauseStep{seconds(1), "why"});
  JournalEntry long_wait = small("d-1");
  long_wait.operation.steps = {PauseStep{ha::Duration::max(), "why"}};
  JournalEntry big = small("d-1");
  big.operation.steps = {PauseStep{seconds(1), std::string(kJournalBytesMax, 'x')}};
  for (const JournalEntry& entry : {many, long_wait, big}) {
    const ha::Status put = journal.put(entry);
    BOOST_REQUIRE(!put.ok());
    BOOST_TEST((put.error().code() == Code::Exhausted));
  }
  BOOST_TEST(must(Journal::read(directory.path)).empty());
  BOOST_TEST(journal.next_id() == "d-1");
}

BOOST_AUTO_TEST_SUITE_END()
