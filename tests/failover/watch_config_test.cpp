#include "failover/watch_config.h"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <sstream>

#include "schemas/cluster_schema.h"

namespace ha::failover {
namespace {

using std::chrono::seconds;

const std::string kSites =
    "version = 1\n"
    "[cluster]\n"
    "name = \"voice\"\n"
    "id = \"c-1\"\n"
    "[[site]]\n"
    "name = \"fra1\"\n"
    "address = [\"tcp://fra1:7700\"]\n"
    "key = \"k\"\n"
    "[[site]]\n"
    "name = \"nyc1\"\n"
    "address = [\"tcp://nyc1:7700\"]\n"
    "key = \"k\"\n";

struct ReadWatch {
  WatchConfig config;
  std::string problems;

  [[nodiscard]] const SensorSetup* sensor(std::string_view name) const {
    for (const SensorSetup& each : config.sensors) {
      if (each.spec.name == name) {
        return &each;
      }
    }
    return nullptr;
  }
};

ReadWatch read_text(const std::string& text, std::string_view self = "fra1") {
  ConfigProblems problems;
  const auto document = ConfigDocument::load("cluster.toml", text, cluster_schema(), problems);
  WatchConfig config = read_watch(document, {self, "/etc/hareplicate", "/var/lib/ha"}, problems);
  return {std::move(config), problems.text()};
}
ReadWatch read(const std::string& more, std::string_view self = "fra1") {
  return read_text(kSites + more, self);
}

// The one thing that is said, without the line that counts; the sites take 13 lines.
std::string wrong(const std::string& more) {
  const std::string problems = read(more).problems;
  const std::size_t end = problems.find('\n');
  BOOST_TEST((problems.substr(std::min(end + 1, problems.size())).starts_with("1 error")), problems);
  return problems.substr(0, end);
}

BOOST_AUTO_TEST_SUITE(failover_watch_config)

BOOST_AUTO_TEST_CASE(some_sensors_are_always_there) {
  const ReadWatch plain = read("");
  BOOST_TEST(plain.problems == "");
  std::string names;
  for (const SensorSetup& each : plain.config.sensors) {
    names += each.spec.name + " ";
  }
  BOOST_TEST(names == "disk.space disk.inodes mem.available cpu.load clock.offset net.gateway state ");
  BOOST_TEST(plain.sensor("state")->text("path") == "/var/lib/ha");
  BOOST_TEST(plain.sensor("state")->spec.weight == 0U);
  BOOST_TEST(plain.config.handlers.empty());
  const ReadWatch asterisk = read("[pbx]\n");
  BOOST_REQUIRE(asterisk.sensor("pbx.process") != nullptr);
  BOOST_TEST(asterisk.sensor("pbx.process")->text("process") == "asterisk");
  BOOST_TEST((asterisk.sensor("pbx.process")->spec.when == CountsWhen::Serving));
  BOOST_TEST(read("[pbx]\nkind = \"freeswitch\"\n").sensor("pbx.process")->text("process") == "freeswitch");
  BOOST_TEST(read("[pbx]\nkind = \"other\"\nprocess = \"yate\"\n").sensor("pbx.process")->text("process") ==
             "yate");
  BOOST_TEST((read("[pbx]\nkind = \"other\"\n").sensor("pbx.process") == nullptr));
}

BOOST_AUTO_TEST_CASE(the_pbx_is_asked_as_its_table_says) {
  const std::string pbx = "[pbx]\naddress = \"127.0.0.1:5039\"\nuser = \"ha\"\n";
  const ReadWatch asterisk = read(pbx);
  BOOST_TEST(asterisk.problems == "");
  BOOST_TEST(asterisk.config.sensors.size() == 16U);
  const SensorSetup& latency = *asterisk.sensor("pbx.ctl_latency");
  BOOST_TEST((latency.text("address") == "127.0.0.1:5039" && latency.text("user") == "ha"));
  BOOST_TEST((latency.text("pbx") == "asterisk" && latency.spec.when == CountsWhen::Serving));
  BOOST_TEST(latency.text("secret_file") == "/etc/hareplicate/secrets/pbx");
  BOOST_TEST((asterisk.sensor("pbx.taskprocessor") != nullptr && asterisk.sensor("pbx.events") == nullptr));
  const ReadWatch freeswitch =
      read("[pbx]\nkind = \"freeswitch\"\naddress = \"127.0.0.1\"\nsecret_file = \"/run/esl\"\n");
  BOOST_TEST(freeswitch.problems == "");
  BOOST_TEST(freeswitch.sensor("pbx.events")->text("pbx") == "freeswitch");
  BOOST_TEST(freeswitch.sensor("pbx.events")->text("secret_file") == "/run/esl");
  const ReadWatch own = read(pbx + "[[sensor]]\nname = \"trunk\"\nkind = \"trunk.qualify\"\n" +
                             "trunks = [\"provider\"]\nuser = \"other\"\n");
  BOOST_TEST(own.problems == "");
  BOOST_TEST((own.sensor("trunk")->text("address") == "127.0.0.1:5039" &&
              own.sensor("trunk")->text("user") == "other"));
  BOOST_TEST(wrong("[pbx]\naddress = \"192.0.2.1:5038\"\n")
                 .starts_with("cluster.toml:14:11: error: sensor \"pbx.ctl_latency\": "));
  BOOST_TEST(wrong("[pbx]\nkind = \"freeswitch\"\n[[sensor]]\nname = \"astdb.write\"\n") ==
             "cluster.toml:15:1: error: sensor \"astdb.write\": astdb.write is of asterisk alone, not of "
             "freeswitch");
}

BOOST_AUTO_TEST_CASE(one_with_the_name_of_a_default_takes_its_place) {
  const std::string off = "[[sensor]]\nname = \"disk.space\"\nweight = 0\nsites = [\"fra1\"]\n";
  const ReadWatch here = read(off);
  BOOST_TEST(here.problems == "");
  BOOST_TEST(here.config.sensors.size() == 7U);
  BOOST_TEST(here.sensor("disk.space")->spec.weight == 0U);
  BOOST_TEST(here.sensor("disk.space")->text("path") == "/");
  BOOST_TEST(read(off, "nyc1").sensor("disk.space")->spec.weight == 60U);
  const ReadWatch other =
      read("[[sensor]]\nname = \"disk.space\"\nkind = \"tcp\"\naddress = \"127.0.0.1:80\"\n");
  BOOST_TEST(other.problems == "");
  BOOST_TEST(other.sensor("disk.space")->kind == "tcp");
}

BOOST_AUTO_TEST_CASE(a_sensor_has_the_keys_of_its_kind_and_the_sites_that_it_names) {
  const ReadWatch both = read(
      "[[sensor]]\nname = \"sip\"\nkind = \"sip.options\"\naddress = \"192.0.2.10:5060\"\nsites = "
      "[\"fra1\"]\nevery = \"500ms\"\ntrip = \"3s\"\nwhen = \"always\"\n"
      "[[sensor]]\nname = \"sip\"\nkind = \"sip.options\"\naddress = \"192.0.2.20:5060\"\nsites = "
      "[\"nyc1\"]\n");
  BOOST_TEST(both.problems == "");
  BOOST_TEST(both.config.sensors.size() == 8U);
  const SensorSetup& sip = *both.sensor("sip");
  BOOST_TEST(sip.text("address") == "192.0.2.10:5060");
  BOOST_TEST((sip.spec.every == std::chrono::milliseconds(500) && sip.spec.levels.trip == 3.0));
  BOOST_TEST((sip.spec.when == CountsWhen::Always));
  BOOST_TEST(make_sensors(both.config.sensors)->size() == 8U);
  BOOST_TEST((Health::make(specs_of(both.config.sensors), SteadyTime{}).ok()));
  // Its kind is its name if that is one.
  BOOST_TEST(read("[[sensor]]\nname = \"mem.oom_kill\"\nwindow = \"1h\"\n").sensor("mem.oom_kill")->kind ==
             "mem.oom_kill");
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_sensor_is_one_line_at_its_place) {
  BOOST_TEST(wrong("[[sensor]]\nkind = \"cpu.steal\"\n") ==
             "cluster.toml:13:1: error: sensor: \"name\" is missing — What people call it; one with the name "
             "of a default takes its place.");
  BOOST_TEST(wrong("[[sensor]]\nname = \"a b\"\nkind = \"cpu.steal\"\n") ==
             "cluster.toml:14:8: error: sensor \"a b\": a name is a-z, 0-9, \"-\", \"_\" and \".\", at most "
             "64 of them");
  BOOST_TEST(wrong("[[sensor]]\nname = \"disk\"\nkind = \"disk.spce\"\n") ==
             "cluster.toml:15:8: error: sensor \"disk\": there is no kind of sensor \"disk.spce\"; did you "
             "mean \"disk.space\"?");
  BOOST_TEST(wrong("[[sensor]]\nname = \"steal\"\n") ==
             "cluster.toml:13:1: error: sensor \"steal\": there is no kind of sensor \"steal\"");
  BOOST_TEST(wrong("[[sensor]]\nname = \"cpu.steal\"\nweigth = 3\n") ==
             "cluster.toml:15:10: error: sensor \"cpu.steal\": unknown key \"weigth\" of cpu.steal; did you "
             "mean \"weight\"?");
  BOOST_TEST(wrong("[[sensor]]\nname = \"cpu.steal\"\nsite = [\"fra1\"]\n") ==
             "cluster.toml:15:8: error: sensor \"cpu.steal\": unknown key \"site\" of cpu.steal; did you "
             "mean \"sites\"?");
  BOOST_TEST(wrong("[[sensor]]\nname = \"cpu.steal\"\nevery = 5\n") ==
             "cluster.toml:15:9: error: sensor \"cpu.steal\": every = 5 — use \"5s\" (units: ms s m h "
             "d)");
  BOOST_TEST(wrong("[[sensor]]\nname = \"cpu.steal\"\nwarn = 5\n") ==
             "cluster.toml:15:8: error: sensor \"cpu.steal\": warn — must be a percentage in quotes, "
             "\"85%\"");
  BOOST_TEST(wrong("[[sensor]]\nname = \"cpu.steal\"\nwarn = \"50%\"\n") ==
             "cluster.toml:13:1: error: sensor \"cpu.steal\": it would trip before it warns");
  BOOST_TEST(wrong("[[sensor]]\nname = \"cpu.steal\"\nwhen = \"sometimes\"\n")
                 .starts_with("cluster.toml:15:8: error: sensor \"cpu.steal\": when = \"sometimes\""));
  BOOST_TEST(wrong("[[sensor]]\nname = \"web\"\nkind = \"tcp\"\n") ==
             "cluster.toml:13:1: error: sensor \"web\": tcp needs address: Address and port, 192.0.2.10:80 "
             "or [2001:db8::10]:80; names are not looked up.");
  BOOST_TEST(wrong("[[sensor]]\nname = \"web\"\nkind = \"tcp\"\naddress = \"localhost:80\"\n")
                 .starts_with("cluster.toml:13:1: error: sensor \"web\": "));
  BOOST_TEST(wrong("[[sensor]]\nname = \"cpu.steal\"\nsites = [\"fra2\"]\n") ==
             "cluster.toml:15:9: error: sensor \"cpu.steal\": there is no site \"fra2\"; did you mean "
             "\"fra1\"?");
  BOOST_TEST(
      wrong("[[sensor]]\nname = \"cpu.steal\"\n[[sensor]]\nname = \"cpu.steal\"\nsites = [\"nyc1\"]\n") ==
      "cluster.toml:16:8: error: sensor \"cpu.steal\" is there twice, first at cluster.toml:13:1");
  BOOST_TEST(wrong("[[sensor]]\nname = \"cpu.steal\"\nsites = [\"nyc1\"]\nrise = 0\n")
                 .starts_with("cluster.toml:16:8: error: "));  // also of another site
  BOOST_TEST(wrong("[[sensor]]\nname = \"cpu.steal\"\n[sensor.warn]\nat = 1\n") ==
             "cluster.toml:15:9: error: sensor \"cpu.steal\": \"warn\" must have one value, not a table — "
             "put the dotted key in quotes");
}

BOOST_AUTO_TEST_CASE(there_are_at_most_so_many_sensors) {
  std::string many;
  for (std::size_t i = 0; i <= kSensorsMax - 7; ++i) {
    many += "[[sensor]]\nname = \"s" + std::to_string(i) + "\"\nkind = \"cpu.steal\"\n";
  }
  BOOST_TEST(wrong(many) == "cluster.toml:13:1: error: this site has 129 sensors, at most 128 can be");
}

BOOST_AUTO_TEST_CASE(a_handler_is_as_it_is_written) {
  const ReadWatch made = read(
      "[[handler]]\nname = \"fw\"\nevents = [\"role.promoting\", \"pbx.*\"]\n"
      "command = [\"/bin/fw\", \"add\"]\nblocking = true\ntimeout = \"3s\"\nuser = \"daemon\"\nqueue = 5\n"
      "[[handler]]\nname = \"page\"\nevents = [\"node.failed\"]\ncommand = [\"mail -s x root\"]\n"
      "shell = true\n"
      "[[handler]]\nname = \"there\"\nevents = [\"*\"]\ncommand = [\"/bin/true\"]\nsites = [\"nyc1\"]\n");
  BOOST_TEST(made.problems == "");
  BOOST_REQUIRE(made.config.handlers.size() == 2U);
  const HandlerConfig& firewall = made.config.handlers[0];
  BOOST_TEST((firewall.name == "fw" && firewall.blocking && firewall.queue_max == 5));
  BOOST_TEST((firewall.run.argv == std::vector<std::string>{"/bin/fw", "add"}));
  BOOST_TEST((firewall.run.limit == seconds(3) && firewall.run.user == "daemon" && !firewall.run.shell));
  const HandlerConfig& page = made.config.handlers[1];
  BOOST_TEST((page.run.shell && !page.blocking && page.run.limit == seconds(10) && page.queue_max == 32));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_handler_is_one_line_at_its_place) {
  const auto handler = [](const std::string& more) { return wrong("[[handler]]\nname = \"h\"\n" + more); };
  BOOST_TEST(handler("command = [\"/bin/true\"]\n") ==
             "cluster.toml:13:1: error: handler \"h\": \"events\" is missing — What it is told of: "
             "[\"role.promoted\", \"pbx.*\"].");
  BOOST_TEST(handler("events = [\"role.promotd\"]\ncommand = [\"/bin/true\"]\n") ==
             "cluster.toml:15:10: error: handler \"h\": there is no event \"role.promotd\"; did you mean "
             "\"role.promoted\"? — docs/handlers.md has them all");
  BOOST_TEST(
      handler("events = [\"role.promoted\"]\ncommand = [\"/bin/true\"]\nblocking = true\n") ==
      "cluster.toml:15:10: error: handler \"h\": nobody is waited for at \"role.promoted\" — blocking = "
      "false, in a handler of its own");
  BOOST_TEST(handler("events = []\ncommand = [\"/bin/true\"]\n") ==
             "cluster.toml:15:10: error: handler \"h\": it is for no event");
  BOOST_TEST(handler("events = [\"*\"]\ncommand = [\"true\"]\n")
                 .starts_with("cluster.toml:16:11: error: handler \"h\": the command \"true\" has no path"));
  BOOST_TEST(handler("events = [\"*\"]\ncommand = []\n") ==
             "cluster.toml:16:11: error: handler \"h\": there is no command");
  BOOST_TEST(handler("events = [\"*\"]\ncommand = [\"a\", \"b\"]\nshell = true\n") ==
             "cluster.toml:16:11: error: handler \"h\": with shell = true the command is one text");
  BOOST_TEST(handler("events = [\"*\"]\ncommand = [\"/bin/true\"]\ntimout = \"1s\"\n") ==
             "cluster.toml:17:1: error: handler \"h\": unknown key \"timout\"; did you mean \"timeout\"?");
  BOOST_TEST(handler("events = [\"*\"]\ncommand = [\"/bin/true\"]\ntimeout = \"1ms\"\n")
                 .starts_with("cluster.toml:17:11: error: handler \"h\": timeout = \"1ms\""));
  BOOST_TEST(handler("events = [\"*\"]\ncommand = [\"/bin/true\"]\nsites = [\"nyc\"]\n") ==
             "cluster.toml:17:9: error: handler \"h\": there is no site \"nyc\"; did you mean \"nyc1\"?");
  BOOST_TEST(handler("events = [\"*\"]\ncommand = [\"/bin/true\"]\n[[handler]]\nname = \"h\"\nevents = "
                     "[\"*\"]\ncommand = [\"/bin/true\"]\n") ==
             "cluster.toml:18:8: error: handler \"h\" is there twice, first at cluster.toml:13:1");
  std::string many;
  for (std::size_t i = 0; i <= kHandlersMax; ++i) {
    many +=
        "[[handler]]\nname = \"h" + std::to_string(i) + "\"\nevents = [\"*\"]\ncommand = [\"/bin/true\"]\n";
  }
  BOOST_TEST(wrong(many) == "cluster.toml:269:1: error: handler \"h64\" is one more than the 64 that can be");
}

// The sensors and handlers of conf/cluster.toml are right once their "# " is taken away.
BOOST_AUTO_TEST_CASE(the_examples_in_the_sample_are_right) {
  std::ifstream file(std::string(HA_SOURCE_DIR) + "/conf/cluster.toml");
  std::string text;
  bool inside = false;
  bool begun = false;  // prose comes before the first of them
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("# -----")) {
      inside = line.find("what is watched") != line.npos;
    } else if (inside && (begun || line.starts_with("# [["))) {
      begun = true;
      line = line.substr(std::min<std::size_t>(2, line.size()));
    }
    text += line + "\n";
  }
  const ReadWatch sample = read_text(text);
  BOOST_TEST(sample.problems == "");
  BOOST_TEST(sample.config.sensors.size() == 10U);
  BOOST_TEST(sample.config.handlers.size() == 3U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
