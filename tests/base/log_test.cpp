#include "common/base/log.h"

#include <thread>

#include <boost/test/unit_test.hpp>

namespace {

using ha::LogEvent;
using ha::Logger;
using ha::LogLevel;
using namespace std::chrono_literals;

// A clock that the test turns.
ha::Now fake_now{};
ha::Now read_fake() {
  return fake_now;
}

// Keeps the lines that were printed.
class Recorder : public ha::LogSink {
 public:
  explicit Recorder(std::vector<std::string>& lines) : lines_(lines) {}
  void write(const LogEvent& event) noexcept override { lines_.push_back(ha::log_line(event)); }

 private:
  std::vector<std::string>& lines_;
};

struct Fixture {
  std::vector<std::string> lines;
  Logger log{std::make_unique<Recorder>(lines), LogLevel::Info, read_fake};
};

BOOST_AUTO_TEST_SUITE(base_log)

BOOST_AUTO_TEST_CASE(an_event_is_one_line_of_fields) {
  Fixture f;
  f.log.info("session.resumed", {{"peer", "fra1"},
                                 {"items", 3},
                                 {"bytes", std::uint64_t{7}},
                                 {"full", true},
                                 {"share", 0.5},
                                 {"took", 1500ms}});
  BOOST_TEST(f.lines.at(0) == "session.resumed peer=fra1 items=3 bytes=7 full=true share=0.5 took=1.5s");
}

BOOST_AUTO_TEST_CASE(a_name_cannot_forge_a_line_or_a_field) {
  Fixture f;
  f.log.warn("file.failed", {{"path", "a\nfile.ok path=b"}, {"empty", ""}, {"quote", "say \"hi\""}});
  BOOST_TEST(f.lines.at(0) ==
             "file.failed path=\"a\\x0afile.ok path=b\" empty=\"\" quote=\"say \\\"hi\\\"\"");
}

BOOST_AUTO_TEST_CASE(an_error_brings_its_code_and_hint) {
  Fixture f;
  f.log.error("set.failed", ha::Error(ha::Code::NoSpace, "disk full", "df -h"), {{"set", "etc"}});
  f.log.warn("set.failed", ha::Error(ha::Code::Io, "bad"));
  BOOST_TEST(f.lines.at(0) == "set.failed set=etc error=\"disk full\" code=\"no space\" hint=\"df -h\"");
  BOOST_TEST(f.lines.at(1) == "set.failed error=bad code=\"i/o error\"");
}

BOOST_AUTO_TEST_CASE(lower_levels_are_left_out_unless_asked_for) {
  Fixture f;
  f.log.debug("item.changed");
  BOOST_TEST(f.lines.empty());
  BOOST_TEST(!f.log.logs(LogLevel::Debug));
  Logger all{std::make_unique<Recorder>(f.lines), LogLevel::Debug, read_fake};
  all.debug("item.changed");
  BOOST_TEST(f.lines.size() == 1U);
}

BOOST_AUTO_TEST_CASE(repeats_are_counted_not_printed) {
  Fixture f;
  for (int i = 0; i < 5; ++i) {
    f.log.warn("link.down", {{"peer", "nyc1"}});
  }
  f.log.warn("link.down", {{"peer", "syd1"}});
  BOOST_TEST(f.lines.size() == 2U);
  BOOST_TEST(f.log.recent().size() == 2U);
  BOOST_TEST(f.log.recent()[0].repeats == 4U);
  fake_now.steady += ha::kLogRepeatWindow;
  f.log.flush_repeats();
  BOOST_TEST(f.lines.size() == 3U);
  BOOST_TEST(f.lines.at(2) == "link.down peer=nyc1 repeats=4");
  f.log.warn("link.down", {{"peer", "nyc1"}});
  BOOST_TEST(f.lines.size() == 4U);
}

BOOST_AUTO_TEST_CASE(counts_that_are_due_come_out_at_the_end) {
  std::vector<std::string> lines;
  {
    Logger log(std::make_unique<Recorder>(lines), LogLevel::Info, read_fake);
    log.info("a.b");
    log.info("a.b");
  }
  BOOST_TEST(lines.size() == 2U);
  BOOST_TEST(lines.back() == "a.b repeats=1");
}

BOOST_AUTO_TEST_CASE(what_is_remembered_of_repeats_is_bounded) {
  Fixture f;
  for (std::size_t i = 0; i < ha::kLogRepeatsTracked; ++i) {
    f.log.info("n", {{"i", i}});
  }
  f.log.info("n", {{"i", 0}});  // a repeat of the oldest
  f.log.info("other");          // pushes the oldest out, with its count
  BOOST_TEST(f.lines.size() == ha::kLogRepeatsTracked + 2);
  BOOST_TEST(f.lines.at(ha::kLogRepeatsTracked) == "n i=0 repeats=1");
}

BOOST_AUTO_TEST_CASE(the_last_events_are_kept_and_numbered) {
  Fixture f;
  for (std::size_t i = 0; i < ha::kLogEventsKept + 10; ++i) {
    f.log.info("n", {{"i", i}});
  }
  const auto all = f.log.recent();
  BOOST_TEST(all.size() == ha::kLogEventsKept);
  BOOST_TEST(all.front().number == 11U);
  BOOST_TEST(f.log.recent(all.back().number - 3).size() == 3U);
  BOOST_TEST(f.log.recent(0, 2).front().number == all.back().number - 1);
  BOOST_TEST(f.log.recent(all.back().number).empty());
}

BOOST_AUTO_TEST_CASE(json_lines_hold_types_and_utc) {
  const LogEvent event{1,
                       ha::WallTime{1'795'143'851'042ms},
                       LogLevel::Warn,
                       "a.b",
                       {{"n", -4}, {"on", false}, {"for", 250ms}, {"name", "q\"\\\x01"}},
                       2};
  BOOST_TEST(
      ha::log_json(event) ==
      "{\"time\":\"2026-11-20T03:04:11.042Z\",\"level\":\"warn\",\"event\":\"a.b\",\"n\":-4,\"on\":false,"
      "\"for\":0.25,\"name\":\"q\\\"\\\\\\\\x01\",\"repeats\":2}");
}

BOOST_AUTO_TEST_CASE(levels_have_names_and_read_back) {
  for (const LogLevel level : {LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error}) {
    BOOST_TEST((*ha::parse_log_level(ha::log_level_name(level)) == level));
  }
  BOOST_TEST(ha::parse_log_level("loud").error().hint() == "debug, info, warn or error");
}

BOOST_AUTO_TEST_CASE(every_format_has_a_sink) {
  for (const ha::LogFormat format : {ha::LogFormat::Automatic, ha::LogFormat::Text, ha::LogFormat::Json,
                                     ha::LogFormat::Journal, ha::LogFormat::Silent}) {
    BOOST_TEST(ha::make_log_sink(format, "test") != nullptr);
  }
  ha::make_log_sink(ha::LogFormat::Silent, "test")->write({});
}

BOOST_AUTO_TEST_CASE(many_threads_log_at_once) {
  Fixture f;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&f, t] {
      for (int i = 0; i < 200; ++i) {
        f.log.info("n", {{"t", t}, {"i", i}});
        (void)f.log.recent(0, 5);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  BOOST_TEST(f.lines.size() == 800U);
  BOOST_TEST(f.log.recent().size() == 800U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
