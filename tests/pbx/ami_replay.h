// A transcript of AMI as a conversation: what was asked goes into a session, what was answered comes back.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/pbx/ami_session.h"
#include "tests/pbx/transcript.h"

namespace ha::pbx {

inline const SteadyTime kStart{std::chrono::hours(1'000)};

// asterisk*-answers.txt, played to its end: answers by what was asked: "PJSIPShowEndpoint nobody".
struct AmiReplay {
  explicit AmiReplay(const std::string& name, std::size_t piece = 65'536)
      : session({"ha", "s3cret", "system,user"}, kStart + std::chrono::seconds(5)) {
    const Bytes transcript = fixture(name);
    Bytes asked;
    for (const std::string_view line : split(transcript, '\n')) {
      if (line.empty()) {
        continue;
      }
      const Bytes text = Bytes(line.substr(2)) + "\r\n";
      if (line[0] == '>') {
        asked += text;
        if (text == "\r\n") {
          feed(piece);
          ask(asked);
          asked.clear();
        }
      } else {
        heard += text;
      }
    }
    feed(piece);
  }

  // Starts what was asked then; the session has to write the same bytes.
  void ask(const Bytes& bytes) {
    const auto message = decode<AmiDecoder>({"Asterisk Call Manager/1\r\n", bytes}).front();
    if (message.text("Action") != "Login") {
      AmiAction action{std::string(message.text("Action")), {}};
      for (std::size_t i = 2; i < message.fields.size(); ++i) {
        action.fields.push_back(message.fields[i]);
      }
      const auto id = must(session.start(action, kStart + std::chrono::seconds(60), kStart));
      names[id] = action.name + (action.fields.empty() ? "" : " " + action.fields.back().value);
      names[id] += answers.contains(names[id]) ? " again" : "";
    }
    BOOST_TEST(session.take_output() == bytes);
  }

  void feed(std::size_t piece) {
    for (std::size_t at = heard.find("\\n"); at != Bytes::npos; at = heard.find("\\n", at)) {
      heard.replace(at, 2, "\n");
    }
    for (std::size_t at = 0; at < heard.size(); at += piece) {
      session.on_bytes(BytesView(heard).substr(at, piece), kStart + std::chrono::milliseconds(7));
    }
    heard.clear();
    while (auto done = session.next_done()) {
      answers.emplace(names.at(done->id), must(std::move(done->answer)));
    }
    while (auto event = session.next_event()) {
      events.push_back(std::move(*event));
    }
  }

  AmiSession session;
  Bytes heard;
  std::map<std::uint64_t, std::string> names;
  std::map<std::string, AmiAnswer> answers;
  std::vector<AmiMessage> events;
};

}  // namespace ha::pbx
