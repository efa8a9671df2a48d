// An Asterisk that answers as a recorded one did.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "tests/pbx/fake_server.h"

namespace ha::pbx {

// What a real Asterisk answered, by what it was asked: "PJSIPShowEndpoint nobody".
inline std::map<std::string, Bytes> recorded_answers(const std::string& name) {
  std::map<std::string, Bytes> out;
  const Bytes transcript = fixture(name);
  std::string action;
  std::string last;
  for (const std::string_view line : split(transcript, '\n')) {
    if (line.starts_with("> ") && line.size() > 2) {
      const bool is_new = line.starts_with("> Action: ");
      action = is_new ? std::string(line.substr(10)) : action;
      last = is_new ? "" : std::string(line.substr(line.find(": ") + 2));
    } else if (line.starts_with("< ")) {
      std::string text(line.substr(2));
      if (text.starts_with("ActionID: ")) {
        text = "ActionID: @";
      }
      const bool has_more = action != "Ping" && action != "CoreStatus" && !last.empty();
      out[has_more ? action + " " + last : action] += text + "\r\n";
    }
  }
  return out;
}

// Asked by an action (its name, and the value of its last field), it answers with @ for the ActionID; with
// nothing: the connection ends.
using Answering = std::function<Bytes(const std::string& action, const std::string& last)>;

// Logs everybody in, then answers until the caller goes. `before`: what is said before each answer.
inline FakeServer::Serve asterisk(const Answering& answering, const std::string& before = "") {
  return [answering, before](Caller& caller) {
    caller.say("Asterisk Call Manager/5.0.4\r\n");
    for (;;) {
      const Bytes asked = caller.hear("\r\n\r\n");
      if (asked.empty()) {
        return;
      }
      const AmiMessage message = decode<AmiDecoder>({"Asterisk Call Manager/1\r\n", asked}).front();
      const std::string action(message.text("Action"));
      const std::string id(message.text("ActionID"));
      std::string answer = "Response: Success\r\nActionID: @\r\n\r\n";  // of the login
      if (action != "Login") {
        const std::size_t last = message.fields.size() - 1;
        answer = answering(action, last > 1 ? message.fields[last].value : "");
      }
      if (answer.empty()) {
        return;
      }
      for (std::size_t at = answer.find('@'); at != std::string::npos;
           at = answer.find('@', at + id.size())) {
        if (answer.compare(at - 10, 10, "ActionID: ") == 0) {
          answer.replace(at, 1, id);
        }
      }
      caller.say(before + answer);
    }
  };
}

// As the recorded one answered.
inline Answering recorded(const std::string& name) {
  return [answers = recorded_answers(name)](const std::string& action, const std::string& last) {
    const auto found = answers.find(last.empty() ? action : action + " " + last);
    return found != answers.end() ? found->second : answers.lower_bound(action)->second;
  };
}
inline FakeServer::Serve asterisk(const std::string& name, const std::string& before = "") {
  return asterisk(recorded(name), before);
}

}  // namespace ha::pbx
