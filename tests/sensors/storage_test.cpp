// Sensors of file systems, on the one where the test's folder is.
#include <fcntl.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "common/base/bytes.h"
#include "failover/sensors/tree_digest.h"
#include "tests/sensors/sensor_fixture.h"

namespace ha::failover {
namespace {

BOOST_AUTO_TEST_SUITE(sensors_storage)

BOOST_AUTO_TEST_CASE(free_space_and_inodes_are_shares) {
  const Host host;
  const Options here{{"path", host.path("")}, {"warn", "0%"}, {"trip", "0%"}};
  const Reading space = host.read(*host.sensor("disk.space", here));
  HA_READS(space, Ok, "are free");
  BOOST_TEST((space.value > 0 && space.value < 100 && space.unit == "%"));
  HA_READS(host.read(*host.sensor("disk.inodes", here)), Ok, "inodes");
  HA_READS(
      host.read(*host.sensor("disk.space", {{"path", host.path("")}, {"warn", "100%"}, {"trip", "100%"}})),
      Trip, "are free");
  for (const char* kind : {"disk.space", "disk.inodes", "disk.readonly"}) {
    HA_READS(host.read(*host.sensor(kind, {{"path", host.path("nowhere")}})), Trip, "cannot look at");
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_to_trips) {
  const Host host;
  HA_READS(read_now(*host.sensor("disk.readonly", {{"path", host.path("")}})), Ok, "can be written to");
  HA_READS(
      read_now(*host.sensor("voicemail.spool", {{"path", host.path("")}, {"warn", "1m"}, {"trip", "1h"}})),
      Ok, "writing a file to");
  BOOST_TEST(must(host.folder.root.names(10)).empty());  // nothing is left
  HA_READS(read_now(*host.sensor("voicemail.spool", {{"path", host.path("nowhere")}})), Trip,
           "cannot create");
  HA_READS(read_now(*host.sensor("disk.readonly", {{"path", "/proc"}})), Trip, "cannot create");
  HA_READS(read_now(*host.sensor("disk.readonly", {{"path", "/proc"}, {"write", false}})), Ok, "");
}

BOOST_AUTO_TEST_CASE(another_user_is_tried_as_that_user) {
  const Host host;
  const Options options{{"path", host.path("")}, {"user", "daemon"}, {"warn", "1m"}, {"trip", "1h"}};
  if (::geteuid() != 0) {
    HA_READS(read_now(*host.sensor("voicemail.spool", options)), Trip, "cannot run as user");
    return;
  }
  HA_READS(read_now(*host.sensor("voicemail.spool", options)), Trip,
           "daemon cannot write: dd: failed to open");
  BOOST_REQUIRE(::chown(host.path("").c_str(), 1, 1) == 0);
  HA_READS(read_now(*host.sensor("voicemail.spool", options)), Ok, "writing a file to");
  BOOST_TEST(must(host.folder.root.names(10)).empty());
}

// A process of the test's /proc that has files of the test's folder open.
struct Recorder {
  explicit Recorder(const Host& of) : host(of) {
    host.put("proc/9/stat", "9 (asterisk) S 1 1 1 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 5 1 1\n");
    host.put("proc/9/fd/.keep", "");
    host.put("proc/9/fdinfo/.keep", "");
  }
  void open(int fd, const std::string& name, const char* flags = "02101") const {
    BOOST_REQUIRE(::symlink(host.path(name).c_str(), host.path("proc/9/fd/" + std::to_string(fd)).c_str()) ==
                  0);
    host.put("proc/9/fdinfo/" + std::to_string(fd),
             "pos:\t0\nflags:\t" + std::string(flags) + "\nmnt_id:\t1\n");
  }
  const Host& host;
};

BOOST_AUTO_TEST_CASE(a_recording_that_is_written_to_has_to_grow) {
  Host host;
  const Recorder asterisk(host);
  host.put("monitor/a.wav", "1");
  host.put("monitor/b.wav", "1");
  host.put("elsewhere/c.wav", "1");
  auto sensor = host.sensor("recording.growth", {{"path", host.path("monitor")}, {"process", "asterisk"}});
  HA_READS(host.read(*sensor), Ok, "nothing is being recorded");
  asterisk.open(3, "monitor/a.wav");
  asterisk.open(4, "monitor/b.wav", "0100000");  // only read
  asterisk.open(5, "elsewhere/c.wav");
  HA_READS(host.read(*sensor), Ok, "a.wav\" has not grown for 0 s, of 1");
  host.now += seconds(9);
  HA_READS(host.read(*sensor), Ok, "for 9.0 s");
  host.now += seconds(1);
  HA_READS(host.read(*sensor), Trip, "a.wav\" has not grown for 10 s");
  host.put("monitor/a.wav", "12");
  HA_READS(host.read(*sensor), Ok, "for 0 s");
  host.now += seconds(60);
  host.remove("proc/9/fd/3");  // it is over
  HA_READS(host.read(*sensor), Ok, "nothing is being recorded");
  host.remove("proc/9");
  HA_READS(host.read(*sensor), Ok, "does not run");
}

BOOST_AUTO_TEST_CASE(a_tree_that_changes_has_drifted) {
  const Host host;
  host.put("etc/pjsip.conf", "one");
  host.put("etc/keys/a.pub", "key");
  auto sensor = host.sensor("config.drift", {{"path", host.path("etc")}});
  HA_READS(read_now(*sensor), Ok, "has not changed");
  host.put("etc/keys/a.pub", "kez");
  HA_READS(read_now(*sensor), Trip, "has changed since");
  const std::string digest = hex(must(tree_digest(host.path("etc"), read_clocks().steady + seconds(60))));
  host.put("expected", digest + "  etc\n");
  auto compared =
      host.sensor("config.drift", {{"path", host.path("etc")}, {"expected", host.path("expected")}});
  HA_READS(read_now(*compared), Ok, "is as ");
  host.put("etc/keys/a.pub", "key");
  HA_READS(read_now(*compared), Trip, "not that of ");
  HA_READS(read_now(*sensor), Ok, "has not changed");
  host.remove("expected");
  HA_READS(read_now(*compared), Unknown, "cannot read");
  HA_READS(read_now(*host.sensor("config.drift", {{"path", host.path("no")}})), Unknown, "");
  HA_READS(read_now(*compared, Duration::zero()), Unknown, "takes too long");
}

BOOST_AUTO_TEST_CASE(a_digest_knows_names_modes_links_and_where_files_end) {
  const Host host;
  const auto digest = [&] { return must(tree_digest(host.path("t"), read_clocks().steady + seconds(60))); };
  std::vector<Digest> seen;
  const auto differs = [&] {
    const Digest now = digest();
    const bool is_new = std::find(seen.begin(), seen.end(), now) == seen.end();
    seen.push_back(now);
    return is_new && digest() == now;
  };
  host.put("t/a", "1");
  BOOST_TEST(differs());
  host.put("t/b", "2");
  BOOST_TEST(differs());
  host.put("t/b", "");
  BOOST_TEST(differs());
  host.put("t/a", "12");
  BOOST_TEST(differs());
  std::filesystem::permissions(host.path("t/a"), std::filesystem::perms::owner_read);
  BOOST_TEST(differs());
  std::filesystem::rename(host.path("t/b"), host.path("t/c"));
  BOOST_TEST(differs());
  BOOST_REQUIRE(::symlink("a", host.path("t/l").c_str()) == 0);
  BOOST_TEST(differs());
  std::filesystem::create_directory(host.path("t/d"));
  BOOST_TEST(differs());
  std::string deep = "t";
  for (std::size_t i = 0; i <= kTreeDepthMax; ++i) {
    deep += "/d";
  }
  host.put(deep + "/x", "");
  const auto too_deep = tree_digest(host.path("t"), read_clocks().steady + seconds(60));
  BOOST_TEST((!too_deep.ok() && too_deep.error().code() == Code::Exhausted));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
