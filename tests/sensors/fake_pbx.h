// A PBX for one sensor: what it answers is the test's, and may change.
#pragma once

#include <fstream>
#include <functional>
#include <map>
#include <string>

#include <sys/stat.h>

#include "tests/pbx/fake_asterisk.h"
#include "tests/sensors/sensor_fixture.h"

namespace ha::failover {

inline constexpr std::size_t kCallersMax = 8;

// Logs in, then answers commands ("api status") with a body; nothing: the connection ends; "silent": nothing
// is said. Events of ours come back.
inline pbx::FakeServer::Serve freeswitch(const std::function<std::string(const std::string&)>& answering) {
  return [answering](pbx::Caller& caller) {
    const std::string reply = "Content-Type: command/reply\nReply-Text: +OK\n\n";
    caller.say("Content-Type: auth/request\n\n");
    caller.hear("\n\n");
    caller.say(reply);
    caller.hear("\n\n");
    caller.say(reply);
    for (;;) {
      Bytes asked = caller.hear("\n\n");
      if (asked.empty()) {
        return;
      }
      asked.resize(asked.size() - 2);
      const bool is_event = asked.starts_with("sendevent CUSTOM\n");
      const std::string answer = answering(is_event ? "sendevent" : asked);
      if (answer.empty()) {
        return;
      }
      const std::string body = is_event ? "Event-Name: CUSTOM\n" + asked.substr(17) + "\n" : answer;
      const std::string type = is_event ? "text/event-plain" : "api/response";
      if (is_event) {
        caller.say(reply);
      }
      if (answer != "silent") {
        caller.say("Content-Length: " + std::to_string(body.size()) + "\nContent-Type: " + type + "\n\n" +
                   body);
      }
    }
  };
}

// What a real FreeSWITCH said to "status".
inline std::string recorded_status() {
  for (const pbx::EslFrame& each : pbx::decode<pbx::EslDecoder>({pbx::fixture("freeswitch-commands.raw")})) {
    if (each.type() == "api/response") {
      return each.body;
    }
  }
  return {};
}

// Makes sensors that ask it; they have to end before it does.
struct FakePbx {
  explicit FakePbx(const pbx::FakeServer::Serve& serve, bool is_freeswitch = false)
      : server(std::vector<pbx::FakeServer::Serve>(kCallersMax, serve)),
        pbx(is_freeswitch ? "freeswitch" : "asterisk") {
    host.put("secret", "s3cret\n");
    BOOST_REQUIRE(::chmod(host.path("secret").c_str(), 0600) == 0);
  }
  [[nodiscard]] std::unique_ptr<Sensor> sensor(const std::string& kind, Options options = {}) const {
    options.emplace("pbx", pbx);
    options.emplace("address", server.address.text());
    options.emplace("secret_file", host.path("secret"));
    return host.sensor(kind, options);
  }

  Host host;
  pbx::FakeServer server;
  std::string pbx;
};

}  // namespace ha::failover
