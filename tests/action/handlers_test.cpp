#include "failover/action/handlers.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "common/base/bounded_queue.h"
#include "failover/action/events.h"
#include "tests/sys/temp_directory.h"

namespace ha::failover {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using sys::must;

ActionCommand shell(const std::string& text, Duration limit = seconds(20)) {
  return {.argv = {text}, .limit = limit, .shell = true};
}

HandlerConfig handler(std::string name, std::vector<std::string> events, ActionCommand run,
                      bool blocking = false, std::size_t queue_max = 32) {
  return {std::move(name), std::move(events), std::move(run), blocking, queue_max};
}

Event event(std::string name, std::string id = "e-1") {
  return {std::move(name),
          std::move(id),
          "fra1",
          "standby",
          41,
          WallTime(seconds(1'800'000'000)),
          {{"service", "pbx-eu"}, {"max lag", "2 s"}, {"epoch", "not this one"}}};
}

struct Running {
  explicit Running(std::vector<HandlerConfig> configs)
      : handlers(must(Handlers::start(std::move(configs),
                                      [this](HandlerRun run) { static_cast<void>(runs.try_push(run)); }))) {}
  BoundedQueue<HandlerRun> runs{1000};
  std::unique_ptr<Handlers> handlers;
};

BOOST_AUTO_TEST_SUITE(action_handlers)

BOOST_AUTO_TEST_CASE(an_event_comes_as_variables_and_as_json) {
  Running running({handler("all", {"*"},
                           shell("env | grep -E '^HA_(AT|EPOCH|EVENT|ID|MAX_LAG|ROLE|SERVICE|SITE)=' | "
                                 "sort | tr '\\n' ' '; cat"))});
  running.handlers->tell(event("role.promoted"));
  const HandlerRun run = *running.runs.pop();
  BOOST_TEST((run.handler == "all" && run.event == "role.promoted" && run.id == "e-1" && run.outcome.good));
  BOOST_TEST(
      unescape(run.outcome.output) ==
      "HA_AT=2027-01-15T08:00:00.000Z HA_EPOCH=41 HA_EVENT=role.promoted HA_ID=e-1 HA_MAX_LAG=2 s "
      "HA_ROLE=standby HA_SERVICE=pbx-eu HA_SITE=fra1 "
      "{\"event\":\"role.promoted\",\"id\":\"e-1\",\"at\":\"2027-01-15T08:00:00.000Z\",\"site\":\"fra1\","
      "\"role\":\"standby\",\"epoch\":41,\"service\":\"pbx-eu\",\"max lag\":\"2 s\"}\n");
}

BOOST_AUTO_TEST_CASE(what_is_in_an_event_cannot_end_its_place) {
  Event odd = event("node.failed");
  odd.fields = {{"why", std::string("a\0b\n\"c\"", 7)}, {"", "x"}};
  BOOST_TEST(event_environment(odd).back() == "HA_WHY=a\\x00b\\x0a\"c\"");
  BOOST_TEST((event_json(odd).find("\"why\":\"a\\\\x00b\\n\\\"c\\\"\"}") != std::string::npos),
             event_json(odd));
  odd.fields.assign(1000, {"a", "b"});
  BOOST_TEST(event_environment(odd).size() == 6 + kEventFieldsMax);
}

BOOST_AUTO_TEST_CASE(blocking_ones_are_asked_in_order_and_the_first_no_ends_it) {
  const sys::TempDirectory folder;
  const auto write = [&](const std::string& word) {
    return shell("echo " + word + " >> " + folder.path + "/log");
  };
  Running running({handler("first", {"role.*"}, write("first"), true),
                   handler("other", {"pbx.*"}, write("other"), true),
                   handler("told", {"role.*"}, write("told")),
                   handler("second", {"role.promoting"}, shell("echo disk is full; exit 9"), true),
                   handler("third", {"role.promoting"}, write("third"), true)});
  const auto veto = running.handlers->ask(event("role.promoting"));
  BOOST_REQUIRE(veto.has_value());
  BOOST_TEST(veto->handler == "second");
  BOOST_TEST((veto->words.find("ended with 9: disk is full") != std::string::npos));
  BOOST_TEST(!running.handlers->ask(event("role.demoting")).has_value());
  BOOST_TEST(!running.handlers->ask(event("role.promoted")).has_value());  // nobody is asked after it
  BOOST_TEST(folder.read("log") == "first\nfirst\n");
}

BOOST_AUTO_TEST_CASE(one_that_hangs_says_no_at_its_limit) {
  Running running({handler("hangs", {"pbx.starting"}, shell("sleep 100", milliseconds(50)), true)});
  const auto veto = running.handlers->ask(event("pbx.starting"));
  BOOST_TEST(veto->words == "\"sleep 100\" did not end within 50ms");
}

BOOST_AUTO_TEST_CASE(one_handler_never_runs_beside_itself_and_a_full_queue_drops) {
  const sys::TempDirectory folder;
  must(folder.root.make_node("gate", sys::FileType::Fifo, 0600, 0));
  // Each run waits at the gate; two at a time would find the other's directory.
  Running running(
      {handler("slow", {"*"},
               shell("cd " + folder.path + "; mkdir alone || exit 1; read x < gate; rmdir alone"), false, 2),
       handler("quick", {"lease.*"}, shell("true"))});
  running.handlers->tell(event("lease.lost", "e-0"));
  while (running.handlers->counts()[0].waiting > 0) {  // until the first is being run
  }
  for (int i = 1; i <= 5; ++i) {
    running.handlers->tell(event("lease.lost", "e-" + std::to_string(i)));
  }
  for (int i = 0; i < 6; ++i) {
    BOOST_TEST(running.runs.pop()->handler == "quick");
  }
  BOOST_TEST(running.handlers->counts()[0].dropped == 3U);
  BOOST_TEST(running.handlers->counts()[0].waiting == 2U);
  for (int i = 0; i < 3; ++i) {
    const sys::FileHandle gate(::open((folder.path + "/gate").c_str(), O_WRONLY | O_CLOEXEC), "gate");
    BOOST_TEST(::write(gate.fd(), "\n", 1) == 1);
    const HandlerRun run = *running.runs.pop();
    BOOST_TEST((run.outcome.good && run.id == "e-" + std::to_string(i)), run.outcome.words);
  }
  const HandlerCounts counts = running.handlers->counts()[0];
  BOOST_TEST((counts.runs == 3 && counts.failures == 0 && counts.waiting == 0));
}

BOOST_AUTO_TEST_CASE(the_end_does_not_wait_for_a_handler) {
  const SteadyTime begin = read_clocks().steady;
  {
    Running running({handler("slow", {"*"}, shell("sleep 1000", std::chrono::minutes(30)))});
    for (int i = 0; i < 5; ++i) {
      running.handlers->tell(event("lease.lost"));
    }
    while (running.handlers->counts()[0].waiting == 5) {
    }
  }
  BOOST_TEST((read_clocks().steady - begin < std::chrono::minutes(5)));
}

BOOST_AUTO_TEST_CASE(what_cannot_work_is_refused) {
  const auto refused = [](HandlerConfig config) {
    const Status status = check_handler(config);
    return status.ok() ? "" : status.error().what();
  };
  const ActionCommand good = shell("true");
  BOOST_TEST(refused(handler("", {"*"}, good)) == "a handler without a name");
  BOOST_TEST(refused(handler("a", {}, good)) == "handler \"a\": it is for no event");
  BOOST_TEST(refused(handler("a", {"*"}, {})) == "handler \"a\": there is no command");
  BOOST_TEST(refused(handler("a", {"*"}, good, false, 0)) ==
             "handler \"a\": its queue can have 1 to 256 events");
  BOOST_TEST(refused(handler("a", {"role.*", "role.promoted"}, good, true)) ==
             "handler \"a\": nobody is waited for at \"role.promoted\"");
  BOOST_TEST(refused(handler("a", {"role.promotd"}, good)) ==
             "handler \"a\": there is no event \"role.promotd\"; did you mean \"role.promoted\"?");
  for (const EventName& each : event_names()) {
    BOOST_TEST(refused(handler("a", {std::string(each.name)}, good, each.asked != Asked::Never)).empty());
  }
  const auto start = [](std::vector<HandlerConfig> configs) {
    return Handlers::start(std::move(configs), [](const HandlerRun&) {}).error().code();
  };
  BOOST_TEST((start({handler("a", {"*"}, good), handler("a", {"*"}, good)}) == Code::Invalid));
  BOOST_TEST(
      (start(std::vector<HandlerConfig>(kHandlersMax + 1, handler("a", {"*"}, good))) == Code::Exhausted));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
